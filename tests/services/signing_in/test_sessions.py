import hashlib
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support.commands import CommandCounter
from support.threads import errors, together

from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import InvalidToken, NotFound, UserNotFound, ValidationError
from chabad_auth_django.models import Session, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.signing_in import sessions


def open_session(user: User, **changes: Any) -> tuple[Session, str]:
    return sessions.open_session(user_id=user.id, **{"auth_method": "google", **changes})


def rotate(token: Any) -> tuple[Session, str]:
    return sessions.rotate_session(refresh_token=token)


def assert_refused(token: Any) -> None:
    with pytest.raises(InvalidToken) as caught:
        rotate(token)
    assert caught.value.code == "invalid_token"
    assert str(caught.value) == InvalidToken.default_detail


def test_an_opened_session_is_stored_without_its_secrets(user: User, raw: Database) -> None:
    before = now()
    session, token = open_session(user, user_agent="Firefox")
    session_id, family, secret = token.split(".")
    stored = raw.sessions.find_one()
    assert stored["_id"] == session.id == ObjectId(session_id)
    assert stored["userId"] == user.id
    assert (stored["authMethod"], stored["userAgent"]) == ("google", "Firefox")
    assert stored["tokenHash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert before <= stored["createdAt"] == stored["lastUsedAt"] <= now()
    assert stored["expiresAt"] - stored["createdAt"] == timedelta(days=30)
    assert len(secret) >= 43
    assert len(family) >= 43
    assert secret not in str(stored)
    assert family not in str(stored)


@pytest.mark.parametrize(
    ("given", "stored"),
    [(None, None), ("", None), ("x" * 300, "x" * 256), ("a\ud800b", "a?b"), ("Мозилла", "Мозилла")],
)
def test_any_user_agent_will_do(user: User, given: str, stored: str) -> None:
    session, _ = open_session(user, user_agent=given)
    session.refresh()
    assert session.user_agent == stored


def test_there_is_no_session_for_nobody(mongodb: str, raw: Database) -> None:
    for user_id, error in ((ObjectId(), UserNotFound), ("x", ValidationError)):
        with pytest.raises(error):
            sessions.open_session(user_id=user_id, auth_method="google")
    assert raw.sessions.find_one() is None


def test_a_method_that_is_not_allowed_is_refused(user: User) -> None:
    with pytest.raises(ValidationError):
        open_session(user, auth_method="fax")


def test_a_refresh_token_is_exchanged_for_the_next_one(person: User) -> None:
    session, token = open_session(person)
    for _ in range(5):
        rotated, next_token = rotate(token)
        assert rotated.id == session.id
        assert rotated.user_id == person.id
        assert next_token != token
        token = next_token
    assert Session.objects.count() == 1


def test_using_a_session_prolongs_it(user: User) -> None:
    session, token = open_session(user)
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "REFRESH_TOKEN_SECONDS": 9}):
        rotated, _ = rotate(token)
    assert rotated.last_used_at >= session.last_used_at
    assert rotated.expires_at - rotated.last_used_at == timedelta(seconds=9)
    assert rotated.created_at == session.created_at


def test_an_old_token_ends_the_session(person: User) -> None:
    for age in (2, 3):
        _, first = open_session(person)
        _, other = open_session(person)
        token = first
        for _ in range(age):
            _, token = rotate(token)
        assert_refused(first)
        assert_refused(token)
        rotate(other)
        assert Session.objects.count() == 1
        Session.objects.delete()


def test_who_only_knows_the_id_of_a_session_cannot_end_it(user: User) -> None:
    session, token = open_session(user)
    _, other = open_session(user)
    for guess in (
        f"{session.id}.guess.guess",
        f"{session.id}..",
        f"{session.id}.{other.split('.', 1)[1]}",
        f"{session.id}.{session.family_hash}.{session.token_hash}",
    ):
        assert_refused(guess)
    rotate(token)


def test_an_expired_token_is_refused(user: User, raw: Database) -> None:
    _, token = open_session(user)
    raw.sessions.update_one({}, {"$set": {"expiresAt": now() - timedelta(seconds=1)}})
    assert_refused(token)


@pytest.mark.parametrize(
    "token",
    [None, 5, b"x.y.z", ["x"], {"$gt": ""}, "", "x", "..", "a.b.c", "a" * 24, "é" * 24 + ".x.y"]
    + ["0" * 24 + ".x", "0" * 24 + ".x.y", "0" * 24 + ".\ud800.y", "0" * 24 + "." * 1_000_000],
    ids=lambda token: repr(token)[:30],
)
def test_what_is_no_token_is_refused(mongodb: str, token: Any) -> None:
    assert_refused(token)


def test_twenty_threads_that_exchange_one_token_get_one_successor(person: User) -> None:
    _, token = open_session(person)
    results = together([lambda: rotate(token)] * 20)
    assert not errors(results)
    (successor,) = {next_token for _, next_token in results}
    rotate(successor)
    assert Session.objects.count() == 1


def test_the_direct_predecessor_gives_the_same_successor_for_a_while(person: User) -> None:
    _, token = open_session(person)
    successors = {rotate(token)[1] for _ in range(3)}
    assert len(successors) == 1
    stored = Session.objects.get()
    rotate(token)
    again = Session.objects.get()
    # The time counts from the first exchange.
    assert again.exchanged_at == stored.exchanged_at


def test_after_the_grace_a_predecessor_ends_the_session(person: User) -> None:
    _, token = open_session(person)
    _, successor = rotate(token)
    past = now() - timedelta(seconds=21)
    Session.collection().update_one({}, {"$set": {"exchangedAt": past}})
    assert_refused(token)
    assert_refused(successor)
    assert Session.objects.count() == 0


def test_the_grace_ends_when_the_successor_is_exchanged(person: User) -> None:
    _, token = open_session(person)
    _, successor = rotate(token)
    rotate(successor)
    assert_refused(token)
    assert Session.objects.count() == 0


def test_without_a_grace_a_token_is_good_once(person: User) -> None:
    _, token = open_session(person)
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "REFRESH_GRACE_SECONDS": 0}):
        rotate(token)
        assert_refused(token)
    assert Session.objects.count() == 0


def test_a_thief_and_the_owner_within_the_grace_are_told_apart_by_their_next_tokens(
    person: User,
) -> None:
    _, token = open_session(person)
    _, thief = rotate(token)
    _, owner = rotate(token)
    assert thief == owner
    _, thief = rotate(thief)
    past = now() - timedelta(seconds=21)
    Session.collection().update_one({}, {"$set": {"exchangedAt": past}})
    assert_refused(owner)
    assert_refused(thief)


def test_a_successor_is_given_again_after_the_secret_key_was_rotated(person: User) -> None:
    _, token = open_session(person)
    _, successor = rotate(token)
    with override_settings(SECRET_KEY="x" * 50, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert rotate(token)[1] == successor
        rotate(successor)


def test_the_live_sessions_are_listed_the_last_used_first(user: User, raw: Database) -> None:
    other = User.create_user(email="bob@example.org")
    open_session(other)
    opened = [open_session(user) for _ in range(3)]
    expired, _ = open_session(user)
    later = {"$set": {"lastUsedAt": now() + timedelta(seconds=1)}}
    raw.sessions.update_one({"_id": opened[1][0].id}, later)
    raw.sessions.update_one({"_id": expired.id}, {"$set": {"expiresAt": now()}})
    listed = [session.id for session in Session.find_live(str(user.id))]
    assert listed[0] == opened[1][0].id
    assert set(listed) == {session.id for session, _ in opened}


def test_a_session_is_revoked_by_its_user_only(person: User) -> None:
    session, token = open_session(person)
    other = User.create_user(email="bob@example.org")
    for user_id, session_id in ((other.id, session.id), (person.id, ObjectId())):
        with pytest.raises(NotFound) as caught:
            sessions.revoke_session(user_id=user_id, session_id=session_id)
        assert str(caught.value) == "The session does not exist."
    sessions.revoke_session(user_id=person.id, session_id=str(session.id))
    assert_refused(token)
    with pytest.raises(NotFound):
        sessions.revoke_session(user_id=person.id, session_id=session.id)


def test_all_sessions_are_revoked_but_one(user: User) -> None:
    other, other_token = open_session(User.create_user(email="bob@example.org"))
    kept, kept_token = open_session(user)
    tokens = [open_session(user)[1] for _ in range(3)]
    assert sessions.revoke_all_sessions(user_id=user.id, keep=kept.id) == 3
    for token in tokens:
        assert_refused(token)
    _, kept_token = rotate(kept_token)
    assert sessions.revoke_all_sessions(user_id=user.id) == 1
    assert_refused(kept_token)
    rotate(other_token)


def test_more_sessions_than_a_transaction_can_delete_are_deleted_after_it(
    user: User, commands: CommandCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_TOGETHER", 2)
    for count in (2, 3):
        for _ in range(count):
            open_session(user)
        commands.clear()
        assert atomic(sessions.revoke_all_sessions)(user_id=user.id) == count
        (delete,) = (command for name, command in commands.sent if name == "delete")
        assert ("autocommit" in delete) == (count == 2)
        assert Session.objects.count() == 0
