"""The three data flows of the specification."""

from __future__ import annotations

from typing import Any

from chabad_auth_django.exceptions import DuplicateEmail, VersionConflict
from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User
from chabad_auth_django.services.data import app_data
from chabad_auth_django.services.signing_in import flows
from demo.report import Report

APP = "cteen"


def create_user(report: Report, fields: dict[str, Any]) -> User:
    """Create a user; the profile and the preferences come with it (User Creation Flow)."""
    report.title("User creation flow")
    user = User.create_user(**fields)
    report.check("User.create_user", user.roles == ["user"], f"{user.name}, {user.email}")

    profile = Profile.find_by_user_id(user.id)
    same = Profile.find_or_create_profile(user.id)
    report.check(
        "find_or_create_profile",
        profile is not None and profile.id == same.id,
        "made together with the user",
    )
    preferences = Preferences.find_by_user_id(user.id)
    same = Preferences.find_or_create_preferences(user.id)
    report.check(
        "find_or_create_preferences",
        preferences is not None and preferences.id == same.id,
        "made together with the user",
    )
    capitals = fields["email"].upper()
    report.refusal("The same e-mail in capitals", DuplicateEmail, User.create_user, email=capitals)
    return user


def sign_in_user(report: Report, user: User) -> None:
    """Sign the user in: one call, one transaction (User Activity Tracking Flow)."""
    report.title("User activity tracking flow")
    signed_in = flows.record_login(
        user_id=user.id, app_id=APP, session_id="demo-session", auth_method="credentials"
    )
    time = signed_in.last_login
    report.check(
        "flows.record_login",
        time is not None and User.find_by_email(user.email).last_login == time,
        f"last login {time:%Y-%m-%d %H:%M:%S} UTC",
    )
    activity = Activity.find_by_user_id(user.id).first()
    report.check(
        "Activity",
        (activity.event_type, activity.app_id, activity.timestamp) == ("login", APP, time),
        f"{activity.event_type} in {activity.app_id}",
    )
    event = Analytics.find_by_user_id(user.id).first()
    report.check(
        "Analytics",
        (event.event_name, event.event_category, event.timestamp) == ("login", "engagement", time),
        f"{event.event_name}, {event.event_category}",
    )


def synchronize_settings(report: Report, user: User) -> None:
    """Create, match, conflict: a device brings its settings (App Data Synchronization Flow)."""
    report.title("App data synchronization flow")
    key = {"user_id": user.id, "app_id": APP, "data_key": "settings"}
    sync = app_data.synchronize_app_data

    stored = sync(**key, data_value={"volume": 3})
    report.check("Not there yet", stored.version == 1, f"created, version {stored.version}")

    stored = sync(**key, data_value={"volume": 5}, expected_version=1)
    report.check("Version matches", stored.version == 2, f"updated, version {stored.version}")

    late = {"data_value": {"volume": 9}, "expected_version": 1}
    conflict = report.refusal("Version conflicts", VersionConflict, sync, **key, **late)
    current = AppData.find_by_user_app_and_key(**key)
    report.check(
        "The stored value",
        current.version == conflict.current_version == 2 and current.data_value == {"volume": 5},
        f"{current.data_value}, still version 2",
    )
    recorded = Activity.find_by_user_id(user.id).filter(event_type="settings_updated")
    versions = sorted(activity.event_data["version"] for activity in recorded)
    report.check(
        "Activity",
        versions == [1, 2],
        "settings_updated, but not for the conflict",
    )
