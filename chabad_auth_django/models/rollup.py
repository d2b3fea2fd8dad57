"""The roll-ups of Analytics: counts by days and quarters, sets of users, a record a day."""

from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from mongoengine.fields import BaseField, IntField, ListField

from chabad_auth_django.models.base import Document
from chabad_auth_django.models.fields import DateTimeField, ObjectIdField
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.models.registry import Sharding

#: The builds whose rows no run has counted: they stand for events that are not stored any more.
ARCHIVED, ERASED, ANONYMOUS = LEDGERS = ("archived", "erased", "anonymous")

#: The fields of an event by which a day is counted.
KEYS = ("appId", "eventCategory", "eventName")

#: The fields by which a user's day is counted; by them users and sessions are told apart.
USER_KEYS = (*KEYS, "userId", "sessionId")

#: A day has so many quarter hours. Today every offset from UTC is a whole number of them.
QUARTERS = 96
QUARTER = timedelta(minutes=15)

_SHARDING = Sharding(reason="counts: far fewer than the events that are counted", unique="_id")


class AnalyticsDaily(Document):
    """How many events of a day have the same application, category and name.

    ``build`` is the run that counted the day (see ``services.analytics.rollups``), or the name of
    a ledger (see ``services.analytics.ledger``). The values are what is stored in the events,
    by this package or another program.
    """

    meta = {"collection": "analytics_daily", "indexes": [["build", "day"]]}

    sharding = _SHARDING

    # The key is not always an ObjectId: what a ledger adds up has its own.
    id: Any = BaseField(db_field="_id", primary_key=True)
    build: ObjectId | str = BaseField(required=True)
    day: datetime = DateTimeField(required=True)
    app_id: Any = BaseField(db_field="appId")
    event_category: Any = BaseField(db_field="eventCategory")
    event_name: Any = BaseField(db_field="eventName")
    count: int = IntField(required=True)


class AnalyticsDailyUser(OwnedDocument):
    """The same for each user and session of the day; is deleted with the user."""

    meta = {
        "collection": "analytics_daily_users",
        "indexes": [["build", "day"], ["user_id", "day"]],
    }

    exported = False
    # After the events that it counts: see ``services.analytics.ledger.erase_rows``.
    order = 1
    sharding = _SHARDING

    id: Any = BaseField(db_field="_id", primary_key=True)
    build: ObjectId | str = BaseField(required=True)
    day: datetime = DateTimeField(required=True)
    user_id: Any = BaseField(db_field="userId")
    session_id: Any = BaseField(db_field="sessionId")
    app_id: Any = BaseField(db_field="appId")
    event_category: Any = BaseField(db_field="eventCategory")
    event_name: Any = BaseField(db_field="eventName")
    count: int = IntField(required=True)
    #: Each quarter hour of the day that has any, 0 to 95, and the number of its events.
    quarters: list[dict[str, int]] = ListField()


class AnalyticsQuarters(Document):
    """The quarter hours of a day: how many events each has, and the set of the users in it.

    See ``services.analytics.quarters``.
    """

    # So the index alone tells which days are built: a document is large.
    meta = {"collection": "analytics_quarters", "indexes": [["build", "id"]]}

    sharding = Sharding(reason="a document a day", unique="_id")

    #: The day.
    id: datetime = DateTimeField(db_field="_id", primary_key=True)
    #: The build that is counted in it, or the one that is under way.
    build: ObjectId | None = ObjectIdField()
    next: ObjectId | None = ObjectIdField()


class AnalyticsUserNumber(OwnedDocument):
    """The small number by which a user is in the sets; the ``_id`` is the number.

    A number is never used again. It is deleted after its user has left every set: see ``order``.
    """

    meta = {
        "collection": "analytics_user_numbers",
        "indexes": [{"fields": ["user_id"], "unique": True}],
    }

    exported = False
    # After the rows, with which the sets of their days go: see ``ledger.erase_rows``.
    order = 2
    sharding = Sharding(reason="two small fields for each user", unique="_id, userId")

    id: int = IntField(db_field="_id", primary_key=True)


class AnalyticsRollup(Document):
    """A day that was counted: by which build, as of when, and when it changed last.

    One more document, with the id ``LOG``, says up to when changes are noted in the others. Times
    are BSON timestamps: moments of the server's log of changes.
    """

    LOG = "log"
    #: The id of one more, with the last number of a user.
    NUMBERS = "numbers"

    meta = {"collection": "analytics_rollups"}

    sharding = _SHARDING

    id: datetime | str = BaseField(db_field="_id", primary_key=True)
