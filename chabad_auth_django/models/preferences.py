"""Preferences: theme, language, notifications, widgets, dashboard (specification: section 3)."""

from datetime import datetime
from typing import Any, Self

import mongoengine
from mongoengine.fields import BooleanField, EmbeddedDocumentField, StringField

from chabad_auth_django.db.expressions import (
    TOO_MUCH,
    array_at,
    fits,
    object_at,
    with_item,
    without_item,
    without_key,
    without_name,
)
from chabad_auth_django.db.mongoengine_internals import names_by_stored
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.fields import (
    DateTimeField,
    JSONField,
    ListField,
    NameField,
    TextField,
)
from chabad_auth_django.models.registry import Sharding
from chabad_auth_django.models.single import SingleDocument
from chabad_auth_django.validators import (
    validate_key,
    validate_name,
    validate_new_name,
    validate_text,
)

THEMES = ("light", "dark", "auto")

#: A BCP 47 tag, as far as a regular expression can tell.
LANGUAGE = r"\A[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z"

#: The most entries in each list of names.
MAX_NAMES = 1000

PREFERENCES = ("theme", "language", "notifications", "widgets", "dashboard")

#: Where the customizations of the widgets are stored.
CUSTOMIZATIONS = "widgets.customizations"


class Notifications(mongoengine.EmbeddedDocument):
    """The channels on which the user wants to be notified."""

    meta = {"strict": False}

    email: bool = BooleanField(default=True)
    push: bool = BooleanField(default=True)
    in_app: bool = BooleanField(db_field="inApp", default=True)


class Widgets(mongoengine.EmbeddedDocument):
    """The widgets that the user switched on or off, and how each is customized."""

    meta = {"strict": False}

    enabled: list[str] = ListField(NameField())
    disabled: list[str] = ListField(NameField())
    customizations: dict[str, Any] = JSONField("METADATA_MAX_BYTES", default=dict)


class Dashboard(mongoengine.EmbeddedDocument):
    """How the dashboard looks."""

    meta = {"strict": False}

    layout: str = NameField(default="grid", max_length=100)
    default_view: str = NameField(db_field="defaultView", default="overview", max_length=100)
    favorite_apps: list[str] = ListField(NameField(), db_field="favoriteApps")


class Preferences(SingleDocument):
    """The one set of preferences of a user."""

    meta = {"collection": "preferences", "indexes": [{"fields": ["user_id"], "unique": True}]}

    is_mongoose = True
    with_user = True
    sharding = Sharding(
        reason="one small document for each user; the transaction that creates a user stays on "
        "one shard",
        unique="{userId: 1}",
    )

    theme: str = TextField(choices=THEMES, default="auto")
    language: str = StringField(regex=LANGUAGE, max_length=35, default="en")
    notifications: Notifications = EmbeddedDocumentField(Notifications, default=Notifications)
    widgets: Widgets = EmbeddedDocumentField(Widgets, default=Widgets)
    dashboard: Dashboard = EmbeddedDocumentField(Dashboard, default=Dashboard)
    created_at: datetime = DateTimeField(db_field="createdAt")
    updated_at: datetime = DateTimeField(db_field="updatedAt")

    @classmethod
    def get_defaults(cls) -> dict[str, Any]:
        """Return the default values under their stored names, a new dict for each call."""
        document: dict[str, Any] = cls().to_mongo().to_dict()
        return document

    @classmethod
    def create_preferences(cls, user_id: Any, **fields: Any) -> Self:
        """Store preferences; raise ``AlreadyExists``, ``UserNotFound`` or ``ValidationError``."""
        return cls.create_for(user_id, **fields)

    @classmethod
    def find_or_create_preferences(cls, user_id: Any, **fields: Any) -> Self:
        """Return the user's preferences, made with the fields where there are none."""
        return cls.find_or_create_for(user_id, **fields)

    def reset_to_defaults(self) -> None:
        """Set every preference to its default; keep what other programs store beside them."""
        defaults = type(self)()
        self.patch({name: getattr(defaults, name) for name in PREFERENCES})

    def update_theme(self, theme: str) -> None:
        """Set the theme; raise ``ValidationError`` unless it is ``light``, ``dark`` or ``auto``."""
        self.check(theme=theme)
        self.patch({"theme": theme})

    def update_language(self, language: str) -> None:
        """Set the language; raise ``ValidationError`` unless it looks like a BCP 47 tag."""
        self.check(language=language)
        self.patch({"language": language})

    def toggle_notification(self, channel: str, enabled: bool | None = None) -> None:
        """Switch a notification channel on or off; without ``enabled`` to the other state.

        ``channel`` is ``email``, ``push`` or ``inApp``. Raises ``ValidationError`` for another.
        """
        channels = names_by_stored(Notifications)
        if validate_text(channel) not in channels:
            raise ValidationError(f"Expected one of {', '.join(channels)}.")
        path = f"notifications.{channel}"
        if enabled is None:
            state: Any = {"$not": [{"$ifNull": [f"${path}", True]}]}
        else:
            self.check(**{f"notifications__{channels[channel]}": enabled})
            state = enabled
        self.change({path: state})

    def enable_widget(self, widget_id: str) -> None:
        """Move the widget from the disabled to the enabled ones."""
        self.set_widget(widget_id, enabled=True)

    def disable_widget(self, widget_id: str) -> None:
        """Move the widget from the enabled to the disabled ones."""
        self.set_widget(widget_id, enabled=False)

    def set_widget_customization(self, widget_id: str, customization: dict[str, Any]) -> None:
        """Store how the widget is customized; raise ``ValidationError`` for unsafe values."""
        self.patch({}, merge={CUSTOMIZATIONS: _customization(widget_id, customization)})

    def set_widget(
        self,
        widget_id: str,
        *,
        enabled: bool | None = None,
        customization: dict[str, Any] | None = None,
    ) -> None:
        """Switch the widget on or off, customize it, or both; load the preferences in any case."""
        if enabled is not None:
            to, out_of = ("enabled", "disabled") if enabled else ("disabled", "enabled")
            self._add(f"widgets.{to}", widget_id, f"widgets.{out_of}", customization)
        elif customization is not None:
            self.set_widget_customization(widget_id, customization)
        else:
            self.patch({})

    def remove_widget(self, widget_id: str) -> None:
        """Forget everything about the widget, what other programs store beside it too."""
        name = validate_name(widget_id)
        left = {
            "enabled": without_item(array_at("widgets.enabled"), name),
            "disabled": without_item(array_at("widgets.disabled"), name),
            "customizations": without_key(object_at(CUSTOMIZATIONS), name),
        }
        widgets = {"$mergeObjects": [without_name(object_at("widgets"), name), left]}
        arrays = {f"widgets.{path}": left[path] for path in ("enabled", "disabled")}
        self.change({"widgets": widgets}, arrays=arrays)

    def add_favorite_app(self, app_id: str) -> None:
        """Add the application to the favourites, if it is not among them."""
        self._add("dashboard.favoriteApps", app_id)

    def remove_favorite_app(self, app_id: str) -> None:
        """Remove the application from the favourites, if it is among them."""
        path = "dashboard.favoriteApps"
        left = {path: without_item(array_at(path), validate_name(app_id))}
        self.change(left, arrays=left)

    def _add(
        self,
        path: str,
        name: str,
        pull: str | None = None,
        customization: dict[str, Any] | None = None,
    ) -> None:
        changed: dict[str, Any] = {path: with_item(array_at(path), validate_new_name(name))}
        has_room: dict[str, Any] = {
            "$or": [{f"{path}.{MAX_NAMES - 1}": {"$exists": False}}, {path: name}]
        }
        conditions = [has_room]
        if pull:
            changed[pull] = without_item(array_at(pull), name)
        arrays = changed.copy()
        if customization is not None:
            keys = _customization(name, customization)
            _, merged, limit = self._merged(CUSTOMIZATIONS, keys)
            changed[CUSTOMIZATIONS] = merged
            conditions.append({"$expr": fits(merged, max_bytes=limit)})
        if not self.change(changed, arrays=arrays, **{"$and": conditions}):
            if self.collection().find_one({**self._identity(), **has_room}, {"_id": 1}):
                raise ValidationError(errors={CUSTOMIZATIONS: TOO_MUCH})
            raise ValidationError(errors={path: f"Holds at most {MAX_NAMES} entries."})


def _customization(widget_id: str, customization: Any) -> dict[str, Any]:
    if not isinstance(customization, dict):
        raise ValidationError("Expected an object.")
    return {validate_key(validate_new_name(widget_id)): customization}
