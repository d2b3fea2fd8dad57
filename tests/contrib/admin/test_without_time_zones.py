"""A project with ``USE_TZ = False``: Django's own times have no zone, and stored ones have."""

from __future__ import annotations

from typing import Any


def test_every_page_is_shown(run: Any) -> None:
    told = run(
        """
from django.test import override_settings
from chabad_auth_django.models import Deletion
from support.staff_figures import populate
made = make()
populate()
browser = superuser()
gone = str(Deletion.collection().find_one()["_id"])
person = str(made["ann"].id)
browser.raise_request_exception = False
times = ["timeline/?since=2026-01-01T10:00", "timeline/?until=2026-01-01T10:00"]
with override_settings(USE_TZ=False):
    for address in [*staff.pages(person, gone), *(f"{PEOPLE}{person}/{path}" for path in times)]:
        tell([address, browser.get(address).status_code])
"""
    )
    assert len(told) > 20
    assert [item for item in told if item[1] != 200] == []


def test_a_time_is_typed_in_the_zone_of_the_staff_member(run: Any) -> None:
    told = run(
        """
from datetime import UTC, datetime
from django.test import override_settings
from django.utils import timezone
from chabad_auth_django.contrib.admin.pages.periods import moment_field
for has_zones in (True, False):
    with override_settings(USE_TZ=has_zones), timezone.override("Asia/Jerusalem"):
        found = moment_field("x").clean("2026-01-01T10:00")
        tell(found.astimezone(UTC).isoformat())
"""
    )
    assert told == ["2026-01-01T08:00:00+00:00"] * 2
