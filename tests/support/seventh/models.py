"""Achievement: a Document that belongs to a user."""

from typing import Any

from chabad_auth_django.models.fields import JSONField, NameField
from chabad_auth_django.models.owned import OwnedDocument


class Achievement(OwnedDocument):
    """What a user has achieved, once each."""

    meta = {
        "collection": "achievements",
        "indexes": ["user_id", {"fields": ["user_id", "badge"], "unique": True}],
    }

    badge: str = NameField(required=True)
    details: dict[str, Any] | None = JSONField("METADATA_MAX_BYTES")
