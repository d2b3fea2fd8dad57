"""The four query patterns of the specification, and the virtual relationships."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from django.utils import timezone

from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User
from chabad_auth_django.services.lifecycle import creation
from demo.events import History
from demo.flows import APP
from demo.report import Report


def complete_profile(report: Report, user: User) -> None:
    """Read a user, the profile and the preferences by e-mail (Query Pattern 1)."""
    report.title("Query pattern 1: complete user profile")
    found = User.find_by_email(f"  {user.email.upper()} ")
    report.check("User.find_by_email", found == user, f"{found.name}, by the address in capitals")
    profile = Profile.find_by_user_id(found.id)
    preferences = Preferences.find_by_user_id(found.id)
    complete = creation.get_complete_profile(email=user.email)
    report.check(
        "creation.get_complete_profile",
        (complete.user, complete.profile, complete.preferences) == (found, profile, preferences),
        "the same three documents in one call",
    )


def activity_history(report: Report, user: User) -> None:
    """Read what the user did lately, newest first (Query Pattern 2)."""
    report.title("Query pattern 2: user activity history")
    yesterday = timezone.now() - timedelta(hours=24)
    recent = list(Activity.get_recent_activity(user.id, 24))
    report.check(
        "Activity.get_recent_activity",
        bool(recent) and all(activity.timestamp >= yesterday for activity in recent),
        f"{len(recent)} in the last 24 hours",
    )
    history = list(Activity.find_by_user_id(user.id, 100))
    times = [activity.timestamp for activity in history]
    report.check(
        "Activity.find_by_user_id",
        len(history) == 100 and times == sorted(times, reverse=True),
        f"the last {len(history)}, back to {times[-1]:%Y-%m-%d}",
    )


def app_data_of_user(report: Report, user: User) -> None:
    """Read what an application keeps for the user (Query Pattern 3)."""
    report.title("Query pattern 3: app data for user")
    AppData.upsert_app_data(user.id, APP, "bookmarks", ["tanya-1", "tanya-2"])
    AppData.upsert_app_data(user.id, APP, "streak", 0)
    keys = [item.data_key for item in AppData.find_by_user_and_app(user.id, APP)]
    report.check(
        "AppData.find_by_user_and_app",
        keys == ["bookmarks", "settings", "streak"],
        ", ".join(keys),
    )
    settings = AppData.find_by_user_app_and_key(user.id, APP, "settings")
    report.check(
        "AppData.find_by_user_app_and_key",
        settings.data_value == {"volume": 5},
        f"{settings.data_value}, version {settings.version}",
    )


def analytics(report: Report, user: User, history: History) -> None:
    """Count events on the server, and compare with what was loaded (Query Pattern 4)."""
    report.title("Query pattern 4: analytics aggregation")
    start, end = history.end - timedelta(days=30), history.end
    loaded = [event for event in history.analytics if event.timestamp >= start]

    counts = Analytics.get_event_counts(start, end, user.id)
    wanted = Counter(event.event_name for event in loaded if event.user_id == user.id)
    report.check(
        "Analytics.get_event_counts",
        {row["eventName"]: row["count"] for row in counts} == wanted,
        f"30 days of {user.name}, {wanted.total()} events",
    )
    report.table(*((row["eventName"], row["count"]) for row in counts))

    counts = Analytics.get_category_counts(start, end)
    wanted = Counter(event.event_category for event in loaded)
    # The database may hold other people's events too.
    enough = all(row["count"] >= wanted[row["category"]] for row in counts)
    report.check(
        "Analytics.get_category_counts",
        enough and wanted.keys() <= {row["category"] for row in counts},
        "30 days of everybody",
    )
    report.table(*((row["category"], row["count"]) for row in counts))


def virtual_relationships(report: Report, user: User) -> None:
    """Go from a document to its user (Virtual Relationships)."""
    report.title("Virtual relationships")
    profile = Profile.find_by_user_id(user.id)
    report.check("profile.user.email", profile.user.email == user.email, profile.user.email)
    activities = Activity.find_by_user_id(user.id, 100).populate("user")
    report.check(
        'populate("user")',
        {activity.user for activity in activities} == {user},
        f"{len(activities)} activities, each by {user.name}",
    )
