"""Activities and analytics as the front ends send them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from heapq import nlargest
from typing import Any

import bson
from bson import ObjectId
from bson.errors import InvalidDocument

from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.universe import expiry
from chabad_auth_django.contrib.universe.mapping.shared import object_in
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Activity, Analytics
from chabad_auth_django.models.analytics import EVENT_CATEGORIES
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.data import events
from chabad_auth_django.services.data.events import Ingested, Rejected
from chabad_auth_django.texts import cut
from chabad_auth_django.validators import MAX_NAME_LENGTH

# A byte order mark is a space to JavaScript, but not to Python.
_NOT_IN_A_NAME = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufeff]+")


def store_batch(user_id: ObjectId, data: Any) -> Ingested:
    """Store the good activities of a batch and say what is wrong with the others.

    Nothing that is in it raises an error: a front end keeps what is refused, sends it again with
    all that follows, and stores no activity any more. Raises ``UserNotFound``.
    """
    sent = data.get("events") if isinstance(data, Mapping) else None
    if not isinstance(sent, list):
        error = ValidationError(errors={"events": "Expected a list."})
        return Ingested([], 0, 0, [Rejected(0, error.code, error.detail, error.errors)])
    return events.ingest(
        model=Activity,
        user_id=user_id,
        events=_correct([_activity(event, data.get("appId")) for event in sent]),
        lifetime=expiry.lifetime(data.get("ttl")),
    )


def _activity(event: Any, app_id: Any) -> Any:
    if not isinstance(event, Mapping):
        return event
    detail = {"action": event.get("action"), "target": event.get("target")}
    detail["data"] = event.get("eventData")
    return {
        "appId": _mended(app_id),
        "eventType": _mended(event.get("type")),
        # Fixed names, so that none of the client's own is taken for one of these.
        "eventData": _given(detail) or None,
        "metadata": event.get("metadata"),
        "timestamp": event.get("timestamp"),
    }


def _correct(activities: Sequence[Any]) -> list[Any]:
    """Correct the times by how far the client's clock is ahead, if it is.

    A batch does not tell when it was sent, but nothing in it happens later than that.
    """
    times = list(map(_time, activities))
    received, oldest = now(), Activity.oldest()
    newest = max(filter(None, times), default=received)
    if newest <= received:
        return list(activities)

    def correct(activity: Any, time: datetime | None) -> Any:
        # A clock that was wrong for a while must not make what was right before too old.
        if time is None or (time <= received and time - (newest - received) < oldest):
            return activity
        return {**activity, "sentAt": newest.isoformat()}

    return list(map(correct, activities, times))


def _time(activity: Any) -> datetime | None:
    with suppress(ValidationError):
        return events.parse_clock(activity["timestamp"] if isinstance(activity, dict) else None)
    return None


def store_analytics(user_id: ObjectId, data: Mapping[str, Any]) -> None:
    """Store an Analytics event.

    The front ends do not look at the answer, so what can be mended is. Raises ``ValidationError``
    and ``UserNotFound``.
    """
    kind, action = data.get("type"), data.get("action")
    name = _name(action) or _name(kind) or "event"
    names = ("type", "category", "label", "value", "properties")
    detail = _given({name: data.get(name) for name in names})
    if isinstance(action, str) and action != name:
        detail["action"] = action
    event = {
        "appId": _mended(data.get("appId")),
        "eventName": name,
        "eventCategory": kind if kind in EVENT_CATEGORIES else "custom",
        "eventData": _shortened(detail),
        "timestamp": data.get("timestamp"),
    }
    (corrected,) = _correct([event])
    events.store_event(model=Analytics, user_id=user_id, event=corrected)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _mended(value: Any) -> Any:
    """Return a text as a name, ``None`` where nothing is left of it; other values as they are."""
    return (_name(value) or None) if isinstance(value, str) else value


def _name(value: Any) -> str:
    """Return a text as a name: on one line, and cut."""
    if not isinstance(value, str):
        return ""
    return _NOT_IN_A_NAME.sub(" ", cut(value, MAX_NAME_LENGTH)).strip()


def _shortened(detail: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an event, with long texts cut where it is too large."""
    properties = object_in(detail, "properties")
    texts = {name: value for name, value in properties.items() if isinstance(value, str)}
    longest = nlargest(3, texts, key=lambda name: len(texts[name]))
    for path in (*(("properties", name) for name in longest), ("label",), ("action",)):
        try:
            excess = len(bson.encode(detail)) - conf.EVENT_DATA_MAX_BYTES
        except (InvalidDocument, OverflowError, RecursionError, UnicodeEncodeError):
            # It is refused, whatever its size.
            return detail
        if excess > 0:
            detail = _cut(detail, path, excess)
    return detail


def _cut(value: Any, path: Iterable[str], excess: int) -> Any:
    first, *rest = path
    if not isinstance(value, dict) or first not in value:
        return value
    if rest:
        return {**value, first: _cut(value[first], rest, excess)}
    if not isinstance(value[first], str):
        return value
    text = value[first].encode()
    return {**value, first: text[: max(len(text) - excess, 0)].decode(errors="ignore")}
