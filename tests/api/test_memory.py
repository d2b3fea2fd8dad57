"""What a request was answered from is freed at once, not by the garbage collector."""

import gc
from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from rest_framework.test import APIClient

from chabad_auth_django.api.http.request import Request
from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.models import Activity, User

ANSWERS: dict[str, Callable[[APIClient], Any]] = {
    "a list": lambda api: api.get("/api/users/me/activities/"),
    "a resource": lambda api: api.get("/api/users/me/profile/"),
    "a batch": lambda api: api.post(
        "/api/users/me/activities/", [{"eventType": "x"}] * 50, format="json"
    ),
    "a write that happens once": lambda api: api.put(
        "/api/users/me/app-data/a/k/",
        {"dataValue": 1},
        format="json",
        headers={"Idempotency-Key": str(ObjectId())},
    ),
    "an error": lambda api: api.get("/api/users/me/app-data/a/none/"),
}


@pytest.fixture(params=ANSWERS)
def answer(request: pytest.FixtureRequest, api: APIClient, owner: User) -> Callable[[], Any]:
    for _ in range(100):
        Activity.create_activity(user_id=owner.id, event_type="x")
    return lambda: ANSWERS[request.param](api)


def alive() -> int:
    """Return how many views and requests there are; Django's test client keeps the answer."""
    # A description of the API keeps the views that it was made of.
    return sum(issubclass(type(item), (APIViewSet, Request)) for item in gc.get_objects())


def test_an_answer_leaves_neither_view_nor_request_behind(answer: Callable[[], Any]) -> None:
    gc.collect()
    gc.disable()
    try:
        before = alive()
        answer()
        assert alive() == before
    finally:
        gc.enable()
