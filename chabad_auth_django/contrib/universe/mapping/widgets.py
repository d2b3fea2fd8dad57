"""The list of widgets: read from what is stored of each, and written as what differs.

A front end sends the list as its tab knows it. What another tab has changed since must not go back
to what it was, so only those entries are written that differ from what is shown now, each by
itself, and all with one update.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.universe.mapping.shared import (
    Row,
    as_shown,
    check_names,
    check_object,
    object_in,
    same,
    texts,
)
from chabad_auth_django.db import expressions
from chabad_auth_django.db.expressions import Expression, array_at, object_at
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Preferences
from chabad_auth_django.models.preferences import MAX_NAMES
from chabad_auth_django.validators import validate_key


def shape(stored: Row) -> list[dict[str, Any]]:
    """Return the widgets of a stored ``widgets``, in their order."""
    lists = [texts(stored.get(name)) for name in ("enabled", "disabled")]
    settings, positions = object_in(stored, "customizations"), object_in(stored, "positions")
    known = dict.fromkeys([*lists[0], *lists[1], *settings, *positions])
    ordered = [id for id in dict.fromkeys(texts(stored.get("order"))) if id in known]
    shown = []
    for id in dict.fromkeys([*ordered, *known]):
        widget = {
            "widgetId": id,
            "visible": id not in lists[1],
            "settings": object_in(settings, id),
        }
        if isinstance(positions.get(id), Mapping):
            widget["position"] = positions[id]
        shown.append(widget)
    return shown


@dataclass
class Difference:
    """What is to be stored: field of ``widgets`` -> expression, and what must hold then."""

    changed: dict[str, Expression] = field(default_factory=dict)
    #: Path of an object -> the expression of what it will be, within ``METADATA_MAX_BYTES``.
    bounded: dict[str, Expression] = field(default_factory=dict)
    full: list[Expression] = field(default_factory=list)

    def apply(self, preferences: Preferences) -> None:
        """Store it with one update; raise ``ValidationError`` where there is no room."""
        changes = {f"widgets.{name}": value for name, value in self.changed.items()}
        objects = {f"widgets.{name}" for name in self.bounded}
        lists = {path: value for path, value in changes.items() if path not in objects}
        for test in (expressions.fits_clearly, expressions.fits):
            limit = conf.METADATA_MAX_BYTES
            fits = [test(value, max_bytes=limit) for value in self.bounded.values()]
            conditions = {"$expr": {"$and": [*fits, *self.full]}}
            if preferences.change(changes, arrays=lists, **conditions):
                return
        raise ValidationError(errors={"widgets": "Would take too many bytes, keys or entries."})


def difference(stored: Row, sent: Sequence[Mapping[str, Any]]) -> Difference:
    """Return how the sent widgets differ from what is shown of the stored ``widgets``.

    Those that were not sent stay as they are. Raises ``ValidationError``.
    """
    shown = {widget["widgetId"]: widget for widget in shape(stored)}
    widgets = {widget["widgetId"]: widget for widget in sent}
    check_names(widgets, name="widgets.widgetId", stored=shown)
    found = Difference()
    switched: dict[bool, list[str]] = {True: [], False: []}
    kept: dict[str, dict[str, Any]] = {"customizations": {}, "positions": {}}
    for id, widget in widgets.items():
        now = shown.get(id, {})
        if widget["visible"] != now.get("visible"):
            switched[widget["visible"]].append(id)
        for name, into in (("settings", "customizations"), ("position", "positions")):
            if name in widget and not same(widget[name], as_shown(now.get(name, {}))):
                before = object_in(stored, into)
                kept[into][_key(id, before)] = check_object(
                    widget[name],
                    name=f"widgets.{into}",
                    max_bytes=conf.METADATA_MAX_BYTES,
                    stored=object_in(before, id),
                )
    if switched[True] or switched[False]:
        _switch(found, on=switched[True], off=switched[False])
    for name, values in kept.items():
        if values:
            merged = {"$mergeObjects": [object_at(f"widgets.{name}"), {"$literal": values}]}
            found.changed[name] = found.bounded[name] = merged
    order = [id for id in dict.fromkeys([*shown, *widgets]) if id in widgets]
    if order != list(widgets) or not widgets.keys() <= shown.keys():
        others = _without(array_at("widgets.order"), list(widgets))
        both = {"$concatArrays": [{"$literal": list(widgets)}, others]}
        found.changed["order"] = {"$slice": [both, MAX_NAMES]}
    return found


def _switch(found: Difference, *, on: list[str], off: list[str]) -> None:
    for name, into, out in (("enabled", on, off), ("disabled", off, on)):
        left = _without(array_at(f"widgets.{name}"), out)
        new = {
            "$filter": {
                "input": {"$literal": into},
                "cond": {"$not": [{"$in": ["$$this", array_at(f"widgets.{name}")]}]},
            }
        }
        found.changed[name] = {"$concatArrays": [left, new]}
        if into:
            found.full.append({"$lte": [{"$size": found.changed[name]}, MAX_NAMES]})


def _without(array: Expression, items: Iterable[str]) -> Expression:
    literal = {"$literal": list(items)}
    return {"$filter": {"input": array, "cond": {"$not": [{"$in": ["$$this", literal]}]}}}


def _key(id: str, before: Row) -> str:
    """Return the id as a key; raise ``ValidationError`` unless it is safe or stored already."""
    if id in before:
        return id
    try:
        return validate_key(id)
    except ValidationError as error:
        raise ValidationError(errors={"widgets.widgetId": error.detail}) from None
