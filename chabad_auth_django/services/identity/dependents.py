"""The Profile and Preferences of a user, which other programs may have stored it without."""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId

from chabad_auth_django.db.expressions import lookup
from chabad_auth_django.models import Preferences, Profile, User
from chabad_auth_django.models.single import SingleDocument

#: What each user has one of.
DEPENDENTS: tuple[type[SingleDocument], ...] = (Profile, Preferences)


def stages(*, local: str) -> list[dict[str, Any]]:
    """Return the stages that add how many of each the user has whose id is in a field."""
    names = [model.collection_name() for model in DEPENDENTS]
    sizes = {name: {"$size": f"${name}"} for name in names}
    return [*(lookup(name, local=local, foreign="userId") for name in names), {"$set": sizes}]


def make_missing(*, user_id: ObjectId, found: Mapping[str, Any] | None = None) -> None:
    """Store what the user lacks, by what the stages have added to ``found``, or by a look.

    Raises ``UserNotFound``.
    """
    if found is None:
        user: list[dict[str, Any]] = [{"$match": {"_id": user_id}}, {"$project": {"_id": 1}}]
        found = next(User.collection().aggregate([*user, *stages(local="_id")]), {})
    for model in DEPENDENTS:
        if not found.get(model.collection_name()):
            model.make_missing(user_id)
