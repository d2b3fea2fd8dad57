"""Preferences as the front ends read and write them.

What the specification does not know is stored beside what it does: ``timezone``,
``customSettings``, ``dashboard.widgetOrder``, ``dashboard.collapsedSections``,
``notifications.types``, ``widgets.positions`` and ``widgets.order``.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from bson import ObjectId

from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.universe.mapping import widgets
from chabad_auth_django.contrib.universe.mapping.shared import (
    Row,
    check_names,
    check_object,
    object_in,
    text,
    texts,
    times,
    update,
)
from chabad_auth_django.db.expressions import Expression
from chabad_auth_django.models import Preferences
from chabad_auth_django.models.preferences import THEMES


def shape(row: Row) -> dict[str, Any]:
    """Return Preferences; the front ends spread each list and object, so none is left out."""
    dashboard, notifications = object_in(row, "dashboard"), object_in(row, "notifications")
    return {
        "userId": row["userId"],
        "theme": row.get("theme") if row.get("theme") in THEMES else "auto",
        "language": text(row.get("language")) or "en",
        "timezone": text(row.get("timezone")) or "UTC",
        "dashboard": {
            "layout": text(dashboard.get("layout")) or "grid",
            "defaultView": text(dashboard.get("defaultView")) or "overview",
            "favoriteApps": texts(dashboard.get("favoriteApps")),
            "widgetOrder": texts(dashboard.get("widgetOrder")),
            "collapsedSections": texts(dashboard.get("collapsedSections")),
        },
        "notifications": {
            **{name: _flag(notifications.get(name)) for name in ("email", "push", "inApp")},
            "types": texts(notifications.get("types")),
        },
        "widgets": widgets.shape(object_in(row, "widgets")),
        "customSettings": object_in(row, "customSettings"),
        **times(row),
    }


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else True


def read(user_id: ObjectId) -> Row:
    """Return the stored Preferences, made where there are none; raise ``UserNotFound``."""
    stored = Preferences.read(userId=user_id)
    if stored is None:
        Preferences.find_or_create_preferences(user_id)
        stored = Preferences.read(userId=user_id)
    return stored or {}


def change(user_id: ObjectId, values: Mapping[str, Any]) -> Row:
    """Change what is named and return the stored Preferences.

    Objects are merged one level deep, ``customSettings`` is replaced. Raises ``UserNotFound`` and
    ``ValidationError``.
    """
    preferences = Preferences(user_id=user_id)

    def make(stored: Row) -> None:
        changes = dict(_changes(values, stored))
        if changes:
            lists = {
                path: new for path, new in changes.items() if isinstance(new["$literal"], list)
            }
            preferences.change(changes, arrays=lists)
        else:
            preferences.refresh()

    return update(preferences, make, partial(Preferences.find_or_create_preferences, user_id))


def _changes(values: Mapping[str, Any], stored: Row) -> Iterator[tuple[str, Expression]]:
    """Yield each path with the expression of what is to be stored; raise ``ValidationError``."""
    for name, value in values.items():
        if name == "customSettings":
            value = check_object(
                value,
                name=name,
                max_bytes=conf.METADATA_MAX_BYTES,
                stored=object_in(stored, name),
            )
            yield name, {"$literal": value}
        elif isinstance(value, Mapping):
            before = object_in(stored, name)
            for key, item in value.items():
                path = f"{name}.{key}"
                if isinstance(item, list):
                    check_names(item, name=path, stored=texts(before.get(key)))
                yield path, {"$literal": item}
        else:
            yield name, {"$literal": value}


def change_widgets(user_id: ObjectId, sent: list[Mapping[str, Any]]) -> Row:
    """Store what differs in a list of widgets and return the stored Preferences.

    Raises ``UserNotFound`` and ``ValidationError``.
    """
    stored = read(user_id)
    difference = widgets.difference(object_in(stored, "widgets"), sent)
    if not difference.changed:
        return stored
    preferences = Preferences(user_id=user_id)
    difference.apply(preferences)
    return preferences.stored or {}
