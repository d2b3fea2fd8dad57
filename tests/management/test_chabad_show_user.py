from pymongo.database import Database
from support.management import run

from chabad_auth_django.models import Activity, User
from chabad_auth_django.services.signing_in import sessions

COMMAND = "chabad_show_user"


def test_json_has_everything_but_secrets(user: User, raw: Database) -> None:
    event = Activity.create_activity(user_id=user.id, event_type="x")
    sessions.open_session(user_id=user.id, auth_method="google", user_agent="curl")
    result = run(COMMAND, user.email, "--json")
    assert (result.code, result.err) == (0, "")
    (shown,) = result.json["users"]
    assert list(shown) == ["user", "profile", "preferences", "counts", "sessions", "lastActivity"]
    assert shown["user"]["_id"] == str(user.id)
    assert shown["preferences"]["theme"] == "auto"
    assert shown["counts"]["activities"] == shown["counts"]["profiles"] == 1
    assert shown["lastActivity"] == event.timestamp.isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )
    assert list(shown["sessions"][0]) == [
        *("id", "authMethod", "userAgent", "createdAt", "lastUsedAt", "expiresAt")
    ]
    stored = raw.sessions.find_one()
    assert stored and stored["tokenHash"] not in result.out


def test_for_people_it_is_a_page(user: User) -> None:
    result = run(COMMAND, str(user.id))
    assert result.code == 0
    assert result.lines[0] == "user:"
    assert any(line.split() == ["email", "ann@example.org"] for line in result.lines)
    assert result.lines[-1].split() == ["last", "activity", "-"]


def test_what_controls_a_terminal_is_not_written(user: User, raw: Database) -> None:
    raw.users.update_one({}, {"$set": {"name": "\x1b[2Jgone\r\n", "list": ["\x1b"]}})
    assert "\x1b" not in run(COMMAND, user.email).out


def test_a_missing_document_is_told_and_not_made(user: User, raw: Database) -> None:
    raw.profiles.delete_many({})
    result = run(COMMAND, user.email)
    assert "profile: missing; 'chabad_check_integrity --repair' makes it" in result.lines
    assert run(COMMAND, user.email, "--json").json["users"][0]["profile"] is None
    assert raw.profiles.count_documents({}) == 0


def test_an_unknown_name_does_not_hide_the_others(user: User) -> None:
    result = run(COMMAND, "nobody", user.email, "--json")
    assert (result.code, len(result.json["users"])) == (2, 1)
