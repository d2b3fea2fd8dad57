"""Guard: a document that changes write to so that they conflict with each other."""

from typing import Any

from mongoengine.fields import DictField, ListField, StringField

from chabad_auth_django.models.base import Document
from chabad_auth_django.models.registry import Sharding


class Guard(Document):
    """What the changes of administrators share; see ``services.identity.administrators``."""

    meta = {"collection": "guards"}

    sharding = Sharding(reason="one document", unique="_id")

    id: str = StringField(primary_key=True)
    #: Without transactions: the users that are about to be removed or demoted, and since when.
    going: list[dict[str, Any]] = ListField(DictField())
