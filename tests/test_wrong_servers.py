"""A URI that leads to no primary: requests are 503, and the checks say why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bson import ObjectId
from django.test import override_settings
from rest_framework.test import APIClient
from support.management import run
from support.replica_set import ReplicaSet

from chabad_auth_django.checks.database import check_database
from chabad_auth_django.db import connection
from chabad_auth_django.services.signing_in import tokens

pytestmark = pytest.mark.slow

NO_NAME = "mongodb+srv://missing.invalid/test_wrong"
REFUSED = "mongodb://missing.invalid/test_wrong?minPoolSize=20&maxPoolSize=5"


@pytest.fixture(scope="module")
def secondary(our_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A member that answers reads and takes no writes."""
    servers = ReplicaSet(tmp_path_factory.mktemp("members"), election_timeout=10)
    try:
        servers.start()
        port = servers.secondaries()[0].listening
        yield f"mongodb://127.0.0.1:{port}/test_wrong?directConnection=true"
    finally:
        servers.stop()


@pytest.mark.parametrize("uri", [NO_NAME, REFUSED, ""])
def test_requests_are_answered_503_and_the_check_and_commands_say_why(
    uri: str, secondary: str
) -> None:
    token = tokens.issue_access_token(user_id=ObjectId(), session_id=ObjectId())
    client = APIClient(raise_request_exception=False, HTTP_AUTHORIZATION=f"Bearer {token}")
    with override_settings(CHABAD_AUTH={"MONGODB_URI": uri or secondary}):
        answer = client.get("/api/health/ready/")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        if uri:
            answer = client.get("/api/users/me/")
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        (message,) = check_database(databases=["default"])
        result = run("chabad_create_user", "--email", "ann@example.org", "--no-input")
    connection.close()
    assert message.id == "chabad_auth.W012"
    assert "MongoDB" in (message.hint or "")
    assert result.code == 2
    assert len(result.err.splitlines()) == 1
