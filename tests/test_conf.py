"""Every setting is described once; ``conf``, the checks and the documentation follow that."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings
from support import settings_reference

from chabad_auth_django.conf import Conf, conf, rules
from chabad_auth_django.conf.table import Setting, Table


@pytest.fixture
def contrib() -> Iterator[Table]:
    """The table of another app, forgotten again afterwards."""

    class ContribConf(Table):
        app_label = "contrib_of_a_test"

        CONTRIB_COOKIES = Setting[list[str]](["a"], rules.NAMES, check=7, help="The cookies.")

    yield ContribConf()
    Table.known.remove(ContribConf)


def test_a_setting_is_read_when_it_is_asked_for() -> None:
    before = conf.JSON_MAX_DEPTH
    with override_settings(CHABAD_AUTH={"JSON_MAX_DEPTH": before + 1}):
        assert before + 1 == conf.JSON_MAX_DEPTH
    assert before == conf.JSON_MAX_DEPTH


def test_a_project_without_chabad_auth_has_the_defaults() -> None:
    with override_settings():
        del settings.CHABAD_AUTH
        for setting in Conf.settings():
            assert getattr(conf, setting.name) == setting.default
            assert setting.rule.is_valid(setting.default)


def test_another_app_adds_settings_that_are_read_and_checked(contrib: Table) -> None:
    given = {"MONGODB_URI": "mongodb://127.0.0.1:1/test", "CONTRIB_COOKIES": ["b"]}
    with override_settings(CHABAD_AUTH=given):
        assert contrib.CONTRIB_COOKIES == ["b"]
        assert run_checks() == []
    with override_settings(CHABAD_AUTH={**given, "CONTRIB_COOKIES": "b"}):
        assert [message.id for message in run_checks()] == ["contrib_of_a_test.E007"]
    assert contrib.CONTRIB_COOKIES == ["a"]


def test_the_ids_of_the_checks_are_unique() -> None:
    found = [setting.check_id for table in Table.known for setting in table.settings()]
    assert len(found) == len(set(found))
    assert {f"chabad_auth.E{number:03}" for number in (1, 2, 4, 28, 56, 57)}.isdisjoint(found)


def test_the_documentation_shows_every_table_as_it_is() -> None:
    if not settings_reference.DOCS.exists():
        pytest.skip("The tests run without the repository around them.")
    pages = [path.read_text(encoding="utf-8") for path in settings_reference.DOCS.glob("*.md")]
    for label in settings_reference.tables():
        assert any(f"<!-- settings: {label} -->" in page for page in pages), label
    assert pages == [settings_reference.generate(page) for page in pages], (
        "Run python -m support.settings_reference in the folder tests."
    )
