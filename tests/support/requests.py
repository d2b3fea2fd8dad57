"""Sending bodies exactly as they are, and checking what is answered."""

from typing import Any

from rest_framework.test import APIClient


def send(client: APIClient, verb: str, path: str, body: str | bytes) -> Any:
    """Send a body that says it is JSON."""
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    return client.generic(verb, path, data, content_type="application/json")


def check_error(response: Any, status: int, code: str | None = None) -> None:
    """Assert that the answer is the error, in the one shape."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    body = response.json()
    assert body.keys() - {"errors", "current"} == {"code", "detail"}
    assert code in (None, body["code"])
    for found in body.get("errors", {}).values():
        assert [problem.keys() for problem in found] == [{"code", "detail"}] * len(found) != []
