"""What Merkos knows of a user comes from a callable of the project."""

from typing import Any

from django.core.cache import cache
from django.test import override_settings
from support.universe import FrontEnd, check_error

from chabad_auth_django.models import Session, User

PATH = "auth/enrich/merkos"


def test_it_is_kept_for_a_while(page: FrontEnd, me: User, configure: Any) -> None:
    asked: list[str] = []
    answers: list[Any] = [{"organizations": [{"id": "1", "name": "Org"}], "roles": None}, None, {}]

    def enrich(user: User) -> Any:
        asked.append(user.merkos_user_id)
        return answers[0]

    with configure(UNIVERSE_ENRICHMENT=enrich):
        found = page.get(PATH).json()
        assert found["enrichment"] == {
            "organizations": [{"id": "1", "name": "Org"}],
            "roles": [],
            "permissions": [],
        }
        assert found["fromCache"] is False
        again = page.get(PATH).json()
        assert again == {**found, "fromCache": True}
        assert asked == ["m-1"]
        with configure(UNIVERSE_ENRICHMENT=enrich, UNIVERSE_ENRICHMENT_SECONDS=1):
            cache.clear()
            page.get(PATH)
        for nothing in answers[1:]:
            answers[0] = nothing
            cache.clear()
            for _ in range(2):
                check_error(page.get(PATH), 404)
        assert len(asked) == 4
        answers[0] = {"permissions": ["read"]}
        me.patch({"merkos_user_id": None})
        # Otherwise the session would end: the account that opened it had filled the id.
        Session.objects.update(fills=None)
        check_error(page.get(PATH), 404)
        check_error(FrontEnd().get(PATH), 401)
    check_error(page.get(PATH), 404)


def test_a_callable_that_fails_is_an_outage(page: FrontEnd, configure: Any, caplog: Any) -> None:
    def enrich(user: User) -> Any:
        raise ConnectionError(f"no answer about {user.email}")

    with configure(UNIVERSE_ENRICHMENT=enrich):
        check_error(page.get(PATH), 503, "unavailable")
    assert "m-1@example.org" not in caplog.text


def test_what_a_callable_returns_wrongly_is_no_answer(page: FrontEnd, configure: Any) -> None:
    for wrong in (
        {"organizations": {"id": "1"}},
        {"permissions": "read"},
        ["read"],
        7,
    ):
        with configure(UNIVERSE_ENRICHMENT=lambda user, wrong=wrong: wrong):
            check_error(page.get(PATH), 503, "unavailable")
    with configure(UNIVERSE_ENRICHMENT=lambda user: {"permissions": {"read"}}):
        assert page.get(PATH).json()["enrichment"]["permissions"] == ["read"]


def test_without_a_cache_it_is_asked_for_each_time(page: FrontEnd, configure: Any) -> None:
    away = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "x"}}
    path = f"{__name__}.known"
    with configure(UNIVERSE_ENRICHMENT=path), override_settings(CACHES=away):
        assert page.get(PATH).json()["fromCache"] is False
        assert page.get(PATH).json()["fromCache"] is False


def known(user: User) -> dict[str, Any]:
    return {"permissions": ["read"]}
