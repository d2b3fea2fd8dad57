"""What clients notice of a host project whose receivers raise after the commit: nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from chabad_auth_django import signals
from chabad_auth_django.db.transactions import on_commit
from chabad_auth_django.models import IdempotencyRecord, User

Login = Callable[[User | None], APIClient]


@pytest.fixture(autouse=True)
def failing_receivers() -> Iterator[None]:
    def fail(**kwargs: Any) -> None:
        raise RuntimeError

    def fail_later(**kwargs: Any) -> None:
        on_commit(fail)

    after_commit = (signals.user_created, signals.user_deleted, signals.user_logged_in)
    inside = (signals.pre_user_create, signals.pre_user_delete, signals.post_user_delete)
    for signal in after_commit:
        signal.connect(fail)
    for signal in inside:
        signal.connect(fail_later)
    yield
    for signal in after_commit:
        signal.disconnect(fail)
    for signal in inside:
        signal.disconnect(fail_later)


@pytest.fixture
def client(either_server: str, login: Login) -> APIClient:
    return login(User.create_user(email="admin@example.org", roles=["admin"]))


def test_a_creation_with_a_key_is_answered_and_its_answer_is_kept(client: APIClient) -> None:
    def create() -> Any:
        body = {"email": "ann@example.org"}
        return client.post("/api/users/", body, format="json", HTTP_IDEMPOTENCY_KEY="k")

    first, second = create(), create()
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert IdempotencyRecord.objects.count() == 1


@pytest.mark.parametrize("headers", [{}, {"HTTP_IDEMPOTENCY_KEY": "k"}])
def test_a_deletion_is_answered(client: APIClient, headers: dict[str, str]) -> None:
    user = User.create_user(email="ann@example.org")
    assert client.delete(f"/api/users/{user.id}/", **headers).status_code == 204


@pytest.mark.parametrize("headers", [{}, {"HTTP_IDEMPOTENCY_KEY": "k"}])
def test_an_erasure_is_answered(client: APIClient, headers: dict[str, str]) -> None:
    user = User.create_user(email="ann@example.org")
    answer = client.post(f"/api/users/{user.id}/erasure/", **headers)
    assert (answer.status_code, answer.json()["left"]["users"]) == (202, 0)
