from __future__ import annotations

import pytest
from django.test import override_settings

from chabad_auth_django.conf import DEFAULTS, Conf, conf


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_setting_is_annotated_and_has_a_default(name: str) -> None:
    assert name in Conf.__annotations__
    with override_settings(CHABAD_AUTH={}):
        assert getattr(conf, name) == DEFAULTS[name]


def test_every_annotated_setting_has_a_default() -> None:
    assert set(Conf.__annotations__) == set(DEFAULTS)


def test_a_setting_is_read_when_it_is_asked_for() -> None:
    before = conf.JSON_MAX_DEPTH
    with override_settings(CHABAD_AUTH={"JSON_MAX_DEPTH": before + 1}):
        assert before + 1 == conf.JSON_MAX_DEPTH
    assert before == conf.JSON_MAX_DEPTH


def test_a_project_without_chabad_auth_has_the_defaults() -> None:
    with override_settings():
        from django.conf import settings

        del settings.CHABAD_AUTH
        assert DEFAULTS["PURGE_BATCH_SIZE"] == conf.PURGE_BATCH_SIZE


def test_a_setting_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="NOTHING"):
        _ = conf.NOTHING


def test_the_defaults_are_those_of_the_specification() -> None:
    assert DEFAULTS["ACTIVITY_RETENTION_DAYS"] == 90
    assert {"bearer-token", "credentials", "google"} < set(DEFAULTS["AUTH_METHODS"])
