"""Values that other programs store, as the pages for staff show them."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from chabad_auth_django.contrib.admin.templatetags.chabad_admin import clock, shown, when

FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Jerusalem"])
def test_the_first_and_the_last_time_are_shown(zone: str) -> None:
    with timezone.override(zone):
        for time in (FIRST, FIRST.replace(tzinfo=None), LAST):
            assert f"{time.year:04}-" in when(time)
            assert f"{time.year:04}-" in clock(time)


def test_lines_and_tabs_are_spaces_and_other_control_characters_are_seen() -> None:
    assert shown("I teach\r\n\tin Kfar\x1b Chabad.\n") == "<bdi>I teach in Kfar\ufffd Chabad.</bdi>"
    assert shown(" \n") == shown("") == shown(None)
    assert shown("a\n" * 100, 5) == f'<bdi title="{("a " * 100).strip()}">a a …</bdi>'
