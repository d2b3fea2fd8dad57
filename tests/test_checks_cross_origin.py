"""django-cors-headers: what pages of other origins may send and read."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.checks.registry import registry
from django.test import Client, override_settings

from chabad_auth_django.checks.cross_origin import check_cross_origin

PAGE = Path(__file__).parent.parent / "docs" / "front-ends.md"
ORIGIN = "https://app.example.org"


def documented() -> dict[str, Any]:
    """Return the settings of the page."""
    if not PAGE.exists():
        pytest.skip("The tests run without the repository around them.")
    found = re.search(r"```python\n# settings.py\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found
    values = {"INSTALLED_APPS": [*settings.INSTALLED_APPS], "MIDDLEWARE": [*settings.MIDDLEWARE]}
    exec(found[1], values)
    return {name: value for name, value in values.items() if name.isupper()}


def ids() -> list[str]:
    return [str(message.id) for message in check_cross_origin()]


def test_without_the_app_nothing_is_said() -> None:
    assert ids() == []


def test_the_documented_settings_are_right() -> None:
    with override_settings(**documented()):
        assert ids() == []
        assert check_cross_origin in registry.get_checks()


@pytest.mark.parametrize(
    ("changes", "id"),
    [
        ({"CORS_ALLOW_HEADERS": ["authorization", "content-type"]}, "W087"),
        ({"CORS_EXPOSE_HEADERS": ["etag"]}, "W087"),
        ({"MIDDLEWARE": ["django.middleware.common.CommonMiddleware"]}, "W088"),
        *(
            ({name: value, "CORS_ALLOW_CREDENTIALS": True}, "W089")
            for name, value in (
                ("CORS_ALLOW_ALL_ORIGINS", True),
                ("CORS_ORIGIN_ALLOW_ALL", True),
                ("CORS_ALLOWED_ORIGIN_REGEXES", [r".*"]),
                ("CORS_ALLOWED_ORIGIN_REGEXES", [re.compile(r"^https://")]),
                ("CORS_ALLOWED_ORIGIN_REGEXES", [r"https://site\.example"]),
                ("CORS_ALLOWED_ORIGINS", ["null"]),
            )
        ),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], id: str) -> None:
    with override_settings(**{**documented(), **changes}):
        assert ids() == [f"chabad_auth.{id}"]


def test_the_order_counts() -> None:
    values = documented()
    common = "django.middleware.common.CommonMiddleware"
    rest = [name for name in values["MIDDLEWARE"] if name != common]
    with override_settings(**{**values, "MIDDLEWARE": [common, *rest]}):
        assert ids() == ["chabad_auth.W088"]


def test_headers_in_capitals_count() -> None:
    values = documented()
    upper = [name.upper() for name in values["CORS_ALLOW_HEADERS"]]
    with override_settings(**{**values, "CORS_ALLOW_HEADERS": upper}):
        assert ids() == []


def test_with_them_a_page_of_another_origin_sends_and_reads_every_header() -> None:
    with override_settings(**documented()):
        asked = Client().options(
            "/api/health/live/",
            headers={
                "Origin": ORIGIN,
                "Access-Control-Request-Method": "PUT",
                "Access-Control-Request-Headers": "if-match,idempotency-key",
            },
        )
        answer = Client().get("/api/users/me/", headers={"Origin": ORIGIN})
    assert asked.status_code == 200
    assert {"if-match", "idempotency-key"} <= set(asked["Access-Control-Allow-Headers"].split(", "))
    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    assert {"etag", "retry-after"} <= set(answer["Access-Control-Expose-Headers"].split(", "))
