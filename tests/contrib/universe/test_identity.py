"""Who the caller is, linking Merkos, and the rules."""

from typing import Any

import pytest
from support.commands import CommandCounter
from support.merkos import token
from support.signed_in import access_token
from support.universe import FrontEnd, check_error

from chabad_auth_django.models import Profile, User


def identity(front_end: FrontEnd) -> dict[str, Any]:
    found: dict[str, Any] = front_end.get("auth/me").json()["identity"]
    return found


def test_the_identity_has_what_is_known() -> None:
    user = User.create_user(
        email="b@x.org", valu_user_id="v1", auth_methods=["google", "credentials"]
    )
    page = FrontEnd(bearer=access_token(user.id))
    answer = page.get("auth/me")
    assert answer["Cache-Control"] == "private, no-store"
    found = answer.json()["identity"]
    times = {found.pop("createdAt"), found.pop("updatedAt")}
    assert all(time.endswith("Z") for time in times)
    assert found == {
        "universeUserId": str(user.id),
        "email": "b@x.org",
        "displayName": "b",
        "linkedAccounts": ["valu", "google"],
        "valuUserId": "v1",
    }
    profile = Profile.find_by_user_id(user.id)
    profile.patch({"display_name": "Beth"})
    profile.update_avatar("https://x.org/a.png")
    found = identity(page)
    assert (found["displayName"], found["avatarUrl"]) == ("Beth", "https://x.org/a.png")


def test_what_other_programs_stored_does_no_harm(raw: Any) -> None:
    user = User.create_user(email="b@x.org", auth_methods=["google"])
    page = FrontEnd(bearer=access_token(user.id))
    raw.users.update_one({}, {"$set": {"authMethods": "google", "merkosUserId": 7, "roles": None}})
    raw.profiles.update_one({}, {"$set": {"displayName": ["x"], "avatar": "https://x.org/a.png"}})
    found = identity(page)
    assert (found["displayName"], found["linkedAccounts"]) == ("b", [])
    raw.profiles.delete_one({})
    assert identity(page)["displayName"] == "b"


def test_linking_a_merkos_account(caplog: pytest.LogCaptureFixture) -> None:
    user = User.create_user(email="b@x.org", auth_methods=["google"])
    page = FrontEnd(bearer=access_token(user.id))
    answer = page.post("auth/link-merkos", {"merkosToken": token("m-77")})
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    linked = answer.json()["identity"]
    assert linked["merkosUserId"] == "m-77"
    assert linked["linkedAccounts"] == ["merkos", "google", "chabad-org"]
    again = page.post("auth/link-merkos", {"merkosToken": token("m-77")})
    assert again.json()["identity"]["merkosUserId"] == "m-77"
    # From now on it signs in as the same user.
    assert identity(FrontEnd(bearer=token("m-77")))["universeUserId"] == str(user.id)
    for sent in ("nonsense", token("m-78", age=7200), access_token(user.id)):
        check_error(page.post("auth/link-merkos", {"merkosToken": sent}), 400)
    check_error(page.post("auth/link-merkos", {}), 400)
    other = User.create_user(email="c@x.org", auth_methods=["google"])
    other_page = FrontEnd(bearer=access_token(other.id))
    taken = other_page.post("auth/link-merkos", {"merkosToken": token("m-77")})
    check_error(taken, 409, "external_id_taken")
    assert "A sign-in by link was refused: external_id_taken" in caplog.messages


def test_the_rules_are_for_everybody(configure: Any) -> None:
    rules = FrontEnd().get("authorization/rules").json()["rules"]
    by_role = {rule["role"]: rule["permissions"] for rule in rules["roles"]}
    assert by_role["admin"] == ["*", "admin"]
    assert by_role["user"] == []
    assert rules["defaultRole"] == "user"
    with configure(UNIVERSE_RULES={"editor": ["read", "write"]}, UNIVERSE_DEFAULT_ROLE="guest"):
        rules = FrontEnd().get("authorization/rules").json()["rules"]
    assert rules == {
        "roles": [{"role": "editor", "permissions": ["read", "write"]}],
        "defaultRole": "guest",
    }


def test_few_commands_say_who_calls(commands: CommandCounter, configure: Any) -> None:
    options = {"event_listeners": [commands]}
    with configure(MONGODB_OPTIONS=options):
        page = FrontEnd()
        page.sign_in()
        commands.clear()
        page.get("auth/me")
        assert commands.names == ["aggregate", "find"]
        commands.clear()
        FrontEnd(bearer=token()).get("sso/status")
        assert commands.names == ["aggregate"]
        commands.clear()
        page.get("authorization/rules")
        assert commands.names == []
