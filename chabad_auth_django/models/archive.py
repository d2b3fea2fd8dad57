"""The records of archived Analytics events; see ``services.analytics.archive``."""

from datetime import datetime
from typing import Any

from mongoengine.fields import BaseField, IntField, StringField

from chabad_auth_django.models.base import Document
from chabad_auth_django.models.fields import DateTimeField
from chabad_auth_django.models.registry import Sharding


class AnalyticsArchive(Document):
    """An archive: the file's name and checksum, and how far moving its events has come."""

    meta = {"collection": "analytics_archives"}

    sharding = Sharding(reason="a few documents for each month", unique="_id")

    id: Any = BaseField(db_field="_id", primary_key=True)
    month: str = StringField(required=True)
    state: str = StringField(required=True)
    name: str | None = StringField()
    sha256: str | None = StringField()
    since: datetime | None = DateTimeField()
    events: int | None = IntField()
    moved: int | None = IntField()
    restored: int | None = IntField()


class AnalyticsArchiveExclusion(Document):
    """A line of an archive that is not its own any more; the ``_id`` is archive and line."""

    meta = {"collection": "analytics_archive_exclusions"}

    sharding = Sharding(reason="lines that changed while they were archived: a few", unique="_id")

    id: Any = BaseField(db_field="_id", primary_key=True)
