"""Documents that hold a user's data, which an export takes along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from bson import ObjectId

from chabad_auth_django.models.base import Document


class PersonalDocument(Document):
    """A Document of which each stored document is one user's."""

    meta = {"abstract": True}

    #: Whether an export of the user has it. False for secrets of this installation, and for what
    #: is made from other documents.
    exported: ClassVar[bool] = True

    #: Whether an import stores it before the other documents.
    imported_first: ClassVar[bool] = False

    @classmethod
    def owned_by(cls, user_ids: Sequence[ObjectId]) -> dict[str, Any]:
        """Return the criteria that find all documents of the users."""
        return {"userId": {"$in": list(user_ids)}}

    @classmethod
    def owner_of(cls, row: Mapping[str, Any]) -> Any:
        """Return the id of the user to whom a stored document belongs."""
        return row.get("userId")
