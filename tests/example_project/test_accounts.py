"""Somebody signs up at the example project, as an app does it, and calls the API."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from support.example_server import example_server


def call(url: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers |= {"Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error as answer:
            return answer.code, json.load(answer)


@pytest.mark.slow
def test_an_app_signs_up_and_calls_the_api(mongodb: str, tmp_path: Path) -> None:
    with example_server(mongodb, tmp_path) as address:
        allauth = f"{address}/_allauth/app/v1/auth"
        person = {"email": "ann@example.org", "password": "correct horse battery"}
        status, answer = call(f"{allauth}/signup", person)
        assert status == 401
        console = (tmp_path / "server.log").read_text()
        (code,) = re.findall(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", console, re.MULTILINE)
        session = {"X-Session-Token": answer["meta"]["session_token"]}
        status, answer = call(f"{allauth}/email/verify", {"key": code}, **session)
        assert status == 200
        bearer = {"Authorization": f"Bearer {answer['meta']['access_token']}"}
        status, user = call(f"{address}/api/users/me/", **bearer)
        assert (status, user["email"], user["authMethods"]) == (
            200,
            "ann@example.org",
            ["credentials"],
        )
