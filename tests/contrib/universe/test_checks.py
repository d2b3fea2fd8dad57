"""The system checks: the order of the URLs, and the settings."""

from typing import Any

import pytest
from django.test import override_settings
from django.urls import include, path
from support.universe import FrontEnd, check_error

from chabad_auth_django.contrib.universe import checks
from chabad_auth_django.contrib.universe.conf import UniverseConf

OURS = include("chabad_auth_django.contrib.universe.urls")
API = include("chabad_auth_django.api.urls")


class Urls:
    """A URL configuration."""

    def __init__(self, *patterns: Any) -> None:
        self.urlpatterns = list(patterns)


def found(*patterns: Any) -> list[str]:
    with override_settings(ROOT_URLCONF=Urls(*patterns)):
        return [message.id for message in checks.check_urls()]


def test_the_order_of_the_urls() -> None:
    first, second = path("api/", OURS), path("api/", API)
    assert found(first, second) == []
    assert found(second, first) == ["chabad_auth_universe.E015"] * 2
    assert found(second) == ["chabad_auth_universe.W001"]
    assert found(path("v1/", include(([second, first], "v1")))) == ["chabad_auth_universe.E015"] * 2
    assert found(path("v1/", include(([first, second], "v1")))) == []
    assert found(path("a/", API), path("b/", OURS)) == []


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("UNIVERSE_COOKIES", [[], "x", ["a b"], ["a;"], [""]]),
        ("UNIVERSE_COOKIE_DOMAINS", ["x.org", ["https://x.org"], ["localhost"], ["x.org; Secure"]]),
        ("UNIVERSE_COOKIE_SECONDS", [0, -1, 1.5, True]),
        ("UNIVERSE_EMBEDDED", [1, None]),
        ("UNIVERSE_APP_ID", ["", None, "x" * 256]),
        ("UNIVERSE_RULES", [[], {"a": "b"}]),
        ("UNIVERSE_ENRICHMENT", [7, ""]),
        ("UNIVERSE_BATCH_MAX_BYTES", [0, "1"]),
        ("UNIVERSE_APP_DATA_MAX", [0, 1001]),
        ("UNIVERSE_HONOURS_TTL", [None]),
        ("UNIVERSE_MERGES_APP_DATA", [0]),
    ],
)
def test_a_setting_that_cannot_work_is_refused(name: str, bad: list[Any]) -> None:
    setting = vars(UniverseConf)[name]
    assert setting.rule.is_valid(setting.default)
    for value in bad:
        assert not setting.rule.is_valid(value), value


def test_the_enrichment_can_be_called(configure: Any) -> None:
    for given in ("nowhere.at.all", "django.conf.settings", "nothing"):
        with configure(UNIVERSE_ENRICHMENT=given):
            assert [item.id for item in checks.check_settings()] == ["chabad_auth_universe.E014"]
    for given in ("json.dumps", print, None):
        with configure(UNIVERSE_ENRICHMENT=given):
            assert checks.check_settings() == []


def test_unknown_paths_and_bugs_are_json(page: FrontEnd, monkeypatch: Any) -> None:
    for unknown in ("sso", "sso/x", "profile", "preferences/", "activity/x", "authorization/x\n"):
        check_error(page.get(unknown), 404)
    for method, wrong in (("POST", "auth/me"), ("PUT", "profile/me"), ("GET", "activity/batch")):
        check_error(page.send(method, wrong), 405)
    # The API's own paths are its own.
    assert page.get("auth/me/").status_code == 401
    assert page.get("users/").json()["code"]
    with pytest.raises(ZeroDivisionError), monkeypatch.context() as patch:
        patch.setattr("chabad_auth_django.models.Profile.read", lambda **key: 1 / 0)
        page.get("auth/me")
    page._client.raise_request_exception = False
    monkeypatch.setattr("chabad_auth_django.models.Profile.read", lambda **key: 1 / 0)
    answer = page.get("auth/me")
    check_error(answer, 500, "error")
    assert "zero" not in answer.content.decode()
