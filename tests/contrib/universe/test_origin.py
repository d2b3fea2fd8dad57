"""What changes anything, or sets a cookie, must come from a page of ours."""

import pytest
from django.test import override_settings
from support.merkos import token
from support.universe import FrontEnd, check_error

from chabad_auth_django.models import Session

#: Each call that changes something.
CHANGES = [
    ("POST", "auth/link-merkos"),
    ("POST", "auth/logout"),
    ("POST", "sso/remote/status"),
    ("POST", "sso/logout"),
]

GOOD = [
    {"HTTP_SEC_FETCH_SITE": "same-origin"},
    {"HTTP_ORIGIN": "http://testserver"},
    {"HTTP_REFERER": "http://testserver/dashboard?x"},
    {"HTTP_ORIGIN": "https://portal.example.org", "HTTP_SEC_FETCH_SITE": "same-site"},
    {"HTTP_ORIGIN": "https://a.b.trusted.example"},
]

BAD = [
    {},
    {"HTTP_SEC_FETCH_SITE": "none"},
    {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_ORIGIN": "https://evil.example"},
    {"HTTP_SEC_FETCH_SITE": "same-site", "HTTP_ORIGIN": "https://evil.example.org"},
    {"HTTP_ORIGIN": "null"},
    {"HTTP_ORIGIN": "null", "HTTP_REFERER": "http://testserver/"},
    {"HTTP_ORIGIN": "http://testserver:8080"},
    {"HTTP_ORIGIN": "https://testserver"},
    {"HTTP_ORIGIN": "http://portal.example.org"},
    {"HTTP_ORIGIN": "https://portal.example.org.evil.example"},
    {"HTTP_ORIGIN": "https://eviltrusted.example"},
    {"HTTP_REFERER": "http://evil.example/?http://testserver/"},
    {"HTTP_REFERER": "http://[/"},
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_only_a_page_of_ours_changes_anything(method: str, path: str, page: FrontEnd) -> None:
    trusted = ["https://portal.example.org", "https://*.trusted.example"]
    sessions = Session.objects.count()
    with override_settings(CSRF_TRUSTED_ORIGINS=trusted):
        for headers in BAD:
            page.headers = dict(headers)
            answer = page.send(method, path, {"token": token("b")})
            check_error(answer, 403, "csrf_failed")
            assert not answer.cookies, headers
        assert Session.objects.count() == sessions
        for headers in GOOD:
            page.headers = dict(headers)
            answer = page.send(method, path, {"token": "x"})
            assert answer.status_code != 403, (headers, answer.content)


def test_only_a_bearer_that_names_the_user_needs_no_origin(page: FrontEnd) -> None:
    bearer = token(age=-5)
    for path, body in (("auth/link-merkos", {"merkosToken": token()}), ("auth/logout", None)):
        assert FrontEnd(bearer=bearer, HTTP_SEC_FETCH_SITE="cross-site").post(path, body)
    fell_through = FrontEnd(*page.cookies, bearer="stale", HTTP_SEC_FETCH_SITE="cross-site")
    check_error(fell_through.post("auth/link-merkos", {"merkosToken": token()}), 403)
    check_error(fell_through.post("auth/logout"), 403)


def test_a_body_is_json(page: FrontEnd) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        answer = page.post("auth/link-merkos", {"merkosToken": token()}, content_type=content_type)
        check_error(answer, 415)
