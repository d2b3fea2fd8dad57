"""A front end of ChabadUniverse."""

import json
from http.cookies import SimpleCookie
from typing import Any

from django.test import Client
from support.merkos import token

COOKIE = "x-auth-token"


class FrontEnd:
    """A page that calls as the contexts and hooks do; its cookies are sent as they are."""

    def __init__(self, *cookies: str, bearer: str | None = None, **headers: str) -> None:
        self.cookies = list(cookies)
        #: What a browser adds to what a page of the same host asks for.
        self.headers = {"HTTP_SEC_FETCH_SITE": "same-origin", **headers}
        if bearer is not None:
            self.headers["HTTP_AUTHORIZATION"] = f"Bearer {bearer}"
        self._client = Client(raise_request_exception=True)

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        return self.send_text(method, path, "" if body is None else json.dumps(body), **options)

    def send_text(self, method: str, path: str, text: str, **options: Any) -> Any:
        headers = dict(self.headers)
        if self.cookies:
            headers["HTTP_COOKIE"] = "; ".join(self.cookies)
        content_type = options.pop("content_type", "application/json")
        self._client.cookies = SimpleCookie()
        return self._client.generic(
            method, f"/api/{path}", text, content_type, **headers, **options
        )

    def get(self, path: str, **options: Any) -> Any:
        return self.send("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.send("POST", path, body, **options)

    def patch(self, path: str, body: Any) -> Any:
        return self.send("PATCH", path, body)

    def sign_in(self, sent: str | None = None) -> Any:
        """Exchange a token for the cookie, and keep that."""
        answer = self.post("sso/remote/status", {"token": sent or token()})
        assert answer.status_code == 200, answer.content
        self.cookies = [f"{COOKIE}={item.value}" for item in set_cookies(answer) if item.value]
        return answer


def set_cookies(answer: Any) -> list[Any]:
    """Return the cookies that an answer sets or deletes, in order."""
    return list(answer.cookies.values())


def check_error(answer: Any, status: int, code: str | None = None) -> None:
    """Assert that the answer is the error as the front ends read it."""
    assert answer.status_code == status, answer.content
    body = answer.json()
    assert body["success"] is False
    assert body["status"] == "error"
    assert isinstance(body["message"], str)
    assert body["error"] == body["message"]
    assert code in (None, body["code"])
