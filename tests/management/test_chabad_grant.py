"""``chabad_grant`` and ``chabad_revoke``, which are one command in two directions."""

import pytest
from support.management import interrupted, run

from chabad_auth_django.models import User


@pytest.fixture
def bob(mongodb: str) -> User:
    return User.create_user(email="bob@example.org", valu_user_id="v-bob")


def roles(user: User) -> list[str]:
    user.refresh()
    return list(user.roles)


def test_users_are_named_by_address_id_or_external_id(user: User, bob: User) -> None:
    eve = User.create_user(email="eve@example.org")
    names = ["ANN@example.org", "v-bob", str(eve.id)]
    result = run(
        "chabad_grant", *names, "--role", "moderator", "--permission", "users:read", "--json"
    )
    assert (result.code, result.err) == (0, "")
    assert (result.json["changed"], result.json["unchanged"], result.json["dryRun"]) == (
        3,
        0,
        False,
    )
    assert result.json["users"][0] == {
        "id": str(user.id),
        "email": "ann@example.org",
        "changed": ["moderator", "users:read"],
        "roles": ["user", "moderator"],
        "permissions": ["users:read"],
    }
    assert roles(user) == roles(bob) == roles(eve) == ["user", "moderator"]

    assert run("chabad_grant", *names, "--role", "moderator", "--json").json["unchanged"] == 3
    result = run("chabad_revoke", *names, "--role", "moderator", "--json")
    assert (result.code, result.json["changed"]) == (0, 3)
    assert roles(user) == roles(bob) == ["user"]
    assert run("chabad_revoke", *names, "--role", "moderator", "--json").json["changed"] == 0


def test_a_role_that_is_given_twice_is_told_once(user: User) -> None:
    result = run("chabad_grant", user.email, "--role", "admin", "--role", "admin", "--json")
    assert result.json["users"][0]["changed"] == ["admin"]


def test_many_come_from_standard_input(user: User, bob: User) -> None:
    names = "\ufeffann@example.org\n# the team\n\n  v-bob  \n"
    result = run("chabad_grant", "-", "--role", "admin", stdin=names)
    assert (result.code, result.lines) == (
        0,
        [
            "ann@example.org  changed admin  roles: user, admin  permissions: -",
            "bob@example.org  changed admin  roles: user, admin  permissions: -",
            "2 users changed, 0 had it so already.",
        ],
    )
    assert roles(user) == roles(bob) == ["user", "admin"]


def test_a_name_without_a_user_ends_in_two_and_the_others_are_done(user: User) -> None:
    result = run("chabad_grant", "-", "--role", "admin", stdin="no\nann@example.org\nnobody\n")
    assert result.code == 2
    assert [line.split()[0] for line in result.err.splitlines()] == ["No", "No", "CommandError:"]
    assert roles(user) == ["user", "admin"]
    result = run("chabad_grant", "nobody", "--role", "admin")
    assert (result.code, result.err) == (
        2,
        "CommandError: No user has the e-mail address, id or external id 'nobody'.\n",
    )


def test_a_name_of_several_users_is_refused(user: User, bob: User) -> None:
    eve = User.create_user(email="eve@example.org", merkos_user_id="v-bob")
    result = run("chabad_grant", "v-bob", "--role", "admin")
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert str(bob.id) in result.err and str(eve.id) in result.err
    assert roles(bob) == roles(eve) == ["user"]


def test_an_address_names_nobody_whose_external_id_it_is(mongodb: str) -> None:
    eve = User.create_user(email="eve@example.org", valu_user_id="chief@example.org")
    assert run("chabad_grant", "chief@example.org", "--role", "admin").code == 2
    assert roles(eve) == ["user"]


@pytest.mark.parametrize("arguments", [[], ["--role", ""], ["--permission", "x" * 101]])
def test_nothing_to_give_and_invalid_names_are_refused(user: User, arguments: list[str]) -> None:
    result = run("chabad_grant", "ann@example.org", *arguments)
    assert (result.code, len(result.err.splitlines())) == (2, 1) or "Note" in result.err
    assert result.code == 2
    assert roles(user) == ["user"]


def test_a_dry_run_says_what_would_change(user: User) -> None:
    result = run("chabad_grant", user.email, "--role", "admin", "--dry-run", "--json")
    assert (result.json["changed"], result.json["dryRun"]) == (1, True)
    assert result.json["users"][0]["changed"] == ["admin"]
    assert roles(user) == ["user"]


def test_after_an_interruption_the_same_command_goes_on(user: User, bob: User) -> None:
    arguments = ("chabad_grant", user.email, bob.email, "--role", "admin")
    with interrupted(User, "add_role", after=1):
        assert run(*arguments).code == 130
    assert (roles(user), roles(bob)) == (["user", "admin"], ["user"])
    result = run(*arguments, "--json")
    assert (result.json["changed"], result.json["unchanged"]) == (1, 1)
    assert roles(bob) == ["user", "admin"]


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
def test_the_last_administrator_cannot_be_demoted(mongodb: str, dry_run: list[str]) -> None:
    ann = User.create_user(email="ann@example.org", roles=["admin"])
    result = run("chabad_revoke", ann.email, "--role", "admin", *dry_run)
    assert result.code == 2
    assert "last administrator" in result.err
    assert roles(ann) == ["admin"]
    User.create_user(email="bob@example.org", permissions=["*"])
    assert run("chabad_revoke", ann.email, "--role", "admin", *dry_run).code == 0
