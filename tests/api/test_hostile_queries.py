"""Whatever a client asks a list for: a 400 in the one shape, never a 500."""

import base64
import json
from typing import Any

import pytest
from support.cases import each
from support.requests import check_error

from chabad_auth_django.models import User

RANGE = "start=2026-01-01T00:00:00Z&end=2026-02-01T00:00:00Z"
CURSORS = {
    "not base64": "***",
    "nothing": "",
    "not JSON": "AAAA",
    "an operator": [{"$gt": ""}, "0" * 24, False],
    "no id": ["a", "nobody", False],
    "an operator for the id": ["a", {"$gt": ""}, False],
    "a huge number": [10**30, "0" * 24, False],
    "a time after the last": [10**18, "0" * 24, False],
    "too few": ["a"],
    "no direction": ["a", "0" * 24, "yes"],
    "an object": {"key": 1},
    "deep": "DEEP",
}


def forge(value: Any) -> str:
    if isinstance(value, str) and value != "DEEP":
        return value
    text = "[" * 150 + "]" * 150 if value == "DEEP" else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize("cursor", CURSORS.values(), ids=CURSORS.keys())
def test_a_forged_cursor_is_refused_by_every_list(login: Any, admin: User, cursor: Any) -> None:
    client = login(admin)
    for path in (
        "users/?order=id",
        "users/?order=email",
        "activities/?",
        "analytics/?",
        "users/me/activities/?",
        "users/me/app-data/?",
        "users/me/app-data/cteen/?",
    ):
        response = client.get(f"/api/{path}&cursor={forge(cursor)}")
        check_error(response, 400, "invalid")
        assert response.json()["errors"].keys() == {"cursor"}


#: Path -> queries that are refused.
QUERIES = {
    "users/": [
        "limit=-1",
        "limit=1e9",
        "email=",
        "email[$gt]=",
        "role=",
        "role=" + "x" * 256,
        "role=%00",
        "roles=admin",
        "authMethod=%07",
        "createdSince=2020",
        "createdUntil=10000-01-01T00:00:00Z",
        "createdSince=0001-01-01T00:00:00%2B14:00",
        "id=1",
        "$where=1",
        "order=email&order=_id",
        "order=roles",
        "order=-createdAt",
        "order=$natural",
        "order=email,id",
        "order=",
    ],
    "users/me/activities/": [
        "limit=-1",
        "limit=0",
        "limit=1001",
        "limit=1000000000",
        "limit=abc",
        "limit=1.5",
        "cursor=abc",
        "cursor=W10",
        "cursor=WyJhIiwiYiIsdHJ1ZV0",
        "cursor=" + "A" * 600,
        "since=yesterday",
        "since=10000-01-01T00:00:00Z",
        "until=0000-00-00",
        "expand=roles",
        "eventType=",
        "unknown=1",
        "sort=password",
        "order=eventType",
        "userId[$ne]=1",
    ],
    "analytics/": ["eventCategory=none", "eventCategory=", "eventType=x", "since=%00", "limit=0"],
    "activities/": ["eventCategory=custom", "userId=1", "expand=profile", "since=1e5"],
    "users/me/": ["expand=", "expand=roles", "expand=profile,profile", "fields=id"],
    "users/me/app-data/": ["appId=", "appId=%00", "dataKey=k", "limit=1001", "order=id"],
    "users/me/app-data/cteen/": ["appId=other", "limit=-1", "version=1"],
    "analytics/event-counts/": [
        "",
        "start=2026-01-01T00:00:00Z",
        RANGE + "&limit=1",
        "start=a&end=b",
    ],
    "analytics/active-users/": [
        "",
        RANGE + "&bucket=hour",
        RANGE + "&by=userId",
        RANGE + "&by=$where&value=1",
        RANGE + "&value=cteen",
        RANGE + "&by=appId&value=%00",
        RANGE + "&timeZone=Mars/Olympus",
        RANGE + "&firstTime=1",
        RANGE + "&distinct=true",
        "start=0001-01-01T00:00:00Z&end=0001-01-02T00:00:00Z&timeZone=Asia/Jerusalem",
        "start=9999-12-01T00:00:00Z&end=9999-12-31T00:00:00Z",
        "start=2020-01-01T00:00:00Z&end=2026-01-01T00:00:00Z",
    ],
    "analytics/retention/": [
        "",
        RANGE + "&cohort=new",
        RANGE + "&periods=0",
        RANGE + "&periods=91",
        RANGE + "&periods=a",
        RANGE + "&bucket=hour",
    ],
    "analytics/timeseries/": [
        "",
        RANGE + "&bucket=minute",
        RANGE + "&bucket=",
        RANGE + "&bucket[$gt]=",
        RANGE + "&by=userId",
        RANGE + "&by=$where",
        RANGE + "&by=eventName,appId",
        RANGE + "&distinct=1",
        RANGE + "&distinct=yes",
        RANGE + "&distinct=",
        RANGE + "&timeZone=",
        RANGE + "&timeZone=Mars/Olympus",
        RANGE + "&timeZone=America",
        RANGE + "&timeZone=../../etc/passwd",
        RANGE + "&timeZone=/etc/passwd",
        RANGE + "&timeZone=UTC%00",
        RANGE + "&timeZone=%ED%A0%80",
        RANGE + "&timeZone=" + "x" * 5000,
        RANGE + "&time_zone=UTC",
        "start=2025-01-01T00:00:00Z&end=2026-01-01T00:00:00Z&bucket=hour",
        "start=2020-01-01T00:00:00Z&end=2026-01-01T00:00:00Z&timeZone=Asia/Jerusalem",
        "start=0001-01-01T00:00:00Z&end=9999-12-31T23:59:59Z&timeZone=Asia/Jerusalem",
        "start=0001-01-01T00:00:00Z&end=0001-01-02T00:00:00Z&timeZone=America/New_York",
        "start=9999-12-31T12:00:00Z&end=9999-12-31T23:59:59Z&timeZone=Asia/Tokyo",
    ],
    "users/me/analytics/category-counts/": ["", "end=2026-01-01T00:00:00Z", RANGE + "&user=1"],
}


@each(("path", "query"), [(path, query) for path in QUERIES for query in QUERIES[path]])
def test_each_list_refuses_a_query_that_it_does_not_know(
    login: Any, admin: User, path: str, query: str
) -> None:
    check_error(login(admin).get(f"/api/{path}?{query}"), 400, "invalid")
