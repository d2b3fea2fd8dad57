import pytest
from pymongo.database import Database
from support.management import interrupted, run

from chabad_auth_django.models import Preferences, Profile, User
from chabad_auth_django.services.identity import external_ids

COMMAND = "chabad_create_user"


def test_options_create_a_user_with_all_that_belongs_to_it(either_server: str) -> None:
    result = run(
        COMMAND,
        *("--no-input", "--email", " Ann@Example.org ", "--name", "Ann", "--role", "moderator"),
        *(
            "--permission",
            "users:read",
            "--auth-method",
            "google",
            "--valu-user-id",
            "v1",
            "--json",
        ),
    )
    user = User.find_by_email("ann@example.org")
    assert user is not None
    assert (result.code, result.err) == (0, "")
    assert result.json == {
        "id": str(user.id),
        "email": "ann@example.org",
        "roles": ["user", "moderator"],
        "permissions": ["users:read"],
        "signIn": [],
        "dryRun": False,
    }
    assert (user.name, user.auth_methods, user.valu_user_id) == ("Ann", ["google"], "v1")
    assert Profile.find_by_user_id(user.id) and Preferences.find_by_user_id(user.id)
    assert external_ids.find_user_by_external_id(field="valuUserId", value="v1") == user


def test_a_role_that_is_given_twice_is_stored_once(mongodb: str) -> None:
    roles = ["--role", "user", "--role", "admin", "--role", "admin"]
    assert run("chabad_create_user", "--email", "ann@example.org", *roles).code == 0
    assert User.objects.get().roles == ["user", "admin"]


def test_on_a_terminal_it_asks_until_the_address_is_valid(mongodb: str) -> None:
    result = run(COMMAND, answers="nonsense\nann@example.org\nAnn\n")
    assert result.code == 0
    assert result.err == (
        "E-mail address: Enter a valid e-mail address.\nE-mail address: Name (may be empty): "
    )
    assert result.lines[0].endswith(": ann@example.org, roles user")
    assert User.objects.get().name == "Ann"


@pytest.mark.parametrize("arguments", [["--no-input"], []])
def test_without_an_address_and_a_terminal_it_is_refused(
    mongodb: str, arguments: list[str]
) -> None:
    result = run(COMMAND, *arguments)
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)


def test_when_the_answers_end_nothing_is_done(mongodb: str) -> None:
    assert run(COMMAND, answers="").code == 2
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--email", "ann"], "email: Enter a valid e-mail address."),
        (["--email", "bob@example.org", "--auth-method", "x"], "authMethods: "),
        (["--email", "ANN@example.org"], "A user with this e-mail address exists already."),
        (["--email", "b@example.org", "--valu-user-id", "v1"], "The external id"),
    ],
)
@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
def test_what_cannot_be_stored_is_refused(
    either_server: str, arguments: list[str], error: str, dry_run: list[str]
) -> None:
    assert run(COMMAND, "--email", "ann@example.org", "--valu-user-id", "v1").code == 0
    result = run(COMMAND, "--no-input", *arguments, *dry_run)
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert error in result.err
    assert User.objects.count() == 1


def test_a_dry_run_stores_nothing(raw: Database) -> None:
    result = run(COMMAND, "--email", "ann@example.org", "--dry-run", "--json")
    assert result.code == 0
    assert (result.json["id"], result.json["dryRun"]) == (None, True)
    assert all(raw[name].count_documents({}) == 0 for name in raw.list_collection_names())


def test_a_role_that_the_settings_do_not_know_is_refused(mongodb: str) -> None:
    result = run(COMMAND, "--email", "ann@example.org", "--role", "admn")
    assert (result.code, result.out) == (2, "")
    assert "does not know 'admn'" in result.err
    assert User.objects.count() == 0


def test_after_an_interruption_the_same_command_creates_the_user(either_server: str) -> None:
    with interrupted(User, "_insert"):
        result = run(COMMAND, "--email", "ann@example.org")
    assert (result.code, len(result.err.splitlines())) == (130, 1)
    assert User.objects.count() == 0
    assert run(COMMAND, "--email", "ann@example.org").code == 0
