"""A command never tells what the URI of MongoDB or a user's name holds beside what was asked."""

from pathlib import Path

import pytest
from support.management import run
from support.processes import django_admin

from chabad_auth_django.models import User

URIS = [
    "mongodb://canary:canary@127.0.0.1:1/db?serverSelectionTimeoutMS=100",
    "mongodb://u:canary@[/db",
    "mongodb://u:can@canary@h/db",
    "mongodb://u:canary@127.0.0.1:canary/db",
    "canary://u:canary@h/db",
]


@pytest.mark.parametrize("uri", URIS)
def test_a_uri_that_does_not_work_is_not_repeated(tmp_path: Path, uri: str) -> None:
    result = django_admin("chabad_sync_indexes", cwd=tmp_path, MONGODB_URI=uri)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) <= 2
    assert "canary" not in result.stdout + result.stderr


def test_a_password_that_the_server_refuses_is_not_repeated(mongodb: str, tmp_path: Path) -> None:
    uri = mongodb.replace("://", "://canary:canary@") + "&authSource=admin"
    result = django_admin("chabad_stats", cwd=tmp_path, MONGODB_URI=uri)
    assert result.returncode == 2
    assert "canary" not in result.stdout + result.stderr


def test_a_taken_address_tells_no_name(mongodb: str) -> None:
    User.create_user(email="ann@example.org", name="canary")
    result = run("chabad_create_user", "--email", "ann@example.org", "--no-input")
    assert result.code == 2
    assert "canary" not in result.out + result.err
