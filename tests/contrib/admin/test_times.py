"""Times that other programs store, in any zone.

The kind: a time that Python has, and has not in the zone of a staff member. The first and the last
one are what .NET and Go store for no time and for never.
"""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from chabad_auth_django.contrib.admin.templatetags.chabad_admin import clock, when

FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Jerusalem"])
def test_the_first_and_the_last_time_are_shown(zone: str) -> None:
    with timezone.override(zone):
        for time in (FIRST, FIRST.replace(tzinfo=None), LAST):
            assert f"{time.year:04}-" in when(time)
            assert f"{time.year:04}-" in clock(time)
