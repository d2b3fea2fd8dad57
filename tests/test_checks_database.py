"""The check that asks the server."""

from __future__ import annotations

from chabad_auth_django.checks.database import check_database


def test_a_standalone_server_is_named(either_server: str) -> None:
    found = {message.id for message in check_database(databases=["default"])}
    assert ("chabad_auth.W013" in found) == ("replicaSet" not in either_server)
    assert check_database(databases=["other"]) == check_database() == []
