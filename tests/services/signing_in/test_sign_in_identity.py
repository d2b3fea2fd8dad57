from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.errors import AutoReconnect
from rest_framework.test import APIClient
from support.commands import CommandCounter
from support.issuer import SHARED, shared_token
from support.receivers import connected
from support.threads import errors, together

from chabad_auth_django import signals
from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import (
    CredentialsDisabled,
    EmailNotVerified,
    ExternalIdTaken,
    InvalidToken,
    UserNotFound,
    ValidationError,
)
from chabad_auth_django.models import (
    Activity,
    Analytics,
    ExternalId,
    Preferences,
    Profile,
    Session,
    User,
)
from chabad_auth_django.services.identity import external_ids, unlinking
from chabad_auth_django.services.signing_in import callers, flows, tokens
from chabad_auth_django.services.signing_in.flows import SignedIn

VALU, MERKOS, PLAIN = "https://valu.test", "https://merkos.test", "https://plain.test"

ISSUERS = [
    {**SHARED, "ISSUER": VALU, "EXTERNAL_ID_FIELD": "valuUserId"},
    {**SHARED, "ISSUER": MERKOS, "AUTH_METHOD": "cdsso", "EXTERNAL_ID_FIELD": "merkosUserId"},
    {**SHARED, "ISSUER": PLAIN, "AUTH_METHOD": "bearer-token"},
]


def configured(**changes: Any) -> Any:
    return override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": ISSUERS, **changes})


@pytest.fixture
def server(either_server: str) -> Iterator[str]:
    """An empty database on each kind of server in turn, with three issuers."""
    with configured():
        yield either_server


@pytest.fixture
def replica_set(mongodb: str) -> Iterator[str]:
    with configured():
        yield mongodb


def token(issuer: str = VALU, **changes: Any) -> str:
    return shared_token(iss=issuer, **changes)


def enter(issuer: str = VALU, **changes: Any) -> SignedIn:
    return flows.sign_in_with_token(token=token(issuer, **changes))


def store(**fields: Any) -> ObjectId:
    """Store a user as another program does, without anything else."""
    user = {"email": "ann@example.org", "roles": ["user"], "authMethods": [], **fields}
    return connection.get_database().users.insert_one(user).inserted_id


def claimed() -> dict[str, ObjectId]:
    """Return whose the external ids are, without the claims on accounts."""
    claims = {claim.id: claim.user_id for claim in ExternalId.objects}
    return {key: user for key, user in claims.items() if not key.startswith("issuer:")}


def test_a_new_person_gets_a_user_a_session_and_tokens(server: str) -> None:
    signed_in = flows.sign_in_with_token(token=token(), app_id="cteen", user_agent="Firefox")
    user = User.objects.get()
    assert (user.email, user.name, user.valu_user_id) == ("ann@example.org", "Ann", "person-1")
    assert (user.auth_methods, user.roles, user.permissions) == (["google"], ["user"], [])
    assert user.last_login is not None
    assert Profile.objects.get().user_id == Preferences.objects.get().user_id == user.id
    assert claimed() == {"valuUserId:person-1": user.id}
    session = Session.objects.get()
    assert (session.user_id, session.auth_method, session.user_agent) == (
        user.id,
        "google",
        "Firefox",
    )
    assert signed_in.user.id == user.id
    assert signed_in.session.id == session.id
    access = tokens.verify_access_token(token=signed_in.access_token)
    assert (access.user_id, access.session_id) == (user.id, session.id)
    for event in (Activity.objects.get(), Analytics.objects.get()):
        assert (event.user_id, event.app_id, event.session_id) == (
            user.id,
            "cteen",
            str(session.id),
        )
        assert event.event_data == {"authMethod": "google"}
    assert connection.get_database().deletions.find_one() is None


def test_the_representation_shows_no_token(replica_set: str) -> None:
    signed_in = enter()
    assert signed_in.access_token not in repr(signed_in)
    assert signed_in.refresh_token not in repr(signed_in)


def test_the_external_id_finds_the_user_whatever_the_email_is(server: str) -> None:
    user_id = enter().user.id
    for changes in (
        {"email": "new@example.org"},
        {"email": "new@example.org", "email_verified": False},
        {"email": None},
    ):
        assert enter(**changes).user.id == user_id
    assert User.objects.get().email == "ann@example.org"
    assert claimed() == {"valuUserId:person-1": user_id}


def test_a_verified_email_finds_the_user_and_links_the_external_id(server: str) -> None:
    user = User.create_user(email="ann@example.org", name="Ann B", auth_methods=["chabad-org"])
    assert enter(email=" ANN@example.org").user.id == user.id
    assert enter(MERKOS, sub="m1").user.id == user.id
    assert enter(PLAIN).user.id == user.id
    user.refresh()
    assert user.name == "Ann B"
    assert (user.valu_user_id, user.merkos_user_id) == ("person-1", "m1")
    assert user.auth_methods == ["chabad-org", "google", "cdsso", "bearer-token"]
    assert claimed() == {"valuUserId:person-1": user.id, "merkosUserId:m1": user.id}


@pytest.mark.parametrize(
    "changes", [{"email_verified": False}, {"email_verified": None}, {"email": None}], ids=str
)
@pytest.mark.parametrize("issuer", [VALU, PLAIN])
def test_an_unverified_email_tells_nothing_and_changes_nothing(
    server: str, issuer: str, changes: dict[str, Any]
) -> None:
    answers = []
    for _ in ("without an account", "with one"):
        with pytest.raises(EmailNotVerified) as caught:
            enter(issuer, **changes)
        answers.append((caught.value.code, caught.value.detail))
        assert Session.objects.count() == Activity.objects.count() == len(claimed()) == 0
        if len(answers) == 1:
            assert User.objects.count() == 0
            store(valuUserId="another")
    assert answers[0] == answers[1] == ("email_not_verified", EmailNotVerified.default_detail)
    assert User.objects.get().auth_methods == []


def test_an_address_that_may_be_another_mailbox_is_not_verified(server: str) -> None:
    """An issuer's mail to it may have reached another than whom the normal form names."""
    User.create_user(email="admin@example.org", roles=["admin"])
    alike = ("\uff21dmin@example.org", "admi\u207f@example.org", "adm\u0131n@example.org")
    for email in (*alike, "\u212a@example.org", "\u017fam@example.org"):
        for issuer in (VALU, PLAIN):
            with pytest.raises(EmailNotVerified):
                enter(issuer, email=email)
            with pytest.raises(EmailNotVerified):
                callers.by_issuer_token(token=token(issuer, email=email))
    assert (User.objects.count(), len(claimed())) == (1, 0)
    for email in (" Admin@EXAMPLE.org ", "admin@example\u3002org"):
        assert enter(PLAIN, email=email).user.email == "admin@example.org"


def test_an_address_that_nobody_has_verified_for_the_user_links_nobody(server: str) -> None:
    """Whoever changes their own address to another's must not share the other's user."""
    pat = enter(PLAIN, sub="pat", email="Pat@example.org").user
    pat.patch({"email": "root@example.org"})
    for come in (enter, lambda **claims: callers.by_issuer_token(token=token(**claims))):
        with pytest.raises(ExternalIdTaken):
            come(email="root@example.org")
    # The issuer of the first account has verified it meanwhile.
    enter(PLAIN, sub="pat", email="Root@example.org")
    assert enter(email="root@example.org").user.id == pat.id


def test_an_address_of_a_user_whose_accounts_have_verified_none_links_nobody(server: str) -> None:
    """Whoever unlinks the account with an address must not share another's user either."""
    pat = enter(PLAIN, sub="pat", email="pat@example.org").user
    flows.link_identity(user=pat, token=token(MERKOS, sub="pat", email_verified=False))
    first = ExternalId.account_key("issuer", PLAIN, "pat")
    unlinking.unlink(user_id=pat.id, public_id=ExternalId.public_id(first))
    pat.patch({"email": "root@example.org"})
    for come in (enter, lambda **claims: callers.by_issuer_token(token=token(**claims))):
        with pytest.raises(ExternalIdTaken):
            come(email="root@example.org")


def test_the_first_account_ends_the_sessions_from_before_a_change_of_the_address(
    server: str,
) -> None:
    """Whoever has one may have changed the user's address to that of the account."""
    same = flows.issue_tokens(name="ann@example.org", create=True)
    assert enter(sub="ann", email="ann@example.org").user.id == same.user.id
    flows.refresh(refresh_token=same.refresh_token)
    before = flows.issue_tokens(name="pat@example.org", create=True)
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {before.access_token}")
    before.user.add_permission("users:write")
    changed = api.patch("/api/users/me/", {"email": "root@example.org"}, format="json")
    assert changed.status_code == 200
    assert enter(email="root@example.org").user.id == before.user.id
    with pytest.raises(InvalidToken):
        flows.refresh(refresh_token=before.refresh_token)
    # From now on whoever opens one is known.
    after = flows.issue_tokens(name="root@example.org")
    enter(PLAIN, email="root@example.org")
    flows.refresh(refresh_token=after.refresh_token)


def test_a_user_of_another_program_is_adopted(server: str) -> None:
    user_id = store(valuUserId="person-1")
    assert enter(email="other@example.org", email_verified=False).user.id == user_id
    assert claimed() == {"valuUserId:person-1": user_id}


def test_a_token_that_does_not_name_its_issuer_links_to_no_staff(server: str) -> None:
    nameless = {
        **SHARED,
        "ISSUER": "portal",
        "TOKENS_HAVE_ISSUER": False,
        "AUDIENCE": None,
        "MAX_LIFETIME_SECONDS": 3600,
        "EXTERNAL_ID_FIELD": "valuUserId",
    }
    people = {
        "person-1": store(roles=["user", "admin"], valuUserId="person-1"),
        "person-2": store(email="b@b.org", permissions=["users:read"], valuUserId="person-2"),
        "person-3": store(email="c@c.org", roles=["editor"], valuUserId="person-3"),
    }
    ordinary = store(email="d@d.org", valuUserId="person-4")

    def sent(sub: str, email: str | None = None) -> str:
        return shared_token(iss=None, aud=None, sub=sub, email=email or f"{sub}@example.org")

    def come(sub: str) -> list[ObjectId]:
        return [
            flows.sign_in_with_token(token=sent(sub)).user.id,
            callers.by_issuer_token(token=sent(sub)).id,
        ]

    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": [nameless]}):
        for sub in people:
            with pytest.raises(EmailNotVerified):
                come(sub)
            with pytest.raises(EmailNotVerified):
                callers.by_issuer_token(token=sent(sub))
        assert User.objects.count() == 4
        assert ExternalId.objects(id__startswith="issuer:").count() == 0
        assert come("person-4") == [ordinary] * 2
        # A claim stays when its user gets more.
        User(id=ordinary).add_role("admin")
        assert come("person-4") == [ordinary] * 2
        # Whoever proves both identities may link them.
        admin = User.find_by_id(people["person-1"])
        assert admin is not None
        flows.link_identity(user=admin, token=sent("person-1"))
        assert come("person-1") == [admin.id] * 2
    trusted = {**nameless, "EXTERNAL_ID_LINKS_STAFF": True}
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": [trusted]}):
        assert come("person-2") == [people["person-2"]] * 2
        # An address links to no staff all the same.
        with pytest.raises(EmailNotVerified):
            flows.sign_in_with_token(token=sent("new", email="c@c.org"))


def test_a_token_without_the_optional_external_id_names_the_same_user(server: str) -> None:
    issuer = {**ISSUERS[1], "EXTERNAL_ID_CLAIM": "merkos"}
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": [issuer]}):
        user_id = enter(MERKOS, merkos="m1").user.id
        for changes in ({}, {"email": "new@example.org"}, {"email_verified": False}):
            assert enter(MERKOS, **changes).user.id == user_id
        assert User.objects.get().merkos_user_id == "m1"


def test_an_issuer_that_fills_a_field_from_now_on_fills_that_of_known_users(server: str) -> None:
    issuer = {**ISSUERS[1], "EXTERNAL_ID_FIELD": None}
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": [issuer]}):
        ann, bob = (enter(MERKOS, sub=name, email=f"{name}@example.org").user for name in "ab")
    store(email="x@example.org", merkosUserId="b")
    for user, subject in ((ann, "a"), (bob, "b")):
        for _ in range(2):
            signed_in = enter(MERKOS, sub=subject, email_verified=False)
            assert flows.refresh(refresh_token=signed_in.refresh_token).user.id == user.id
    assert User.find_by_id(ann.id).merkos_user_id == "a"
    assert User.find_by_id(bob.id).merkos_user_id is None
    assert claimed()["merkosUserId:a"] == ann.id


def test_of_several_users_with_one_external_id_none_is_adopted(server: str) -> None:
    store(valuUserId="person-1")
    store(valuUserId="person-1", email="bob@example.org")
    with pytest.raises(ExternalIdTaken) as caught:
        enter()
    assert caught.value.code == "external_id_taken"
    assert claimed() == {}


def test_a_user_with_another_external_id_keeps_it(server: str) -> None:
    user_id = enter().user.id
    with pytest.raises(ExternalIdTaken):
        enter(sub="person-2")
    assert User.objects.get().valu_user_id == "person-1"
    assert claimed() == {"valuUserId:person-1": user_id}
    assert len(flows.identities.list_identities(user_id=user_id)) == 1


def test_an_unlinking_that_a_crash_stopped_is_ended_by_the_next(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = enter().user.id
    enter(MERKOS, sub="m1")
    unlink = partial(
        unlinking.unlink,
        user_id=user_id,
        public_id=ExternalId.public_id(ExternalId.account_key("issuer", VALU, "person-1")),
    )
    crash = Mock(side_effect=AutoReconnect)
    with monkeypatch.context() as patch, pytest.raises(AutoReconnect):
        patch.setattr(external_ids, "unlink_external_id", crash)
        unlink()
    unlink()
    assert claimed() == {"merkosUserId:m1": user_id}
    assert User.objects.get().valu_user_id is None
    assert [session.auth_method for session in Session.objects] == ["cdsso"]


def test_unlinking_an_account_leaves_what_another_has_filled(server: str) -> None:
    plain = {**ISSUERS[0], "EXTERNAL_ID_FIELD": None}
    with configured(ISSUERS=[plain]):
        user = enter().user
        flows.link_identity(user=user, token=token(sub="person-2"))
    assert enter().user.valu_user_id == "person-1"
    second = ExternalId.account_key("issuer", VALU, "person-2")
    unlinking.unlink(user_id=user.id, public_id=ExternalId.public_id(second))
    assert User.objects.get().valu_user_id == "person-1"
    assert enter(email_verified=False).user.id == user.id


def test_of_accounts_that_come_with_one_address_at_once_one_is_linked(replica_set: str) -> None:
    user = User.create_user(email="ann@example.org", auth_methods=["bearer-token"])
    tokens = [token(PLAIN, sub=f"person-{number}") for number in range(4)]
    come = [lambda given=given: callers.by_issuer_token(token=given) for given in tokens]
    failures = errors(together(come))
    assert [type(error) for error in failures] == [ExternalIdTaken] * 3
    assert len(flows.identities.list_identities(user_id=user.id)) == 1


def test_an_external_id_that_another_program_took_away_signs_nobody_in(server: str) -> None:
    user_id = enter().user.id
    connection.get_database().users.update_one({}, {"$set": {"valuUserId": "person-2"}})
    with pytest.raises(ExternalIdTaken):
        enter()
    with pytest.raises(EmailNotVerified):
        enter(email_verified=False)
    assert enter(sub="person-2").user.id == user_id
    assert claimed()["valuUserId:person-2"] == user_id


def test_an_external_id_that_another_program_took_away_ends_the_sessions_of_the_account(
    server: str,
) -> None:
    valu, merkos = enter(), enter(MERKOS, sub="m1")
    connection.get_database().users.update_one({}, {"$unset": {"valuUserId": 1}})
    with pytest.raises(InvalidToken):
        flows.refresh(refresh_token=valu.refresh_token)
    with pytest.raises(InvalidToken):
        callers.by_access_token(claims=tokens.verify_access_token(token=valu.access_token))
    flows.refresh(refresh_token=merkos.refresh_token)


def test_an_external_id_that_another_program_moved_moves(server: str) -> None:
    first_id = enter().user.id
    second_id = store(email="bob@example.org", valuUserId="person-1")
    connection.get_database().users.update_one({"_id": first_id}, {"$unset": {"valuUserId": 1}})
    assert enter().user.id == second_id
    assert claimed() == {"valuUserId:person-1": second_id}


def test_the_claim_of_a_user_whom_another_program_deleted_is_free(server: str) -> None:
    first_id = enter().user.id
    connection.get_database().users.delete_one({})
    second_id = enter().user.id
    assert second_id != first_id
    assert claimed() == {"valuUserId:person-1": second_id}


def test_a_deleted_user_can_sign_in_anew(server: str) -> None:
    first = enter()
    first.user.delete()
    second = enter()
    assert second.user.id != first.user.id
    assert claimed() == {"valuUserId:person-1": second.user.id}
    with pytest.raises(InvalidToken):
        flows.refresh(refresh_token=first.refresh_token)


def test_who_is_deleted_while_signing_in_is_a_new_user(
    standalone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_login = User.record_login

    def delete_first(user_id: ObjectId) -> User:
        monkeypatch.undo()
        User.objects(id=user_id).delete()
        return record_login(user_id)

    with configured():
        first = enter().user
        monkeypatch.setattr(User, "record_login", delete_first)
        assert enter().user.id != first.id
    assert User.objects.count() == 1


def test_what_a_crash_left_heals(server: str) -> None:
    user_id = enter().user.id
    users, ids = connection.get_database().users, connection.get_database().external_ids
    for damage in (
        lambda: ids.delete_many({}),
        lambda: users.update_one({}, {"$unset": {"valuUserId": 1}}),
        lambda: (ids.delete_many({}), users.update_one({}, {"$unset": {"valuUserId": 1}})),
    ):
        damage()
        assert enter().user.id == user_id
        assert claimed() == {"valuUserId:person-1": user_id}
        assert User.objects.get().valu_user_id == "person-1"


def test_user_field_and_claim_are_one_transaction(commands: CommandCounter) -> None:
    with configured():
        flows.identities.find_or_create_user(
            identity=flows.issuers.verify_issuer_token(token=token())
        )
    writes = [
        (name, command[name], command.get("txnNumber"), command.get("autocommit"))
        for name, command in commands.sent
        if name in ("insert", "update", "findAndModify", "delete")
    ]
    stored = {"users", "profiles", "preferences", "external_ids", "audit_log"}
    assert stored == {item[1] for item in writes}
    assert {item[2:] for item in writes} == {(writes[0][2], False)}


def test_twenty_threads_sign_in_one_new_person(server: str) -> None:
    created: list[User] = []

    def receive(*, user: User, **kwargs: Any) -> None:
        created.append(user)

    # A busy machine may take long until the last of twenty transactions that conflict is through.
    with configured(TRANSACTION_TIMEOUT=60), connected(signals.user_created, receive):
        results = together([enter] * 20)
    assert not errors(results)
    user = User.objects.get()
    assert {result.user.id for result in results} == {user.id}
    assert claimed() == {"valuUserId:person-1": user.id}
    assert [item.id for item in created] == [user.id]
    assert Profile.objects.count() == Preferences.objects.count() == 1
    assert Session.objects.count() == Activity.objects.count() == Analytics.objects.count() == 20


def test_twenty_threads_with_one_external_id_and_different_emails(server: str) -> None:
    calls = [lambda n=n: enter(email=f"ann{n}@example.org") for n in range(20)]  # type: ignore[misc]
    results = together(calls)
    failed = errors(results)
    if connection.supports_transactions():
        assert not failed
        assert User.objects.count() == 1
    assert {type(error) for error in failed} <= {ExternalIdTaken}
    holder = User.objects.get(valu_user_id="person-1")
    assert claimed() == {"valuUserId:person-1": holder.id}
    assert {result.user.id for result in results if isinstance(result, SignedIn)} <= {holder.id}
    assert enter(email="ann5@example.org").user.id == holder.id


def test_twenty_threads_link_one_external_id(server: str) -> None:
    users = [User.create_user(email=f"ann{number}@example.org") for number in range(20)]
    link = external_ids.link_external_id
    calls = [
        lambda user=user: link(user_id=user.id, field="valuUserId", value="v1")  # type: ignore[misc]
        for user in users
    ]
    results = together(calls)
    assert {type(error) for error in errors(results)} == {ExternalIdTaken}
    holder = User.objects.get(valu_user_id="v1")
    assert claimed() == {"valuUserId:v1": holder.id}
    assert [result.id for result in results if isinstance(result, User)] == [holder.id]


def test_linking_and_unlinking(server: str) -> None:
    ann = User.create_user(email="ann@example.org", auth_methods=["google"])
    bob = User.create_user(email="bob@example.org")
    link, unlink = external_ids.link_external_id, external_ids.unlink_external_id
    for _ in range(2):
        linked = link(user_id=str(ann.id), field="merkosUserId", value="m1")
        assert (linked.id, linked.merkos_user_id) == (ann.id, "m1")
    link(user_id=ann.id, field="valuUserId", value="m1")
    with pytest.raises(ExternalIdTaken):
        link(user_id=bob.id, field="merkosUserId", value="m1")
    with pytest.raises(ExternalIdTaken):
        link(user_id=ann.id, field="merkosUserId", value="m2")
    assert enter(MERKOS, sub="m1", email=None).user.id == ann.id
    for _ in range(2):
        assert unlink(user_id=ann.id, field="merkosUserId").merkos_user_id is None
    assert claimed() == {"valuUserId:m1": ann.id}
    with pytest.raises(EmailNotVerified):
        enter(MERKOS, sub="m1", email=None)
    link(user_id=bob.id, field="merkosUserId", value="m1")
    assert enter(MERKOS, sub="m1", email=None).user.id == bob.id


def test_linking_needs_a_user_a_field_and_a_value(replica_set: str) -> None:
    user = User.create_user(email="ann@example.org")
    for values, error in (
        ({"user_id": ObjectId(), "field": "valuUserId", "value": "v1"}, UserNotFound),
        ({"user_id": "x", "field": "valuUserId", "value": "v1"}, ValidationError),
        ({"user_id": user.id, "field": "email", "value": "v1"}, ValidationError),
        ({"user_id": user.id, "field": "valuUserId", "value": ""}, ValidationError),
        ({"user_id": user.id, "field": "valuUserId", "value": {"$gt": ""}}, ValidationError),
    ):
        with pytest.raises(error):
            external_ids.link_external_id(**values)
    for field, user_id, error in (
        ("email", user.id, ValidationError),
        ("valuUserId", ObjectId(), UserNotFound),
    ):
        with pytest.raises(error):
            external_ids.unlink_external_id(user_id=user_id, field=field)
    assert claimed() == {}
    user.refresh()
    assert user.email == "ann@example.org"


def test_a_user_with_an_empty_external_id_is_linked(server: str) -> None:
    user_id = store(valuUserId="")
    assert enter().user.id == user_id
    assert User.objects.get().valu_user_id == "person-1"


def test_a_bad_token_or_value_leaves_nothing_behind(server: str) -> None:
    for changes, error in (
        ({"exp": 1}, InvalidToken),
        ({"email": "no address"}, EmailNotVerified),
        ({"email": "a\ud800@example.org"}, EmailNotVerified),
        ({"email": "a\u200bnn@example.org"}, EmailNotVerified),
    ):
        with pytest.raises(error):
            enter(**changes)
    with pytest.raises(ValidationError):
        flows.sign_in_with_token(token=token(), app_id={"$gt": ""})  # type: ignore[arg-type]
    assert Session.objects.count() == Activity.objects.count() == 0


def test_signing_out_ends_the_session(server: str) -> None:
    first, second = enter(), enter()
    for _ in range(2):
        flows.sign_out(user_id=first.user.id, session_id=first.session.id)
    with pytest.raises(InvalidToken):
        flows.refresh(refresh_token=first.refresh_token)
    flows.sign_out(user_id=ObjectId(), session_id=second.session.id)
    flows.refresh(refresh_token=second.refresh_token)


def test_a_user_whom_another_program_deleted_cannot_refresh(replica_set: str) -> None:
    signed_in = enter()
    connection.get_database().users.delete_one({})
    with pytest.raises(InvalidToken):
        flows.refresh(refresh_token=signed_in.refresh_token)


def test_credentials_need_django_users(replica_set: str) -> None:
    with pytest.raises(CredentialsDisabled) as caught:
        flows.sign_in_with_credentials(request=None, username="ann", password="secret")
    assert caught.value.code == "credentials_disabled"
    assert "django.contrib.auth" in str(caught.value)
