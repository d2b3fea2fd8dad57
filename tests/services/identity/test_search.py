"""Finding users and sessions of which little is known."""

from datetime import timedelta
from typing import Any
from unittest import mock

import pymongo
import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support.commands import CommandCounter

from chabad_auth_django.db.pages import Position
from chabad_auth_django.exceptions import TooSlow, ValidationError
from chabad_auth_django.models import ExternalId, Profile, Session, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.identity import blocking, search
from chabad_auth_django.services.identity.search import find_users
from chabad_auth_django.services.signing_in import sessions


@pytest.fixture
def people(mongodb: str) -> dict[str, User]:
    made = {
        name: User.create_user(email=f"{name}@example.org", name=f"{name.title()} Levin")
        for name in ("ann", "anna", "bob")
    }
    made["eve"] = User.create_user(email="eve@example.com", valu_user_id="v-1", roles=["moderator"])
    return made


def emails(**criteria: Any) -> list[str]:
    return [row["email"].partition("@")[0] for row in find_users(**criteria).rows]


def test_by_the_begin_of_the_address(people: dict[str, User], raw: Database) -> None:
    raw.users.insert_one({"email": "Ann.Other@example.org"})
    assert emails(email_prefix="an") == ["ann", "anna"]
    assert emails(email_prefix=" ANN@") == ["ann"]
    assert emails(email_prefix="Ann.O") == ["Ann.Other"]
    assert emails(email_prefix="x") == []
    assert emails(email_prefix=".*") == []


def test_by_a_part_of_a_name(people: dict[str, User]) -> None:
    profile = Profile.find_by_user_id(people["eve"].id)
    assert profile
    profile.display_name = "חוה (Eve)"
    profile.save()
    assert emails(name_part="lEVIN") == ["bob", "anna", "ann"]
    assert emails(name_part="חוה") == ["eve"]
    assert emails(name_part="(") == ["eve"]
    assert emails(name_part=".") == []


def test_by_an_external_id(people: dict[str, User]) -> None:
    ann, bob = people["ann"], people["bob"]
    issuer = {"ISSUER": 'https://"a"', "AUTH_METHOD": "google"}
    claims = (
        (ann, ExternalId.account_key("issuer", issuer["ISSUER"], "42")),
        (bob, ExternalId.account_key("host", "site", "7", "2026")),
        (bob, ExternalId.account_key("host", "site", "77", "2026")),
        (ann, ExternalId.account_key("host", "other", "7", "2026")),
    )
    for user, key in claims:
        ExternalId.collection().insert_one({"_id": key, "userId": user.id})
    with override_settings(
        CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": [issuer], "HOST_ID": "site"}
    ):
        for value, expected in (("v-1", ["eve"]), ("42", ["ann"]), ("7", ["bob"]), ("2026", [])):
            assert emails(external_id=value) == expected, value


def test_by_role_time_and_block(people: dict[str, User], raw: Database) -> None:
    blocking.block_user(user_id=people["bob"].id, reason="abuse")
    raw.users.update_one(
        {"_id": people["ann"].id}, {"$set": {"createdAt": now() - timedelta(days=9)}}
    )
    assert emails(role="moderator") == ["eve"]
    assert emails(created_since=now() - timedelta(days=1)) == ["eve", "bob", "anna"]
    assert emails(is_blocked=True) == ["bob"]
    assert emails(is_blocked=False) == ["eve", "anna", "ann"]
    assert emails(is_blocked=False, email_prefix="a", name_part="anna") == ["anna"]
    assert search.find_blocked(user_ids=[user.id for user in people.values()]) == {people["bob"].id}


@pytest.mark.parametrize("criteria", [{}, {"email_prefix": "a"}, {"name_part": "n"}])
def test_page_by_page_everybody_comes_once(
    people: dict[str, User], criteria: dict[str, str]
) -> None:
    found, position = [], None
    for _ in range(9):
        page = find_users(limit=1, position=position, **criteria)
        found += [row["_id"] for row in page.rows]
        position = page.next
        if position is None:
            break
    assert found == [row["_id"] for row in find_users(**criteria).rows]
    assert len(found) >= 2


def test_the_address_is_looked_for_by_its_index(
    people: dict[str, User], commands: CommandCounter
) -> None:
    for criteria in ({"email_prefix": "an"}, {"text": "an"}):
        commands.clear()
        find_users(**criteria, limit=1)
        _, command = commands.sent[-1]
        with pymongo.MongoClient(settings.CHABAD_AUTH["MONGODB_URI"]) as client:
            fields = ("filter", "sort", "limit")
            find = {"find": command["find"]} | {field: command[field] for field in fields}
            plan = client.get_default_database().command(
                "explain", find, verbosity="executionStats"
            )
        stages = str(plan["queryPlanner"]["winningPlan"])
        assert plan["executionStats"]["totalDocsExamined"] <= 2, criteria
        assert ("IXSCAN" in stages, "'SORT'" in stages) == (True, False), criteria


def test_whose_id_it_is_comes_before_addresses_that_begin_so(people: dict[str, User]) -> None:
    merkos = User.create_user(email="zoe@example.org", merkos_user_id="AN")
    assert emails(text="AN") == ["zoe", "ann", "anna"]
    assert emails(text="AN", role="moderator") == []
    assert emails(text=str(merkos.id)) == ["zoe"]
    assert emails(text="zoe") == ["zoe"]
    assert emails(text="lev", in_names=True) == ["bob", "anna", "ann"]
    first = find_users(text="AN", limit=1)
    second = find_users(text="AN", limit=9, position=first.next)
    names = [row.get("name") for row in (*first.rows, *second.rows)]
    assert names == [None, "Ann Levin", "Anna Levin"]


def test_whose_id_it_is_comes_on_no_later_page(people: dict[str, User]) -> None:
    User.create_user(email="anny@example.org", merkos_user_id="an")
    first = find_users(text="an", limit=1)
    second = find_users(text="an", limit=9, position=first.next)
    assert [row["email"].partition("@")[0] for page in (first, second) for row in page.rows] == [
        *("anny", "ann", "anna")
    ]


@pytest.mark.parametrize("criteria", [{"email_prefix": ""}, {"name_part": " "}])
def test_nothing_stands_for_nobody(mongodb: str, criteria: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        find_users(**criteria)


def test_what_takes_too_long_is_said(people: dict[str, User], raw: Database) -> None:
    raw.users.insert_many([{"email": f"{n}", "name": "a" * 500} for n in range(20_000)])
    with mock.patch.object(search, "TIMEOUT", 0.005), pytest.raises(TooSlow, match="Stopped after"):
        find_users(name_part="nobody")


class TestSessions:
    @pytest.fixture
    def opened(self, people: dict[str, User], raw: Database) -> list[ObjectId]:
        ids = []
        for name, method in (("ann", "google"), ("bob", "cdsso"), ("ann", "cdsso")):
            user_id = people[name].id
            ids.append(sessions.open_session(user_id=user_id, auth_method=method)[0].id)
        for end in ({"endedAt": now()}, {"expiresAt": now() - timedelta(days=1)}):
            ended, _ = sessions.open_session(user_id=people["eve"].id, auth_method="google")
            raw.sessions.update_one({"_id": ended.id}, {"$set": end})
        return ids

    def test_of_everybody(self, people: dict[str, User], opened: list[ObjectId]) -> None:
        def ids(**criteria: Any) -> list[int]:
            rows = sessions.list_all_sessions(**criteria).rows
            return [opened.index(row["_id"]) for row in rows]

        assert ids() == [2, 1, 0]
        assert ids(user_id=people["ann"].id) == [2, 0]
        assert ids(auth_method="cdsso") == [2, 1]
        assert ids(used_since=now() + timedelta(hours=1)) == []
        assert ids(limit=2) == [2, 1]
        position = sessions.list_all_sessions(limit=2).next
        assert isinstance(position, Position)
        assert ids(position=position) == [0]

    def test_what_takes_too_long_is_said(self, people: dict[str, User], raw: Database) -> None:
        expiry = now() + timedelta(days=1)
        rows = [{"authMethod": "google", "expiresAt": expiry} for _ in range(20_000)]
        Session.collection().insert_many(rows)
        with mock.patch.object(search, "TIMEOUT", 0.004), pytest.raises(TooSlow):
            sessions.list_all_sessions(auth_method="cdsso")
