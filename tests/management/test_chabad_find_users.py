from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.database import Database
from support.management import run

from chabad_auth_django.models import User
from chabad_auth_django.services.identity import blocking
from chabad_auth_django.services.signing_in import sessions


@pytest.fixture
def people(mongodb: str) -> list[User]:
    names = ("ann", "anna", "bob")
    return [User.create_user(email=f"{name}@example.org", name=name.title()) for name in names]


def test_who_matches_every_option_is_listed(people: list[User]) -> None:
    blocking.block_user(user_id=people[1].id, reason="abuse")
    for arguments, names in (
        (["--email", "an"], ["Ann", "Anna"]),
        (["--email", "an", "--blocked"], ["Anna"]),
        (["--not-blocked"], ["Bob", "Ann"]),
        (["--name", "NN", "--role", "user", "--since", "2020-01-01"], ["Anna", "Ann"]),
        (["--since", "2999-01-01"], []),
        (["--external-id", "nobody's"], []),
    ):
        result = run("chabad_find_users", *arguments, "--json")
        assert (result.code, result.err, result.json["next"]) == (0, "", None)
        assert [user["name"] for user in result.json["users"]] == names, arguments
    shown = run("chabad_find_users", "--email", "anna").lines
    assert str(people[1].id) in shown[1] and "yes" in shown[1]
    assert run("chabad_find_users", "--role", "admin").lines == ["Nobody matches."]


@pytest.mark.parametrize("criteria", [[], ["--email", "a"], ["--email", ""]])
def test_the_next_ones_are_told(people: list[User], criteria: list[str]) -> None:
    first = run("chabad_find_users", *criteria, "--limit", 1, "--json")
    if criteria == ["--email", ""]:
        assert first.code == 2
        return
    second = run("chabad_find_users", *criteria, "--after", first.json["next"], "--json").json
    whole = run("chabad_find_users", *criteria, "--json").json["users"]
    assert first.json["users"] + second["users"] == whole
    assert len(whole) > 1
    hint = run("chabad_find_users", *criteria, "--limit", 1).lines[-1]
    assert hint == f"There are more: --after {first.json['next']}"


@pytest.mark.parametrize(
    "damage",
    [{"$set": {"lastUsedAt": "x", "userId": ["x"]}}, {"$unset": {"createdAt": 1, "userId": 1}}],
)
def test_damaged_sessions_are_listed(
    people: list[User], raw: Database, damage: dict[str, Any]
) -> None:
    sessions.open_session(user_id=people[0].id, auth_method="google", user_agent="curl")
    raw.sessions.update_one({}, damage)
    (found,) = run("chabad_list_sessions", "--json").json["sessions"]
    assert (found["userAgent"], found["email"]) == ("curl", None)


def test_times_are_in_utc(people: list[User], raw: Database) -> None:
    sessions.open_session(user_id=people[0].id, auth_method="google")
    time = datetime(2026, 1, 31, 12, tzinfo=UTC)
    raw.sessions.update_one({}, {"$set": {"createdAt": time}})
    raw.users.update_one({"_id": people[0].id}, {"$set": {"lastLogin": time, "name": time}})
    raw.audit_log.update_many({}, {"$set": {"details": {"x": datetime.min.replace(tzinfo=UTC)}}})
    (session,) = run("chabad_list_sessions", "--json").json["sessions"]
    (user,) = run("chabad_find_users", "--email", "ann@", "--json").json["users"]
    shown = "2026-01-31T12:00:00.000Z"
    assert [session["createdAt"], user["lastLogin"], user["name"]] == [shown] * 3
    entry = run("chabad_list_audit", "--json").json["entries"][0]
    assert entry["details"] == {"x": "0001-01-01T00:00:00.000Z"}


def test_sessions_are_listed(people: list[User]) -> None:
    for user in people[:2]:
        sessions.open_session(user_id=user.id, auth_method="google", user_agent="curl")
    found = run("chabad_list_sessions", "--json").json
    assert [row["email"] for row in found["sessions"]] == ["anna@example.org", "ann@example.org"]
    assert not {"tokenHash", "familyHash"} & found["sessions"][0].keys()
    mine = run("chabad_list_sessions", "--user", "ann@example.org", "--json").json["sessions"]
    assert [row["email"] for row in mine] == ["ann@example.org"]
    first = run("chabad_list_sessions", "--limit", 1, "--json").json
    rest = run("chabad_list_sessions", "--after", first["next"], "--json").json
    assert first["sessions"] + rest["sessions"] == found["sessions"]
    assert run("chabad_list_sessions", "--auth-method", "cdsso").lines == ["No sessions."]
    for arguments in (["--after", "x"], ["--user", "nobody"], ["--since", "x"]):
        result = run("chabad_list_sessions", *arguments)
        assert (result.code, len(result.err.splitlines())) == (2, 1)
