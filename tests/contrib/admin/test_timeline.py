"""What a user did, as one list of both kinds of events."""

from datetime import timedelta
from typing import Any

from support.commands import CommandCounter

from chabad_auth_django.contrib.admin.reads.timeline import list_timeline
from chabad_auth_django.models import Activity, Analytics, User
from chabad_auth_django.models.fields import now


def store(user: User, count: int = 23) -> None:
    """Store events of both kinds, several of them at the same time, and some of somebody else."""
    other = User.create_user(email="other@example.org")
    start = now() - timedelta(days=2)
    for owner in (user, other):
        activities, analytics = [], []
        for number in range(count):
            time = start + timedelta(minutes=number // 4)
            common = {"user_id": owner.id, "timestamp": time, "app_id": f"app{number % 2}"}
            if number < 8 or number % 3:
                activities.append(Activity(event_type=f"type{number}", **common))
            else:
                analytics.append(
                    Analytics(event_name=f"name{number}", event_category="error", **common)
                )
        Activity.insert_documents(activities)
        Analytics.insert_documents(analytics)


def names(rows: Any) -> list[str]:
    return [row.get("eventType") or row["eventName"] for row in rows]


def walk(user: User, limit: int, **criteria: Any) -> list[str]:
    """Return the names of all pages, after going back over them as well."""
    pages = []
    position = None
    while True:
        page = list_timeline(user_id=user.id, limit=limit, position=position, **criteria)
        assert len(page.rows) <= limit
        pages.append(names(page.rows))
        if page.next is None:
            break
        position = page.next
    back = []
    while page.previous is not None:
        page = list_timeline(user_id=user.id, limit=limit, position=page.previous, **criteria)
        back.append(names(page.rows))
    assert [name for page in back[::-1] for name in page] == sum(pages[:-1], [])
    return [name for page in pages for name in page]


def test_each_event_comes_once_and_in_order(user: User) -> None:
    store(user)
    every = list_timeline(user_id=user.id, limit=1000)
    assert every.next is None and every.previous is None
    times = [row["timestamp"] for row in every.rows]
    assert len(times) == 23 and times == sorted(times, reverse=True)
    assert {row["collection"] for row in every.rows} == {"activities", "analytics"}
    for limit in (1, 3, 4, 7, 22, 23):
        assert walk(user, limit) == names(every.rows), limit


def test_a_timeline_is_filtered(user: User, commands: CommandCounter) -> None:
    store(user)
    every = list_timeline(user_id=user.id, limit=1000).rows
    middle = every[10]["timestamp"]
    for criteria, expected in (
        ({"app_id": "app1"}, [row for row in every if row["appId"] == "app1"]),
        ({"category": "error"}, [row for row in every if row["collection"] == "analytics"]),
        ({"name": "type4"}, [row for row in every if row.get("eventType") == "type4"]),
        ({"name": "name9"}, [row for row in every if row.get("eventName") == "name9"]),
        ({"category": "custom"}, []),
        ({"session_id": "none"}, []),
        ({"until": middle}, [row for row in every if row["timestamp"] < middle]),
    ):
        assert walk(user, 5, **criteria) == names(expected), criteria
    commands.clear()
    list_timeline(user_id=user.id, limit=1000)
    assert commands.names == ["find", "find"]


def test_a_page_that_ends_by_its_bytes_loses_nothing(user: User) -> None:
    start = now() - timedelta(days=1)
    times = [start + timedelta(seconds=number) for number in range(300)]
    Activity.insert_documents(
        [Activity(user_id=user.id, event_type=f"a{time:%H%M%S}", timestamp=time) for time in times]
    )
    large = {"text": "x" * 32_000}
    Analytics.insert_documents(
        [
            Analytics(
                user_id=user.id,
                event_name=f"b{time:%H%M%S}",
                event_category="custom",
                event_data=large,
                timestamp=time,
            )
            for time in times
        ]
    )
    found = walk(user, 1000)
    assert len(found) == len(set(found)) == 600
