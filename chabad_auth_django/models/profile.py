"""Profile: how a user presents themselves (specification: section 2)."""

from datetime import datetime
from typing import Any, Self

import mongoengine
from mongoengine.fields import EmbeddedDocumentField, StringField

from chabad_auth_django.db.expressions import is_object_at, without_key
from chabad_auth_django.models.fields import DateTimeField, JSONField, TextField, check_with
from chabad_auth_django.models.registry import Sharding
from chabad_auth_django.models.single import SingleDocument
from chabad_auth_django.validators import validate_http_url, validate_text


class HttpURLField(StringField):
    """An http or https URL; ``javascript:`` and the like could run in a page."""

    def validate(self, value: Any) -> None:
        super().validate(value)
        check_with(self, validate_http_url, value)


class Avatar(mongoengine.EmbeddedDocument):
    """A picture and its thumbnail."""

    meta = {"strict": False}

    url: str = HttpURLField(required=True, max_length=2048)
    thumbnail_url: str | None = HttpURLField(db_field="thumbnailUrl", max_length=2048)

    @classmethod
    def of(cls, url: str, thumbnail_url: str | None = None) -> Self:
        """Return the avatar; without a thumbnail the picture is its own thumbnail."""
        return cls(url=url, thumbnail_url=url if thumbnail_url is None else thumbnail_url)


class Profile(SingleDocument):
    """The one profile of a user."""

    is_mongoose = True
    meta = {"collection": "profiles", "indexes": [{"fields": ["user_id"], "unique": True}]}

    with_user = True
    sharding = Sharding(
        reason="one small document for each user; the transaction that creates a user stays on "
        "one shard",
        unique="{userId: 1}",
    )

    display_name: str | None = TextField(db_field="displayName", max_length=100)
    bio: str | None = TextField(max_length=500)
    avatar: Avatar | None = EmbeddedDocumentField(Avatar)
    metadata: dict[str, Any] = JSONField("METADATA_MAX_BYTES", default=dict)
    created_at: datetime = DateTimeField(db_field="createdAt")
    updated_at: datetime = DateTimeField(db_field="updatedAt")

    @classmethod
    def create_profile(cls, user_id: Any, **fields: Any) -> Self:
        """Store a profile; raise ``AlreadyExists``, ``UserNotFound`` or ``ValidationError``."""
        return cls.create_for(user_id, **fields)

    @classmethod
    def find_or_create_profile(cls, user_id: Any, **fields: Any) -> Self:
        """Return the user's profile, made with the fields where there is none."""
        return cls.find_or_create_for(user_id, **fields)

    def update_avatar(self, url: str, thumbnail_url: str | None = None) -> None:
        """Set the avatar; without a thumbnail the picture is its own thumbnail.

        Raises ``ValidationError`` unless the URLs are http or https.
        """
        self.patch({"avatar": Avatar.of(url, thumbnail_url)})

    def clear_avatar(self) -> None:
        """Remove the avatar."""
        self.patch({"avatar": None})

    def get_metadata(self, key: str, default: Any = None) -> Any:
        """Return the value under the key, or the default."""
        return self.metadata.get(key, default)

    def set_metadata(self, key: str, value: Any) -> None:
        """Store the value under the key; raise ``ValidationError`` for an unsafe key or value."""
        self.merge_json("metadata", key, value)

    def delete_metadata(self, key: str) -> None:
        """Remove the key, if it is there."""
        # Other programs may have stored a key with a dot, which is no path.
        left = without_key("$metadata", validate_text(key))
        self.change({"metadata": {"$cond": [is_object_at("metadata"), left, "$metadata"]}})
