"""Whatever looks a user up by an e-mail address knows each spelling of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support.clients import fresh_database
from support.issuer import SHARED, shared_token
from support.management import run

from chabad_auth_django.exceptions import (
    DuplicateEmail,
    EmailNotVerified,
    UserNotFound,
    ValidationError,
)
from chabad_auth_django.models import User
from chabad_auth_django.services.deployment import indexes, integrity
from chabad_auth_django.services.lifecycle import creation, traces
from chabad_auth_django.services.signing_in import flows

UNICODE, ASCII = "ann@münchen.de", "ann@xn--mnchen-3ya.de"

SPELLINGS = [UNICODE, ASCII, "Ann@MÜNCHEN.de", "ann@mu\u0308nchen.de", "ann@münchen.de."]


def ignore(count: int) -> None:
    """Show no progress."""


def findings(kind: str) -> list[integrity.Finding]:
    return [item for item in integrity.check(advance=ignore) if item.kind == kind]


def enter(email: str, subject: str = "s1") -> User:
    return flows.sign_in_with_token(token=shared_token(sub=subject, email=email)).user


@pytest.fixture
def issuer(mongodb: str) -> Iterator[None]:
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": [SHARED]}):
        yield


@pytest.mark.parametrize("stored", [UNICODE, ASCII], ids=ascii)
def test_each_spelling_signs_in_the_stored_user(issuer: None, raw: Database, stored: str) -> None:
    id = raw.users.insert_one({"email": stored}).inserted_id
    for given in SPELLINGS:
        assert enter(given).id == id


def test_the_second_sign_in_finds_the_user_of_the_first(issuer: None) -> None:
    for email in ("ann@πρωτεΐνη.gr", "bob@straße.de", "bob@strasse.de"):
        first = enter(email, email)
        assert enter(email, email).id == first.id
    assert enter("ann@πρωτεΐνη.gr".upper(), "ann@πρωτεΐνη.gr").email == "ann@xn--owa7ehxmgv3b.gr"
    assert User.objects.count() == 3


def test_a_mailbox_of_several_users_signs_nobody_in(issuer: None, raw: Database) -> None:
    raw.users.insert_many([{"email": UNICODE}, {"email": ASCII}])
    for given in SPELLINGS:
        with pytest.raises(EmailNotVerified):
            enter(given)
    assert raw.sessions.count_documents({}) == 0
    assert raw.users.count_documents({}) == 2


def test_a_user_is_named_by_each_spelling(raw: Database) -> None:
    id = raw.users.insert_one({"email": UNICODE}).inserted_id
    for given in SPELLINGS:
        assert creation.find_user(name=given).id == id
    raw.users.insert_one({"email": ASCII})
    for given in SPELLINGS:
        with pytest.raises(ValidationError) as caught:
            creation.find_user(name=given)
        assert str(id) in caught.value.detail
    for given in ("ann@munchen.de", "ann@x.org"):
        with pytest.raises(UserNotFound):
            creation.find_user(name=given)


def test_no_command_picks_one_of_several_users(raw: Database) -> None:
    raw.users.insert_many([{"email": UNICODE}, {"email": ASCII}])
    for command in ("chabad_delete_user", "chabad_erase_user"):
        assert run(command, UNICODE, "--yes").code == 2
    assert raw.users.count_documents({}) == 2


@pytest.mark.parametrize("given", SPELLINGS, ids=ascii)
def test_an_account_with_a_second_spelling_is_refused(raw: Database, given: str) -> None:
    raw.users.insert_one({"email": UNICODE})
    for service in (creation.check_account, creation.create_account):
        with pytest.raises(DuplicateEmail):
            service(email=given)
    assert run("chabad_create_user", "--email", given, "--no-input").code == 2
    assert raw.users.count_documents({}) == 1


@pytest.mark.parametrize("stored", SPELLINGS[:3], ids=ascii)
def test_an_import_of_a_second_spelling_is_refused(
    mongodb: str, raw: Database, tmp_path: Path, stored: str
) -> None:
    user = User.create_user(email="ann@example.org")
    raw.users.update_one({}, {"$set": {"email": stored}})
    path = tmp_path / "ann.json"
    assert run("chabad_export_user", user.id, "--output", path).code == 0
    for other in (UNICODE, ASCII):
        with fresh_database(mongodb):
            indexes.create()
            User.collection().insert_one({"email": other})
            for options in (("--dry-run",), ()):
                assert run("chabad_import_user", path, *options).code == 2
            assert User.objects.count() == 1
    with fresh_database(mongodb):
        assert run("chabad_import_user", path).code == 0
        assert User.collection().find_one()["email"] == stored


def test_users_with_two_spellings_of_a_mailbox_are_listed_in_pairs(raw: Database) -> None:
    pairs = [
        ("a@münchen.de", "a@xn--mnchen-3ya.de"),
        ("b@xn--mnchen-3ya.de", "b@münchen.de"),
        ("c@mu\u0308nchen.de", "c@münchen.de"),
        ("d@münchen.de", "d@mu\u0308nchen.de"),
    ]
    ids = [
        tuple(raw.users.insert_one({"email": email}).inserted_id for email in pair)
        for pair in pairs
    ]
    User.create_user(email="e@straße.de")
    User.create_user(email="e@strasse.de")
    found = findings("duplicate_email")
    listed = [{str(item.id), item.detail.rpartition(" ")[2]} for item in found]
    assert sorted(map(sorted, listed)) == sorted(sorted(map(str, pair)) for pair in ids)
    assert not any(item.repair for item in found)


def test_a_spelling_that_every_look_up_finds_needs_no_repair(raw: Database) -> None:
    raw.users.insert_many([{"email": UNICODE}, {"email": "Bob@example.org"}])
    found = [
        item for item in integrity.check(advance=ignore) if item.kind == "email_not_normalised"
    ]
    assert [item.id for item in found] == [raw.users.find_one({"email": "Bob@example.org"})["_id"]]
    assert [item.repair() for item in found] == [True]
    assert raw.users.distinct("email") == [UNICODE, "bob@example.org"]


@pytest.mark.parametrize("name", SPELLINGS[:3], ids=ascii)
def test_traces_of_each_spelling_are_found(raw: Database, name: str) -> None:
    raw.notes.insert_many([{"text": f"from {text}"} for text in (UNICODE, ASCII, "bob@x.org")])
    unread: list[str] = []
    found = traces.find_traces(
        names=[name], advance=ignore, unreadable=lambda *told: unread.extend(told)
    )
    assert len(list(found)) == 2
    assert unread == []
