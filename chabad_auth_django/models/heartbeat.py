"""Heartbeat: when a scheduled command ran last, and how it ended."""

from datetime import datetime

from mongoengine.fields import IntField, StringField

from chabad_auth_django.models.base import Document
from chabad_auth_django.models.fields import DateTimeField
from chabad_auth_django.models.registry import Sharding


class Heartbeat(Document):
    """The last run of a scheduled command. The id is the name of the command."""

    meta = {"collection": "heartbeats"}

    sharding = Sharding(reason="a few documents")

    id: str = StringField(primary_key=True)
    started_at: datetime = DateTimeField(db_field="startedAt", required=True)
    ended_at: datetime = DateTimeField(db_field="endedAt", required=True)
    #: The exit status.
    status: int = IntField(required=True)
    #: When it ended last with 0.
    succeeded_at: datetime | None = DateTimeField(db_field="succeededAt")
