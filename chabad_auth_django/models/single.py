"""Documents of which each user has exactly one."""

from __future__ import annotations

from typing import Any, Self

from chabad_auth_django.exceptions import AlreadyExists, UserNotFound
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.validators import to_object_id


class SingleDocument(OwnedDocument):
    """A Document that each user has once, by a unique index on ``userId``."""

    meta = {"abstract": True}

    @classmethod
    def find_by_user_id(cls, user_id: Any) -> Self | None:
        """Return the user's document, or ``None``."""
        document: Self | None = cls.objects(user_id=to_object_id(user_id)).first()
        return document

    @classmethod
    def create_for(cls, user_id: Any, **fields: Any) -> Self:
        """Store it; raise ``AlreadyExists``, ``UserNotFound`` or ``ValidationError``."""
        return cls(user_id=user_id, **fields).save()

    @classmethod
    def find_or_create_for(cls, user_id: Any, **fields: Any) -> Self:
        """Return the user's document, made with the fields where there is none."""
        found = cls.find_by_user_id(user_id)
        if found is None:
            try:
                return cls.create_for(user_id, **fields)
            except AlreadyExists as error:
                stored = cls.read(userId=to_object_id(user_id))
                if stored is None:
                    # The process that made it removed it again, because the user is gone.
                    raise UserNotFound from error
                found = cls.from_stored(stored)
        return found

    def _identity(self) -> dict[str, Any]:
        # Known before the document is read.
        return {"userId": self.user_id}
