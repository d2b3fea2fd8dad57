"""Deletion: that a user, or what is left of one, is being deleted, or created step by step."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bson import ObjectId
from mongoengine.fields import IntField, ListField, StringField

from chabad_auth_django.models.base import Document
from chabad_auth_django.models.fields import DateTimeField, ObjectIdField
from chabad_auth_django.models.registry import Sharding

CREATING, DELETING, PURGING = "creating", "deleting", "purging"


class Deletion(Document):
    """A job that is open; the ``_id`` is the user's."""

    meta = {"collection": "deletions"}

    sharding = Sharding(reason="a queue of a few documents", unique="_id")

    id: ObjectId = ObjectIdField(primary_key=True)
    state: str = StringField(choices=(CREATING, DELETING, PURGING), required=True)
    since: datetime = DateTimeField(required=True)
    #: A token for each deletion that has joined; the last to be refused removes the job.
    tries: list[Any] = ListField(ObjectIdField())
    #: How many batches were purged.
    batches: int = IntField()
    #: Collections that were swept after the grace period, where one project lacks a Document.
    swept: list[str] = ListField(StringField())
