"""Texts and names as Mongoose counts and trims them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings
from pymongo.database import Database
from support.signed_in import api_client

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User
from chabad_auth_django.services.data import events
from chabad_auth_django.services.signing_in import flows
from chabad_auth_django.texts import cut, text_length

EMOJI = "\U0001f54d"


def test_a_length_is_counted_in_utf_16(raw: Database, user: User) -> None:
    profile, preferences = Profile.find_by_user_id(user.id), Preferences.find_by_user_id(user.id)
    client = api_client(user.id)
    me = "/api/users/me/"
    texts: list[tuple[int, Callable[[str], Any]]] = [
        (100, lambda text: profile.patch({"display_name": text})),
        (500, lambda text: profile.patch({"bio": text})),
        (200, lambda text: user.patch({"name": text})),
        (255, lambda text: preferences.add_favorite_app(text)),
        (100, lambda text: preferences.patch({"dashboard.layout": text})),
        (100, lambda text: user.add_role(text)),
        (255, lambda text: AppData.upsert_app_data(user.id, text, "k", 1)),
        (255, lambda text: Activity.create_activity(user_id=user.id, event_type=text)),
        (255, lambda text: events.store_event(
            model=Activity, user_id=user.id, event={"eventType": text})),
        (100, lambda text: ok(client.patch(f"{me}profile/", {"displayName": text}, format="json"))),
        (200, lambda text: ok(client.patch(me, {"name": text}, format="json"))),
    ]  # fmt: skip
    for limit, store in texts:
        store(EMOJI * (limit // 2))
        with pytest.raises(ValidationError):
            store(EMOJI * (limit // 2 + 1))
        with pytest.raises(ValidationError):
            store("x" + EMOJI * ((limit + 1) // 2))
    assert text_length(cut("x" + EMOJI * 9, 4)) == 3
    assert cut("abc", 9) == "abc"


def ok(answer: Any) -> None:
    if answer.status_code == 400:
        raise ValidationError
    assert answer.status_code == 200


def test_a_new_name_has_no_outer_spaces(raw: Database, user: User) -> None:
    preferences = Preferences.find_by_user_id(user.id)
    stores: list[Callable[[str], Any]] = [
        lambda name: AppData.upsert_app_data(user.id, name, "k", 1),
        lambda name: AppData.create_app_data(
            user_id=user.id, app_id="a", data_key=name, data_value=1
        ),
        preferences.add_favorite_app,
        preferences.enable_widget,
        lambda name: preferences.set_widget_customization(name, {}),
        lambda name: preferences.patch({"dashboard.layout": name}),
        user.add_role,
        user.add_permission,
        lambda name: Activity.create_activity(user_id=user.id, event_type=name),
        lambda name: Analytics.create_analytics(
            user_id=user.id, event_name="a", event_category="custom", app_id=name
        ),
        lambda name: events.store_event(
            model=Activity, user_id=user.id, event={"eventType": "a", "sessionId": name}
        ),
        lambda name: flows.record_login(user_id=user.id, app_id=name),
    ]
    for number, store in enumerate(stores):
        for name in (" k", "k ", "\u00a0k", "k\u2003", "\ufeffk", "k\u3000"):
            with pytest.raises(ValidationError):
                store(name)
        store(f"k k{number}")
    # What is stored is reached.
    key = {"userId": user.id, "appId": " a ", "dataKey": " k "}
    raw.appdatas.insert_one({**key, "dataValue": 1, "version": 1})
    assert AppData.upsert_app_data(user.id, " a ", " k ", 2).version == 2
    raw.users.update_one({}, {"$push": {"roles": " x "}})
    user.remove_role(" x ")
    assert " x " not in raw.users.find_one()["roles"]
    assert AppData.delete_app_data(user.id, " a ", " k ") == 1


def test_an_event_without_an_app_gets_the_default_one(
    raw: Database, mongodb: str, user: User
) -> None:
    event = {"eventType": "opened", "timestamp": "2026-01-02T03:04:05Z"}
    with override_settings(
        CHABAD_AUTH={
            "MONGODB_URI": mongodb,
            "DEFAULT_APP_ID": "universe",
            "ACTIVITY_RETENTION_DAYS": 24_000,
        }
    ):
        Activity.create_activity(user_id=user.id, event_type="a")
        Activity.objects.insert([Activity(user_id=user.id, event_type="b")])
        Analytics.create_analytics(user_id=user.id, event_name="a", event_category="custom")
        flows.record_login(user_id=user.id)
        first = events.store_event(model=Activity, user_id=user.id, event=event)
        for name in ("activities", "analytics"):
            assert raw[name].distinct("appId") == ["universe"]
            assert raw[name].count_documents({"appId": None}) == 0
        Activity.create_activity(user_id=user.id, event_type="a", app_id="own")
        assert raw.activities.count_documents({"appId": "own"}) == 1
    # The same event again is a duplicate, whatever the setting.
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "ACTIVITY_RETENTION_DAYS": 24_000}):
        again = events.store_event(model=Activity, user_id=user.id, event=event)
    assert again["_id"] == first["_id"]
