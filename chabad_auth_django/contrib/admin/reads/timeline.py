"""What a user did: activities and analytics events as one list, the newest first."""

from datetime import datetime
from itertools import chain
from typing import Any

from bson import ObjectId

from chabad_auth_django.db.pages import Page, Position, Row
from chabad_auth_django.models import Activity, Analytics
from chabad_auth_django.services.data import events

#: The field that names what happened, of each kind of event.
NAMES = {Activity: "eventType", Analytics: "eventName"}


def list_timeline(
    *,
    user_id: ObjectId,
    limit: int = 100,
    position: Position | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    app_id: str | None = None,
    session_id: str | None = None,
    name: str | None = None,
    category: str | None = None,
) -> Page:
    """Return a page of both kinds of events that match every criterion given.

    Each row has ``collection`` besides what is stored. ``name`` is the type of an activity or the
    name of an analytics event; activities have no ``category``. Two reads, and no more than
    ``limit`` documents of each.
    """
    criteria = {"userId": user_id, "appId": app_id, "sessionId": session_id}
    pages = [
        events.list_events(
            model=model,
            limit=limit,
            position=position,
            since=since,
            until=until,
            **criteria,
            **{NAMES[model]: name},
            **({"eventCategory": category} if model is Analytics else {}),
        ).fetch()
        for model in (Activity, Analytics)
        if category is None or model is Analytics
    ]
    return _merge(pages, limit, position)


def _merge(pages: list[Page], limit: int, position: Position | None) -> Page:
    names = [model.collection_name() for model in NAMES][-len(pages) :]
    rows: list[Row] = sorted(
        chain.from_iterable(
            ({**row, "collection": name} for row in page.rows)
            for name, page in zip(names, pages, strict=True)
        ),
        key=_place,
        reverse=True,
    )
    backward = position is not None and position.backward
    # A page can end by its bytes: what the other one has beyond that end comes with the next page.
    if backward:
        ends = [_place(page.rows[0]) for page in pages if page.rows and page.previous]
        rows = [row for row in rows if _place(row) <= min(ends)] if ends else rows
    else:
        ends = [_place(page.rows[-1]) for page in pages if page.rows and page.next]
        rows = [row for row in rows if _place(row) >= max(ends)] if ends else rows
    # What does not fit is at the far end, by the direction in which it was read.
    cut = len(rows) > limit
    rows = rows[-limit:] if backward else rows[:limit]
    older = backward or cut or any(page.next for page in pages)
    newer = position is not None and (not backward or cut or any(page.previous for page in pages))
    return Page(
        rows,
        next=Position(*_place(rows[-1])) if rows and older else None,
        previous=Position(*_place(rows[0]), backward=True) if rows and newer else None,
    )


def _place(row: Row) -> tuple[Any, Any]:
    return row["timestamp"], row["_id"]
