"""The texts of errors are in the language that a client accepts; the codes are always the same."""

import json
import re
from typing import Any

import pytest
from django.utils import translation
from rest_framework.test import APIClient

from chabad_auth_django.exceptions import Blocked, InvalidToken, ValidationError
from chabad_auth_django.validators import validate_name

HEBREW = re.compile("[\u05d0-\u05ea]")

ME = "/api/users/me/"

#: Method, path and body of what is refused.
REFUSED: list[tuple[str, str, Any]] = [
    ("GET", "/api/users/000000000000000000000000/", None),
    ("GET", f"{ME}sessions/?limit=x", None),
    ("GET", f"{ME}?expand=nothing", None),
    ("GET", f"{ME}activities/?cursor=x", None),
    ("PUT", f"{ME}activities/", None),
    ("PATCH", f"{ME}profile/", {"bio": "x" * 501}),
    ("PATCH", f"{ME}profile/", {"bio": 5}),
    ("PATCH", f"{ME}profile/", {"bio": "\0"}),
    ("PATCH", f"{ME}profile/", {"avatar": {}}),
    ("PATCH", f"{ME}profile/", {"metadata": []}),
    ("PATCH", f"{ME}profile/", {"metadata": {"$a": 1}}),
    ("PATCH", f"{ME}profile/", {"metadata": {"a": "x" * 20_000}}),
    ("PATCH", f"{ME}profile/", {f"n{number}": 1 for number in range(25)}),
    ("PATCH", f"{ME}preferences/", {"theme": "pink"}),
    ("PATCH", f"{ME}preferences/", {"widgets": {"enabled": ["a", ""]}}),
    ("PATCH", f"{ME}preferences/", {"widgets": {"enabled": ["a"] * 10_000}}),
    ("PATCH", f"{ME}preferences/", []),
    ("PATCH", ME, {"email": "no address"}),
    ("PATCH", ME, {"email": "a" * 400}),
    ("POST", f"{ME}activities/", {"eventType": "x", "timestamp": "2999-01-01T00:00:00Z"}),
    ("POST", f"{ME}analytics/", {"eventName": "x", "eventCategory": 1}),
    ("POST", "/api/auth/login/", {"username": "a", "password": "x" * 5000}),
]


@pytest.fixture(autouse=True)
def languages(settings: Any) -> None:
    settings.MIDDLEWARE = ["django.middleware.locale.LocaleMiddleware", *settings.MIDDLEWARE]


def ask(api: APIClient, method: str, path: str, body: Any, language: str) -> Any:
    data = "" if body is None else json.dumps(body)
    return api.generic(
        method, path, data, content_type="application/json", HTTP_ACCEPT_LANGUAGE=language
    )


def texts(error: Any) -> list[str]:
    problems = [problem for row in error.get("errors", {}).values() for problem in row]
    return [error["detail"], *(problem["detail"] for problem in problems)]


def codes(error: Any) -> Any:
    wrong = error.get("errors", {}).items()
    return error["code"], {name: [problem["code"] for problem in row] for name, row in wrong}


def test_an_error_is_in_the_language_that_the_client_accepts(api: APIClient) -> None:
    for refused in REFUSED:
        english, hebrew = (ask(api, *refused, language=language) for language in ("en", "he"))
        assert english.status_code == hebrew.status_code >= 400, refused
        assert codes(english.json()) == codes(hebrew.json()), refused
        assert not any(map(HEBREW.search, texts(english.json()))), english.json()
        assert all(map(HEBREW.search, texts(hebrew.json()))), (refused, hebrew.json())
    assert hebrew["Content-Language"] == "he"


def test_each_event_that_is_rejected_says_why_in_that_language(api: APIClient) -> None:
    answer = ask(api, "POST", f"{ME}activities/", [{}, {"x": 1}, 5], language="he")
    for row in answer.json()["rejected"]:
        assert all(map(HEBREW.search, texts(row))), row


def test_who_has_no_token_reads_why_in_that_language(mongodb: object) -> None:
    for token in ("", "Bearer nothing"):
        client = APIClient(HTTP_AUTHORIZATION=token) if token else APIClient()
        answer = ask(client, "GET", ME, None, language="he")
        assert answer.status_code == 401
        assert all(map(HEBREW.search, texts(answer.json()))), answer.json()


def test_what_programs_and_logs_read_stays_english(api: APIClient) -> None:
    with translation.override("he"):
        with pytest.raises(ValidationError) as caught:
            validate_name("")
        for error in (Blocked(), InvalidToken(), caught.value):
            assert not HEBREW.search(f"{error} {error.detail}")
