"""What the server reads for every finder and every page of a list, by its own account.

Each query is the one that is sent, explained with the statistics of running it once more. A page is
read from an index up to its limit, so the figures do not depend on how many events there are: with
``--long`` a million of each kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations, product
from random import Random
from typing import Any

import mongoengine
import pymongo
import pytest
from bson import ObjectId
from pymongo.database import Database
from support.clients import fresh_database, recording

from chabad_auth_django.db.pages import Page, Position
from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User
from chabad_auth_django.models.event import Event
from chabad_auth_django.services.data import app_data, events
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.identity import users

pytestmark = pytest.mark.slow

USERS = 5_000
NOW = datetime.now(UTC).replace(microsecond=0)
IDS = [ObjectId() for _ in range(USERS)]
#: Whose documents are in the middle of everybody's.
ANN = IDS[USERS // 2]
RANGE = {"since": NOW - timedelta(days=20), "until": NOW - timedelta(days=1)}
SINCE, UNTIL = RANGE.values()
DAY = timedelta(days=1)

#: The filters of a list of events, and ``userId``, which the path names.
FILTERS: dict[type[Event], dict[str, Any]] = {
    Activity: {"appId": "app1", "sessionId": "s3", "eventType": "name1"},
    Analytics: {"appId": "app1", "sessionId": "s3", "eventName": "name1", "eventCategory": "error"},
}
CATEGORIES = ("engagement", "conversion", "error", "custom")


@dataclass(frozen=True)
class Read:
    """What the server did for one query."""

    indexes: list[str]
    stages: list[str]
    keys: int
    returned: int

    def check_index(self) -> None:
        assert self.indexes, self
        assert "COLLSCAN" not in self.stages, self

    def check_exact(self) -> None:
        """It read what it returned."""
        self.check_index()
        assert self.keys <= 1.1 * self.returned, self


@pytest.fixture(scope="module")
def large(replica_set_uri: str, long: bool) -> Iterator[Server]:
    """Users, app data and events; every twentieth event is Ann's."""
    with fresh_database(replica_set_uri) as uri, pymongo.MongoClient(uri, tz_aware=True) as client:
        indexes.create()
        raw = client.get_default_database()
        raw.users.insert_many(map(user, range(USERS)))
        for name in ("profiles", "preferences"):
            raw[name].insert_many({"userId": id} for id in IDS)
        owners = IDS[USERS // 2 - 10 : USERS // 2 + 10]
        raw.appdatas.insert_many(
            {"userId": id, "appId": f"app{app}", "dataKey": f"key{key:03}", "version": 1}
            for id, app, key in product(owners, range(3), range(250))
        )
        events_stored = 1_000_000 if long else 100_000
        apart = timedelta(days=60) / events_stored
        random = Random(1)
        for start in range(0, events_stored, 10_000):
            rows = [event(number, apart, random) for number in range(start, start + 10_000)]
            raw.activities.insert_many(rows, ordered=False)
            raw.analytics.insert_many(rows, ordered=False)
        yield Server(uri, raw)


def user(number: int) -> dict[str, Any]:
    return {
        "_id": IDS[number],
        "email": f"user{number:05}@example.org",
        "roles": ["user" if number % 100 else "admin"],
        "authMethods": ["google" if number % 2 else "credentials"],
        "valuUserId": f"valu{number}",
        "merkosUserId": f"merkos{number}",
        "createdAt": NOW - timedelta(hours=number),
    }


def event(number: int, apart: timedelta, random: Random) -> dict[str, Any]:
    # At random: in a rhythm, the row that tells a page of the next one can be far from its last.
    return {
        "userId": ANN if number % 20 == 0 else random.choice(IDS),
        "appId": f"app{random.randrange(4)}",
        "sessionId": f"s{random.randrange(50)}",
        "eventType": f"name{random.randrange(5)}",
        "eventName": f"name{random.randrange(5)}",
        "eventCategory": random.choice(CATEGORIES),
        "timestamp": NOW - number * apart,
    }


class Server:
    """The large database, and what it does for a call."""

    def __init__(self, uri: str, raw: Database[Any]) -> None:
        self.uri, self.raw = uri, raw

    def reads(self, call: Callable[[], Any]) -> tuple[Any, list[Read]]:
        """Return the result of the call, and what the server does for each query that it sends."""
        with recording(self.uri) as commands:
            result = call()
            if isinstance(result, mongoengine.QuerySet):
                result = list(result)
            sent = [command for name, command in commands.sent if name in ("find", "aggregate")]
        assert sent
        return result, [explain(self.raw, command) for command in sent]

    def pages(self, list_page: Callable[[Position | None], Page]) -> list[tuple[Page, Read]]:
        """Return the first page, the next and the previous one, each with its only query."""
        found: list[tuple[Page, Read]] = []
        position = None
        for link in ("next", "previous", ""):
            page, [read] = self.reads(lambda position=position: list_page(position))
            found.append((page, read))
            position = getattr(page, link, None)
            if position is None:
                break
        return found


def explain(raw: Database[Any], command: dict[str, Any]) -> Read:
    ours = {"lsid", "txnNumber", "readConcern"}
    plain = {name: value for name, value in command.items() if name[0] != "$" and name not in ours}
    plan = raw.command("explain", plain, verbosity="executionStats")
    while "stages" in plan:
        plan = plan["stages"][0]["$cursor"]
    stages = list(walk(plan["queryPlanner"]["winningPlan"]))
    return Read(
        # IDHACK is the short way through the index on _id.
        indexes=[
            stage.get("indexName", "_id_")
            for stage in stages
            if stage.get("stage") in ("IXSCAN", "IDHACK")
        ],
        stages=[stage["stage"] for stage in stages if "stage" in stage],
        keys=plan["executionStats"]["totalKeysExamined"],
        returned=plan["executionStats"]["nReturned"],
    )


def walk(plan: Any) -> Iterator[dict[str, Any]]:
    if isinstance(plan, dict):
        yield plan
    children = plan.values() if isinstance(plan, dict) else plan
    for child in children if isinstance(plan, (dict, list)) else ():
        yield from walk(child)


def by_id(value: Any) -> str:
    if isinstance(value, dict):
        return "+".join(value) or "all"
    return getattr(value, "__name__", str(value))


FINDERS: dict[str, Callable[[], Any]] = {
    "User.find_by_id": lambda: User.find_by_id(ANN),
    "User.find_by_email": lambda: User.find_by_email("user00007@example.org"),
    "User.find_by_valu_id": lambda: User.find_by_valu_id("valu7"),
    "User.find_by_merkos_id": lambda: User.find_by_merkos_id("merkos7"),
    "Profile.find_by_user_id": lambda: Profile.find_by_user_id(ANN),
    "Preferences.find_by_user_id": lambda: Preferences.find_by_user_id(ANN),
    "Activity.find_by_user_id": lambda: Activity.find_by_user_id(ANN),
    "Activity.find_by_app_id": lambda: Activity.find_by_app_id("app1"),
    "Activity.find_by_session_id": lambda: Activity.find_by_session_id("s3"),
    "Activity.find_by_event_type": lambda: Activity.find_by_event_type("name1"),
    "Activity.find_by_date_range": lambda: Activity.find_by_date_range(SINCE, UNTIL),
    "Activity.find_by_date_range of a user": lambda: Activity.find_by_date_range(SINCE, UNTIL, ANN),
    "Activity.get_recent_activity": lambda: Activity.get_recent_activity(ANN, hours=1000),
    "AppData.find_by_user_and_app": lambda: AppData.find_by_user_and_app(ANN, "app1"),
    "AppData.find_by_user_app_and_key": lambda: AppData.find_by_user_app_and_key(
        ANN, "app1", "key007"
    ),
    "Analytics.find_by_user_id": lambda: Analytics.find_by_user_id(ANN),
    "Analytics.find_by_event_name": lambda: Analytics.find_by_event_name("name1"),
    "Analytics.find_by_category": lambda: Analytics.find_by_category("error"),
    "Analytics.find_by_date_range": lambda: Analytics.find_by_date_range(SINCE, UNTIL),
    "Analytics.find_by_date_range of a user": lambda: Analytics.find_by_date_range(
        SINCE, UNTIL, ANN
    ),
}


@pytest.mark.parametrize("name", FINDERS)
def test_a_finder_reads_what_it_returns(large: Server, name: str) -> None:
    found, [read] = large.reads(FINDERS[name])
    assert found
    assert "SORT" not in read.stages
    read.check_exact()


@pytest.mark.parametrize(
    "find", [lambda: User.find_by_role("admin"), lambda: User.find_by_auth_method("google")]
)
def test_a_finder_without_an_index_of_its_own_goes_through_the_users_by_id(
    large: Server, find: Callable[[], Any]
) -> None:
    """The specification has no index on roles and authentication methods."""
    _, [read] = large.reads(find)
    assert (read.indexes, "SORT" in read.stages) == (["_id_"], False)
    assert read.keys <= USERS


@pytest.mark.parametrize("count", [Analytics.get_event_counts, Analytics.get_category_counts])
@pytest.mark.parametrize("owner", [{}, {"userId": ANN}], ids=by_id)
def test_counting_reads_the_events_that_it_counts(
    large: Server, count: Callable[..., Any], owner: dict[str, Any]
) -> None:
    rows, reads = large.reads(lambda: count(SINCE, UNTIL, *owner.values()))
    # The others are of the days that are counted already, of which there is none here.
    read = max(reads, key=lambda read: read.keys)
    read.check_index()
    assert read.keys <= 1.1 * sum(row["count"] for row in rows)


EXACT = [
    (model, dict(item))
    for model, filters in FILTERS.items()
    for item in [(), [("userId", ANN)], *([item] for item in filters.items())]
]


@pytest.mark.parametrize("times", [{}, RANGE], ids=by_id)
@pytest.mark.parametrize(("model", "criteria"), EXACT, ids=by_id)
def test_a_page_of_events_by_one_criterion_reads_what_it_returns(
    large: Server, model: type[Event], criteria: dict[str, Any], times: dict[str, Any]
) -> None:
    pages = large.pages(
        lambda position: events.list_events(
            model=model, position=position, **criteria, **times
        ).fetch()
    )
    assert len(pages) == 3
    for _, read in pages:
        assert "SORT" not in read.stages
        read.check_exact()


SEVERAL = [
    (model, dict(items))
    for model, filters in FILTERS.items()
    for count in range(2, len(filters) + 2)
    for items in combinations({"userId": ANN, **filters}.items(), count)
]


@pytest.mark.parametrize("times", [{}, RANGE], ids=by_id)
@pytest.mark.parametrize(("model", "criteria"), SEVERAL, ids=by_id)
def test_a_page_of_events_by_several_criteria_reads_the_best_index_among_theirs(
    large: Server, model: type[Event], criteria: dict[str, Any], times: dict[str, Any]
) -> None:
    """No index of the specification holds two of them: one is read in order, the others checked."""
    pages = large.pages(
        lambda position: events.list_events(
            model=model, position=position, **criteria, **times
        ).fetch()
    )
    newest = end = times.get("until", NOW)
    for page, read in pages:
        read.check_index()
        assert "SORT" not in read.stages
        oldest = page.rows[-1]["timestamp"] if page.next else times.get("since", NOW - 90 * DAY)
        between = {"timestamp": {"$gte": oldest, "$lte": newest}}
        found = [
            large.raw[model.collection().name].count_documents({name: value, **between})
            for name, value in criteria.items()
        ]
        assert read.keys <= 1.1 * min(found), (read, found)
        # The next page begins here; the previous one is the first again.
        newest = oldest if newest == end else end


@pytest.mark.parametrize("order", ["id", "-id", "email", "-email"])
def test_a_page_of_users_reads_what_it_returns(large: Server, order: str) -> None:
    pages = large.pages(lambda position: users.list_users(order=order, position=position).fetch())
    assert len(pages) == 3
    for _, read in pages:
        assert "SORT" not in read.stages
        read.check_exact()


@pytest.mark.parametrize("order", ["id", "-id", "email", "-email"])
@pytest.mark.parametrize(
    "criteria",
    [
        {"email": "user00007@example.org"},
        {"valu_user_id": "valu7"},
        {"merkos_user_id": "merkos7"},
        {"email": "user00007@example.org", "role": "user"},
        {"valu_user_id": "valu7", "merkos_user_id": "merkos7"},
    ],
    ids=by_id,
)
def test_a_user_is_found_in_the_list_without_reading_others(
    large: Server, order: str, criteria: dict[str, Any]
) -> None:
    [(page, read)] = large.pages(
        lambda position: users.list_users(order=order, position=position, **criteria).fetch()
    )
    assert len(page.rows) == 1
    read.check_exact()


@pytest.mark.parametrize("order", ["id", "-id", "email", "-email"])
@pytest.mark.parametrize(
    "criteria",
    [{"role": "user"}, {"auth_method": "google"}, {"created_since": SINCE, "created_until": UNTIL}],
    ids=by_id,
)
def test_a_page_of_users_by_what_has_no_index_is_read_in_its_order(
    large: Server, order: str, criteria: dict[str, Any]
) -> None:
    """Roles, authentication methods and times of creation have none in the specification."""
    pages = large.pages(
        lambda position: users.list_users(order=order, position=position, **criteria).fetch()
    )
    for _, read in pages:
        assert read.indexes == [{"id": "_id_", "email": "email_1"}[order.removeprefix("-")]]
        assert "SORT" not in read.stages
        assert read.keys <= USERS


def test_a_page_of_the_app_data_of_an_application_reads_what_it_returns(large: Server) -> None:
    pages = large.pages(
        lambda position: app_data.list_app_data(
            user_id=ANN, app_id="app1", position=position
        ).fetch()
    )
    assert len(pages) == 3
    for _, read in pages:
        assert "SORT" not in read.stages
        read.check_exact()


def test_a_page_of_all_app_data_of_a_user_reads_the_keys_of_the_user_alone(large: Server) -> None:
    """No index of the specification holds them in one order: they are sorted."""
    pages = large.pages(
        lambda position: app_data.list_app_data(user_id=ANN, position=position).fetch()
    )
    assert len(pages) == 3
    for _, read in pages:
        assert read.indexes[0].startswith("userId_1")
        assert read.keys <= large.raw.appdatas.count_documents({"userId": ANN})
