"""Charts in zones whose clocks are changed, or whose days are not those of UTC."""

from contrib.admin.conftest import Run

BEGIN = """
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo
from chabad_auth_django.contrib.admin.pages import periods, series
from chabad_auth_django.contrib.admin.pages.periods import Period
from chabad_auth_django.models import Analytics

def store(user, *times):
    Analytics.collection().insert_many([
        {"userId": user.id, "eventName": "open", "eventCategory": "custom", "appId": "books",
         "timestamp": time} for time in times])
"""


def test_the_hours_of_a_chart_are_those_that_are_counted(run: Run) -> None:
    told = run(
        BEGIN
        + """
ann, day = User.create_user(email="ann@example.org"), timedelta(days=1)
for name, first in (
    ("Australia/Lord_Howe", date(2026, 4, 5)), ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Jerusalem", date(2026, 10, 25)), ("Asia/Kathmandu", date(2026, 3, 8)),
):
    zone = ZoneInfo(name)
    period = Period(periods.midnight(first, zone), periods.midnight(first + day, zone))
    number = (period.end - period.start) // timedelta(minutes=10)
    store(ann, *(period.start + timedelta(minutes=10 * index) for index in range(number)))
    counted = [row["time"] for row in series.Question(
        period, "hour", None, "", zone, name).rows(period)]
    tell([len(counted), list(periods.buckets(period, "hour", zone)) == counted])
"""
    )
    assert told == [[25, True], [24, True], [25, True], [24, True]]


def test_a_day_is_marked_as_the_days_of_utc_that_it_has_a_part_of(run: Run) -> None:
    told = run(
        BEGIN
        + """
# Midnights in Jerusalem.
days = [datetime(2026, 1, number, 22, tzinfo=UTC) for number in range(1, 5)]
period = Period(days[0], days[-1] + timedelta(days=1))
question = series.Question(
    period, "day", None, "", ZoneInfo("Asia/Jerusalem"), "Asia/Jerusalem")
states = {datetime(2026, 1, 1, tzinfo=UTC): "archived", datetime(2026, 1, 5, tzinfo=UTC): "open"}
rows = [{"time": day, "count": 1} for day in days]
chart = series.chart(question, rows, key="events", title="Events", states=states)
tell([column.state for column in chart.columns])
"""
    )
    assert told == [["archived", "", "", "open"]]


def test_each_bar_of_a_timeline_leads_to_its_events_also_where_an_hour_comes_twice(
    run: Run,
) -> None:
    told = run(
        BEGIN
        + """
ann, browser = User.create_user(email="ann@example.org"), superuser()
browser.post(f"{PEOPLE}zone/", {"zone": "Asia/Jerusalem"})
# At 23:00 in UTC it was 1:00 again.
store(ann, *(datetime(2025, 10, 25, hour, 30, tzinfo=UTC) for hour in (21, 22, 23)))
page = f"{PEOPLE}{ann.id}/timeline/"
day = browser.get(page, {"since": "2025-10-26T00:00", "until": "2025-10-26T06:00"})
bars = [column for column in day.context["chart"].columns if column.total]
tell([len(browser.get(page + bar.href).context["page"].rows) for bar in bars])
"""
    )
    assert told == [[1, 2, 2]]


def test_the_table_of_roll_ups_has_the_days_of_utc_and_their_states_in_words(run: Run) -> None:
    told = run(
        BEGIN
        + """
from django.utils import translation
browser = superuser()
browser.post(f"{PEOPLE}zone/", {"zone": "America/Chicago"})
today = f"{datetime.now(UTC):%Y-%m-%d}"
with translation.override("he"):
    page = browser.get(f"{BASE}operations/").content.decode().partition("<tbody>")[2]
last = page.partition("</tbody>")[0].rpartition("<tr>")[2]
tell([today in last, "open" in last])
"""
    )
    assert told == [[True, False]]


def test_the_time_before_is_named_by_the_days_that_are_compared(run: Run) -> None:
    told = run(
        BEGIN
        + """
ann, browser = User.create_user(email="ann@example.org"), superuser()
store(ann, datetime(2026, 1, 10, 12, tzinfo=UTC))
query = {"since": "2026-01-10", "until": "2026-01-11", "compare": "on", "zone": "UTC"}
for zone in ("Asia/Jerusalem", "America/Chicago"):
    browser.post(f"{PEOPLE}zone/", {"zone": zone})
    compared = browser.get(f"{BASE}analytics/", query).context["compared"]
    tell([compared["start"], compared["last"]])
"""
    )
    assert told == [["01/08/2026", "01/09/2026"]] * 2


def test_a_file_of_events_has_the_same_range_from_its_first_part_to_its_last(run: Run) -> None:
    told = run(
        BEGIN
        + """
from unittest import mock
from chabad_auth_django.contrib.admin.pages import events
ann, browser = User.create_user(email="ann@example.org"), superuser()
browser.post(f"{PEOPLE}zone/", {"zone": "Asia/Jerusalem"})
store(ann, *(datetime(2026, 1, 9, 23, minute, tzinfo=UTC) for minute in range(3)))
query = {"since": "2026-01-10", "until": "2026-01-10", "export": "jsonl"}
with mock.patch.object(events, "PART", 1):
    file = browser.get(f"{BASE}events/", query)
    tell(len(b"".join(file.streaming_content).splitlines()))
"""
    )
    assert told == [3]
