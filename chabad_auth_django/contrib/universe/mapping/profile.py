"""Profile as the front ends read and write it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from bson import ObjectId

from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.universe.mapping.shared import (
    Row,
    check_object,
    object_in,
    text,
    times,
    update,
)
from chabad_auth_django.db.expressions import object_at
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Profile
from chabad_auth_django.models.profile import Avatar
from chabad_auth_django.validators import validate_http_url

REMOVE = "$$REMOVE"


def shape(row: Row) -> dict[str, Any]:
    """Return a Profile; what it does not have is left out."""
    found = {
        "userId": row["userId"],
        "displayName": text(row.get("displayName")),
        "bio": text(row.get("bio")),
        "avatar": text(object_in(row, "avatar").get("url")),
        "metadata": object_in(row, "metadata"),
        **times(row),
    }
    return {name: value for name, value in found.items() if value is not None}


def read(user_id: ObjectId) -> Row:
    """Return the stored Profile, made where there is none; raise ``UserNotFound``."""
    stored = Profile.read(userId=user_id)
    if stored is None:
        Profile.find_or_create_profile(user_id)
        stored = Profile.read(userId=user_id)
    return stored or {}


def change(user_id: ObjectId, values: Mapping[str, Any]) -> Row:
    """Change what is named and return the stored Profile.

    An empty text or ``None`` removes a field. Raises ``UserNotFound`` and ``ValidationError``.
    """
    profile = Profile(user_id=user_id)

    def make(stored: Row) -> None:
        changed = {name: _changed(name, value, stored) for name, value in values.items()}
        if changed:
            profile.update_atomically([{"$set": changed}])
        else:
            profile.refresh()

    return update(profile, make, partial(Profile.find_or_create_profile, user_id))


def _changed(name: str, value: Any, stored: Row) -> Any:
    """Return the expression of what is to be stored in the field; raise ``ValidationError``."""
    if name == "metadata":
        checked = check_object(
            {} if value in ("", None) else value,
            name=name,
            max_bytes=conf.METADATA_MAX_BYTES,
            stored=object_in(stored, "metadata"),
        )
        return {"$literal": checked}
    if not value:
        return REMOVE
    if name == "avatar":
        return _avatar(value, stored)
    Profile.check(**{{"displayName": "display_name"}.get(name, name): value})
    return {"$literal": value}


def _avatar(url: str, stored: Row) -> dict[str, Any]:
    # Another picture has another thumbnail; what else is kept of an avatar stays.
    if url != object_in(stored, "avatar").get("url"):
        try:
            validate_http_url(url)
        except ValidationError as error:
            raise ValidationError(errors={"avatar": error.detail}) from None
    fields = Avatar.of(url).to_mongo().to_dict()
    other = {"$mergeObjects": [object_at("avatar"), {"$literal": fields}]}
    return {"$cond": [{"$eq": ["$avatar.url", {"$literal": url}]}, "$avatar", other]}
