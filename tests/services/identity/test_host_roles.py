"""Administrators who can sign in, and roles that follow from accounts of the project."""

import json
from pathlib import Path
from textwrap import dedent

from django.conf import settings
from django.test import override_settings
from support.management import run
from support.processes import run_code

from chabad_auth_django.checks import check_host_accounts

ROLES = {"HOST_SUPERUSER_ROLES": ["admin"], "HOST_GROUP_ROLES": {"Editors": ["moderator"]}}

SETUP = f"""
import json, django
from django.conf import settings
settings.CHABAD_AUTH.update({ROLES!r})
django.setup()
from django.contrib.auth.models import Group, User as Account
from django.core.management import call_command
from chabad_auth_django.models import AuditEntry, User
from chabad_auth_django.services.identity import users
from chabad_auth_django.services.signing_in import callers, flows, tokens
call_command("migrate", verbosity=0)
root = Account.objects.create_superuser("root", "root@example.org", "secret")
editors = Group.objects.create(name="Editors")
ed = Account.objects.create_user("ed", "ed@example.org", "secret")
ed.groups.add(editors, Group.objects.create(name="Others"))

def enter(name):
    return flows.sign_in_with_credentials(request=None, username=name, password="secret")

def seen(signed_in):
    claims = tokens.verify_access_token(token=signed_in.access_token)
    return sorted(callers.by_access_token(claims=claims)[0].roles)
"""


def output(code: str, uri: str, cwd: Path) -> list[object]:
    result = run_code(
        dedent(code),
        cwd=cwd,
        preparation=SETUP,
        DJANGO_SETTINGS_MODULE="support.host_settings",
        MONGODB_URI=uri,
    )
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_roles_are_given_and_taken_with_what_they_follow_from(mongodb: str, tmp_path: Path) -> None:
    code = """
    User.create_user(email="other@example.org", roles=["admin"])
    chief, editor = enter("root"), enter("ed")
    users.change_grants(user=editor.user, grant=True, permissions=["users:read"])
    print(json.dumps([seen(chief), seen(editor)]))
    Account.objects.filter(pk=root.pk).update(is_superuser=False)
    ed.groups.remove(editors)
    print(json.dumps([seen(chief), seen(editor)]))
    root.refresh_from_db()
    root.groups.add(editors)
    print(json.dumps([sorted(flows.refresh(refresh_token=chief.refresh_token).user.roles)]))
    print(json.dumps([callers.by_host_account(account=root, session={}).roles]))
    print(json.dumps([User.find_by_email("ed@example.org").permissions]))
    print(json.dumps(AuditEntry.objects(action="role.grant").count()))
    """
    assert output(code, mongodb, tmp_path) == [
        [["admin", "user"], ["moderator", "user"]],
        [["user"], ["user"]],
        [["moderator", "user"]],
        [["user", "moderator"]],
        [["users:read"]],
        3,
    ]


def test_who_comes_another_way_or_unlinks_the_account_does_not_keep_its_roles(
    mongodb: str, tmp_path: Path
) -> None:
    code = """
    from support.issuer import SHARED, shared_token
    from chabad_auth_django.models import ExternalId
    from chabad_auth_django.services.identity import identities, unlinking
    settings.CHABAD_AUTH["ISSUERS"] = [SHARED]
    User.create_user(email="other@example.org", roles=["admin"])
    token = shared_token(email="root@example.org")
    user_id = enter("root").user.id
    # Who has no account of the project keeps what was granted here.
    foreign = shared_token(sub="2", email="other@example.org")
    assert "admin" in callers.by_issuer_token(token=foreign).roles

    ways = {
        "bearer": lambda: sorted(callers.by_issuer_token(token=token).roles),
        "session": lambda opened=flows.sign_in_with_token(token=token): seen(opened),
        "refresh": lambda opened=flows.sign_in_with_token(token=token): sorted(
            flows.refresh(refresh_token=opened.refresh_token).user.roles
        ),
        "sign-in": lambda: sorted(flows.sign_in_with_token(token=token).user.roles),
        "vouched": lambda: seen(flows.log_in(user_id=user_id, auth_method="google")),
    }
    found = {}
    for name, way in ways.items():
        Account.objects.filter(pk=root.pk).update(is_superuser=True, is_active=True)
        enter("root")
        found[name] = [way()]
        for change in ({"is_superuser": False}, {"is_active": False}):
            Account.objects.filter(pk=root.pk).update(is_superuser=True, is_active=True)
            enter("root")
            Account.objects.filter(pk=root.pk).update(**change)
            found[name].append(way())
    print(json.dumps(found))
    Account.objects.filter(pk=root.pk).update(is_superuser=True, is_active=True)
    enter("root")
    claims = identities.list_identities(user_id=user_id)
    claim = next(row["_id"] for row in claims if row["_id"].startswith("host:"))
    unlinking.unlink(user_id=user_id, public_id=ExternalId.public_id(claim))
    print(json.dumps(ways["bearer"]()))
    """
    each = [["admin", "user"], ["user"], ["user"]]
    found, unlinked = output(code, mongodb, tmp_path)
    assert found == dict.fromkeys(("bearer", "session", "refresh", "sign-in", "vouched"), each)
    assert unlinked == ["user"]


def test_a_user_has_the_roles_of_all_accounts_whichever_it_comes_by(
    mongodb: str, tmp_path: Path
) -> None:
    code = """
    User.create_user(email="other@example.org", roles=["admin"])
    chief = enter("root")
    flows.link_identity(user=chief.user, username="ed", password="secret")
    editor = enter("ed")
    print(json.dumps([seen(editor), seen(chief)]))
    Account.objects.filter(pk=root.pk).update(is_superuser=False)
    print(json.dumps(seen(editor)))
    """
    both = ["admin", "moderator", "user"]
    assert output(code, mongodb, tmp_path) == [[both, both], ["moderator", "user"]]


def test_the_last_administrator_and_foreign_roles_stay(mongodb: str, tmp_path: Path) -> None:
    code = """
    chief = enter("root")
    chief.user.add_role("gardener")
    Account.objects.filter(pk=root.pk).update(is_superuser=False)
    for _ in range(3):
        print(json.dumps(seen(chief)))
    print(json.dumps(AuditEntry.objects(outcome="refused").count()))
    """
    roles = ["admin", "gardener", "user"]
    assert output(code, mongodb, tmp_path) == [roles, roles, roles, 0]


def test_being_a_superuser_verifies_no_address(mongodb: str, tmp_path: Path) -> None:
    code = """
    from chabad_auth_django.exceptions import EmailNotVerified
    User.create_user(email="owner@example.com", roles=["admin"])
    Account.objects.create_superuser("thief", "owner@example.com", "secret")
    try:
        enter("thief")
    except EmailNotVerified as error:
        print(json.dumps(error.code))
    """
    assert output(code, mongodb, tmp_path) == ["email_not_verified"]


def test_a_role_that_no_setting_knows_is_an_error(mongodb: str, tmp_path: Path) -> None:
    code = """
    from django.core import checks
    settings.CHABAD_AUTH["HOST_GROUP_ROLES"] = {"Editors": ["moderatr"]}
    print(json.dumps([message.id for message in checks.run_checks() if message.level >= 40]))
    print(json.dumps(enter("ed").user.roles))
    """
    assert output(code, mongodb, tmp_path) == [["chabad_auth.E073"], ["user"]]


def test_whoever_creates_a_user_hears_how_that_one_signs_in(mongodb: str, tmp_path: Path) -> None:
    for name in ("chabad_create_admin", "chabad_create_user"):
        created = run(name, "--email", f"{name}@example.org", "--no-input")
        assert "There is no way yet" in created.out
        assert f"chabad_issue_token {name}@example.org" in created.out
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "HOST_ID": "site"}):
        created = run("chabad_create_user", "--email", "bob@example.org", "--no-input")
        # Without django.contrib.auth there are no accounts, whatever their project is called.
        assert "There is no way yet" in created.out and "HOST_ID" not in created.out
    issuer = {"ISSUER": "https://login.example", "AUTH_METHOD": "google"}
    nameless = {"ISSUER": "nameless", "AUTH_METHOD": "google", "TOKENS_HAVE_ISSUER": False}
    off = {"ISSUER": "https://off.example", "AUTH_METHOD": "off"}
    with override_settings(
        CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": [issuer, nameless, off]}
    ):
        [way] = run("chabad_create_admin", "--email", "c@example.org", "--json").json["signIn"]
        assert (
            way == "With a token of https://login.example for the verified address c@example.org."
        )
        assert check_host_accounts() == []
    code = """
    call_command("chabad_create_admin", email="new@example.org", no_input=True, as_json=True)
    """
    [created] = output(code, mongodb, tmp_path)
    assert isinstance(created, dict)
    assert [way.partition(",")[0].partition(" whose")[0] for way in created["signIn"]] == [
        "With an account of this Django project"
    ] * 2
