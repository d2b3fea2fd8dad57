"""What every figure has to be: DuckDB counts the raw documents, with time zones of its own."""

import functools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

Events = Iterable[Mapping[str, Any]]

_FIELDS = ("userId", "sessionId", "appId", "eventName", "eventCategory")
_COLUMNS = ", ".join(["time TIMESTAMPTZ", *(f"{name} VARCHAR" for name in _FIELDS)])

#: Seconds; the buckets of every zone begin on this grid,
_GRID = 15 * 60
#: and of these on a finer one.
_FINE = {"Africa/Monrovia": 30, "America/St_Johns": 60}

#: Longer than a bucket, and than the days before one that its figures take.
_MARGIN = timedelta(days=35)

#: Label (the wall clock at the begin) -> the users who were active.
_ACTIVE = """
    active AS (
        SELECT DISTINCT date_trunc($bucket, timezone($zone, time)) AS label, userId
        FROM events WHERE userId IS NOT NULL
    ),
    buckets AS (
        SELECT label, begin, row_number() OVER (ORDER BY begin) AS number
        FROM {begins} WHERE begin >= $start AND begin < $end
    ),
    new AS (SELECT userId, min(label) AS label FROM active GROUP BY userId)
"""


def between(events: Events, start: datetime, end: datetime, user_id: Any = None) -> list[Any]:
    """Return the events of the range, and of the user if one is given."""
    return [
        event
        for event in events
        if start <= event["timestamp"] < end and user_id in (None, event["userId"])
    ]


def counts(events: Events, field: str, name: str) -> list[dict[str, Any]]:
    """Return what ``get_event_counts`` and ``get_category_counts`` have to."""
    _load(events)
    return _rows(
        f"SELECT {field} AS {name}, count(*) AS count FROM events"
        " GROUP BY ALL ORDER BY count DESC, 1 NULLS FIRST"
    )


def timeseries(events: Events, bucket: str, zone: str, by: str | None) -> list[dict[str, Any]]:
    """Return what ``get_timeseries`` has to, in order of time and of the field ``by``."""
    times = _load(events)
    if not times:
        return []
    return _rows(
        f"""
        SELECT begin AS time, {f"{by}," if by else ""} count(*) AS count,
            count(DISTINCT userId) AS users, count(DISTINCT sessionId) AS sessions
        FROM events JOIN {_begins(bucket, zone, min(times), max(times))} AS begins
            ON label = date_trunc('{bucket}', timezone($zone, events.time))
            AND shift IS NOT DISTINCT FROM {_shift(bucket, "timezone($zone, events.time)", "time")}
        GROUP BY ALL ORDER BY ALL
        """,
        zone=zone,
    )


def active_users(
    events: Events, *, start: datetime, end: datetime, bucket: str, time_zone: str
) -> list[dict[str, Any]]:
    """Return what ``get_active_users`` has to, with ``first_time``."""
    _load(events)

    figures = {
        "users": _count_users("active", "label = buckets.label"),
        "week": _count_users(
            "active", "label BETWEEN buckets.label - INTERVAL 6 DAY AND buckets.label"
        ),
        "month": _count_users(
            "active", "label BETWEEN buckets.label - INTERVAL 29 DAY AND buckets.label"
        ),
        "firstTime": _count_users("new", "label = buckets.label"),
    }
    columns = ", ".join(f"{figure} AS {name}" for name, figure in figures.items())
    of_days = ", week, month, if(month = 0, 0, users / month) AS stickiness"
    return _rows(
        f"""
        WITH {_ACTIVE.format(begins=_begins(bucket, time_zone, start, end))}
        SELECT begin AS time, users {of_days if bucket == "day" else ""},
            firstTime, users - firstTime AS returning
        FROM (SELECT begin, {columns} FROM buckets)
        ORDER BY begin
        """,
        bucket=bucket,
        zone=time_zone,
        start=start,
        end=end,
    )


def retention(
    events: Events, *, start: datetime, end: datetime, bucket: str, time_zone: str, cohort: str
) -> list[dict[str, Any]]:
    """Return what ``get_retention`` has to."""
    _load(events)
    return _rows(
        f"""
        WITH {_ACTIVE.format(begins=_begins(bucket, time_zone, start, end))},
        cohort AS (FROM {"new" if cohort == "firstTime" else "active"}),
        later AS (
            SELECT one.number, other.number AS later, count(active.userId) AS users
            FROM buckets one
            JOIN buckets other ON other.number - one.number BETWEEN 1 AND 30
            LEFT JOIN cohort ON cohort.label = one.label
            LEFT JOIN active ON active.userId = cohort.userId AND active.label = other.label
            GROUP BY ALL
        )
        SELECT begin AS time,
            {_count_users("cohort", "label = buckets.label")} AS users,
            coalesce((
                SELECT list(later.users ORDER BY later.later)
                FROM later WHERE later.number = buckets.number
            ), []) AS retained
        FROM buckets ORDER BY begin
        """,
        bucket=bucket,
        zone=time_zone,
        start=start,
        end=end,
    )


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    database.execute("SET threads = 1")
    return database


def _count_users(table: str, condition: str) -> str:
    return f"(SELECT count(DISTINCT userId) FROM {table} WHERE {table}.{condition})"


def _load(events: Events) -> list[datetime]:
    """Put the events into a table of their own; return their times."""
    rows = [
        {"time": event["timestamp"]}
        | {name: None if (value := event.get(name)) is None else str(value) for name in _FIELDS}
        for event in events
    ]
    _database().execute(f"CREATE OR REPLACE TABLE events ({_COLUMNS})")
    _database().execute(
        f"INSERT INTO events SELECT unnest($rows::STRUCT({_COLUMNS})[], recursive := true)",
        {"rows": rows},
    )
    return [row["time"] for row in rows]


def _begins(bucket: str, zone: str, start: datetime, end: datetime) -> str:
    """Return the table of the buckets of a range and more: label, shift, and when they begin."""
    first, last = (start - 2 * _MARGIN).replace(day=1), (end + _MARGIN).replace(day=28)
    return _find_begins(bucket, zone, first.date().isoformat(), last.date().isoformat())


@functools.cache
def _find_begins(bucket: str, zone: str, first: str, last: str) -> str:
    table = f'"{bucket} {zone} {first} {last}"'
    _database().execute(
        f"""
        CREATE TABLE {table} AS
        SELECT date_trunc('{bucket}', clock) AS label, {_shift(bucket, "clock", "time")} AS shift,
            min(time) AS begin
        FROM (
            SELECT time, timezone('{zone}', time) AS clock FROM generate_series(
                '{first}'::TIMESTAMPTZ, '{last}'::TIMESTAMPTZ,
                INTERVAL {_FINE.get(zone, _GRID)} SECOND) AS grid (time)
        )
        GROUP BY ALL
        """
    )
    return table


def _shift(bucket: str, clock: str, time: str) -> str:
    """Return how far the clock is from UTC, in an hour: where it is set back, one comes twice."""
    return f"({clock} - timezone('UTC', {time}))" if bucket == "hour" else "NULL"


def _rows(query: str, **parameters: Any) -> list[dict[str, Any]]:
    found = _database().execute(query, parameters)
    names = [column[0] for column in found.description]
    return [
        {
            name: value.astimezone(UTC) if isinstance(value, datetime) else value
            for name, value in zip(names, row, strict=True)
        }
        for row in found.fetchall()
    ]
