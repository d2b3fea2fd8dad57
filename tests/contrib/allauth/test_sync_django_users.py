"""Accounts that a project has already get their users."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database
from support.processes import python, python_path

from chabad_auth_django.models import User

Run = Callable[[str], list[Any]]

BEGIN = """
from allauth.account.models import EmailAddress
from django.core.management import call_command
from io import StringIO
from chabad_auth_django.models import ExternalId, User
from chabad_auth_django import signals
from chabad_auth_django.services.identity import blocking

def refuse(users, **kwargs):
    if users[0].email == "hated@example.org":
        raise LookupError

signals.pre_user_create.connect(refuse)

def add(name, *, verified=True, **values):
    made = Account.objects.create_user(name, email=f"{name}@example.org", **values)
    EmailAddress.objects.create(user=made, email=made.email, verified=verified, primary=True)
    return made

def sync(*arguments):
    out, status = StringIO(), 0
    try:
        arguments = [*arguments, "--json"]
        call_command("chabad_sync_django_users", *arguments, stdout=out, stderr=StringIO())
    except Exception as error:
        status = error.returncode
    told = json.loads(out.getvalue())
    rows = {row["account"]: row for row in told["accounts"]}
    names = {str(made.pk): made.username for made in Account.objects.all()}
    results = {names[key]: row["code"] or row["result"] for key, row in rows.items()}
    return status, results, told["counts"]
"""

EVERY_CASE = (
    BEGIN
    + """
add("hated")
add("new")
User.create_user(email="known@example.org")
add("known")
add("unverified", verified=False)
add("inactive", is_active=False)
blocking.block_user(user_id=User.create_user(email="blocked@example.org").id, reason="abuse")
add("blocked")
add("other")
sync()
# Another account has the address of a person whose account is linked.
EmailAddress.objects.filter(email="other@example.org").delete()
Account.objects.filter(username="other").update(email="")
taken = add("taken")
EmailAddress.objects.filter(user=taken).update(email="other@example.org")
Account.objects.filter(pk=taken.pk).update(email="other@example.org")
User.objects(email__in=["new@example.org", "known@example.org"]).delete()
User.create_user(email="known@example.org")
before = stored()
rehearsal = sync("--dry-run")
assert stored() == before
linking = sync("--link-only")
tell([rehearsal, linking, sync(), sync()])
"""
)


def test_each_account_is_linked_created_or_refused_with_a_reason(run: Run) -> None:
    ((rehearsal, linking, first, second),) = run(EVERY_CASE)
    refused = {
        "unverified": "email_not_verified",
        "blocked": "blocked",
        "taken": "external_id_taken",
    }
    counts = {"linked": 1, "created": 2, "unchanged": 1, "inactive": 1, "refused": 3}
    absent = {"new": "created", "hated": "created"}
    assert rehearsal == [1, {**refused, **absent, "known": "linked"}, counts]
    absent = dict.fromkeys(absent, "user_not_found")
    assert linking[1] == {**refused, **absent, "known": "linked"}
    refused["hated"] = "failed"
    assert first[1] == {**refused, "new": "created"}
    counts = {"linked": 0, "created": 0, "unchanged": 3, "inactive": 1, "refused": 4}
    assert second == [1, refused, counts]


PEOPLE = 400

PROJECT = f"""
import django
django.setup()
from django.contrib.auth.models import User as Account
from django.core.management import call_command
from allauth.account.models import EmailAddress
call_command("migrate", verbosity=0)
made = Account.objects.bulk_create(
    Account(username=f"p{{n}}", email=f"p{{n}}@example.org") for n in range({PEOPLE})
)
EmailAddress.objects.bulk_create(
    EmailAddress(user=one, email=one.email, verified=True, primary=True) for one in made
)
"""


@pytest.mark.slow
def test_runs_at_once_and_one_that_was_killed_make_each_user_once(
    mongodb: str, raw: Database[Any], tmp_path: Path
) -> None:
    environment = {
        "DJANGO_SETTINGS_MODULE": "support.allauth_settings",
        "HOST_DATABASE": str(tmp_path / "accounts.sqlite3"),
        "MONGODB_URI": mongodb,
        "PYTHONPATH": python_path(),
    }
    made = python("-c", PROJECT, cwd=tmp_path, timeout=300, **environment)
    assert made.returncode == 0, made.stderr

    def begin() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "django", "chabad_sync_django_users"]
        return subprocess.Popen(
            command,
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    killed = begin()
    deadline = time.monotonic() + 300
    while raw.users.count_documents({}) < PEOPLE // 4:
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    assert raw.users.count_documents({}) < PEOPLE
    runs = [begin() for _ in range(2)]
    while runs:
        one = runs.pop()
        out, _ = one.communicate(timeout=600)
        if one.returncode:
            # What the killed one had begun keeps its account locked for up to a minute.
            assert "CommandError: MongoDB" in out and time.monotonic() < deadline, out
            runs.append(begin())
    for name in ("users", "profiles", "preferences", "external_ids"):
        assert raw[name].count_documents({}) == PEOPLE, name
    assert {user.email for user in User.objects} == {f"p{n}@example.org" for n in range(PEOPLE)}
    last, _ = (again := begin()).communicate(timeout=600)
    assert again.returncode == 0
    assert f"{PEOPLE} unchanged" in last
