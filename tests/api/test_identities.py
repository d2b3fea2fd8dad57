"""Linking takes proof of both identities; the last one stays."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from rest_framework.test import APIClient
from support.issuer import SHARED, shared_token
from support.threads import together

from chabad_auth_django.models import AuditEntry, Session, User
from chabad_auth_django.services.identity import identities, unlinking

VALU, MERKOS = "https://valu.test", "https://merkos.test"
ISSUERS = [
    {**SHARED, "ISSUER": VALU, "EXTERNAL_ID_FIELD": "valuUserId"},
    {**SHARED, "ISSUER": MERKOS, "AUTH_METHOD": "cdsso"},
]
IDENTITIES = "/api/users/me/identities/"


@pytest.fixture(autouse=True)
def issuers(mongodb: str) -> Iterator[None]:
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": ISSUERS}):
        yield


def token(issuer: str = VALU, **changes: Any) -> str:
    return shared_token(iss=issuer, **changes)


def sign_in(issuer: str = VALU, **changes: Any) -> APIClient:
    answer = APIClient().post(
        "/api/auth/login/", {"token": token(issuer, **changes)}, format="json"
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['accessToken']}")
    return client


def link(client: APIClient, **body: Any) -> Any:
    return client.post(IDENTITIES, body, format="json")


def unlink(client: APIClient, identity: str, **headers: Any) -> Any:
    return client.delete(f"{IDENTITIES}{identity}/", **headers)


def test_a_second_account_is_linked_and_signs_the_same_user_in() -> None:
    client = sign_in()
    other = token(MERKOS, sub="m-1", email="else@example.org", email_verified=False)
    answer = link(client, token=other)
    assert answer.status_code == 201, answer.content
    assert answer.json()["issuer"] == MERKOS
    assert link(client, token=other).json() == answer.json()
    listed = client.get(IDENTITIES).json()["results"]
    assert [(item["kind"], item["issuer"], item["subject"]) for item in listed] == [
        ("issuer", VALU, "person-1"),
        ("issuer", MERKOS, "m-1"),
    ]
    me = APIClient().get("/api/users/me/", HTTP_AUTHORIZATION=f"Bearer {other}").json()
    assert me["id"] == str(User.objects.get().id)
    assert me["authMethods"] == ["google", "cdsso"]
    assert AuditEntry.objects(action="identity.link").count() == 2


def test_an_account_of_another_user_cannot_be_linked(caplog: pytest.LogCaptureFixture) -> None:
    client = sign_in()
    sign_in(MERKOS, sub="m-1", email="bob@example.org")
    answer = link(client, token=token(MERKOS, sub="m-1"))
    assert (answer.status_code, answer.json()["code"]) == (409, "external_id_taken")
    assert "A sign-in by link was refused: external_id_taken" in caplog.messages


@pytest.mark.parametrize("body", [{}, {"token": "x"}, {"token": None}, {"username": "ann"}, []])
def test_without_proof_nothing_is_linked(body: Any) -> None:
    client = sign_in()
    answer = client.post(IDENTITIES, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert len(client.get(IDENTITIES).json()["results"]) == 1


def test_nobody_links_for_another() -> None:
    bob = User.create_user(email="bob@example.org")
    client = sign_in()
    for _ in range(2):
        answer = client.post(
            f"/api/users/{bob.id}/identities/", {"token": token(MERKOS)}, format="json"
        )
        assert answer.status_code == 403
        User.objects.get(email="ann@example.org").add_permission("identities:write")
    refused = AuditEntry.objects(action="identity.link", outcome="refused")
    assert [entry.user_id for entry in refused] == [bob.id] * 2


def test_unlinking_ends_the_sessions_of_the_account_and_frees_the_field() -> None:
    client = sign_in()
    link(client, token=token(MERKOS, sub="m-1"))
    other = sign_in(MERKOS, sub="m-1")
    first, second = (item["id"] for item in client.get(IDENTITIES).json()["results"])
    assert unlink(client, first, HTTP_IF_MATCH="*").status_code == 400
    assert unlink(other, first).status_code == 204
    assert client.get("/api/users/me/").status_code == 401
    assert User.objects.get().valu_user_id is None
    answer = unlink(other, second)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_identity")
    assert unlink(other, first).status_code == 404
    assert Session.objects.count() == 1
    (refused,) = AuditEntry.objects(outcome="refused")
    assert (refused.action, refused.user_id) == ("identity.unlink", User.objects.get().id)


def test_of_two_that_are_unlinked_at_once_one_stays() -> None:
    client = sign_in()
    link(client, token=token(MERKOS, sub="m-1"))
    user = User.objects.get()
    ids = [item["id"] for item in client.get(IDENTITIES).json()["results"]]
    together([lambda i=i: unlinking.unlink(user_id=user.id, public_id=i) for i in ids])
    assert len(identities.list_identities(user_id=user.id)) == 1
