"""Documents of which each user has exactly one."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Self

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from chabad_auth_django.db.expressions import VERSION_KEY
from chabad_auth_django.db.transactions import retry_transaction
from chabad_auth_django.exceptions import AlreadyExists, UserNotFound
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.models.user import User
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
    def read_or_make(cls, user_id: ObjectId) -> dict[str, Any] | None:
        """Return the user's stored document, which is made with its defaults where there is none.

        Other programs store users without it. Raises ``UserNotFound``.
        """
        stored = cls.read(userId=user_id)
        if stored is None:
            cls.make_missing(user_id)
            stored = cls.read(userId=user_id)
        return stored

    @classmethod
    def make_missing(cls, user_id: ObjectId) -> bool:
        """Store the user's document with its defaults; tell whether there was none.

        Raises ``UserNotFound``.
        """
        if not User.existing_ids([user_id]):
            raise UserNotFound
        made: dict[ObjectId, ObjectId] = {}
        with cls._checking_users(lambda: made, check_users=True):
            update = {"$setOnInsert": cls.new_row()}
            try:
                result = cls.collection().update_one({"userId": user_id}, update, upsert=True)
            except DuplicateKeyError as error:
                retry_transaction(error)
                return False
            if result.upserted_id is not None:
                made[result.upserted_id] = user_id
        return bool(made)

    @classmethod
    def new_row(cls) -> dict[str, Any]:
        """Return what is stored of a new document, but for the user's id."""
        time = now()
        return {**cls._defaults(), "createdAt": time, "updatedAt": time, VERSION_KEY: 0}

    @classmethod
    @cache
    def _defaults(cls) -> Mapping[str, Any]:
        # Making them takes mongoengine longer than MongoDB takes to store them.
        return cls().to_mongo().to_dict()

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
                    # The process that made it removed it again, because the user was deleted.
                    raise UserNotFound from error
                found = cls.from_stored(stored)
        return found

    def _make_missing(self) -> bool:
        # One that was loaded, and is there no more, has been deleted.
        if self.pk is not None:
            return False
        self.read_or_make(self.user_id)
        return True

    def _identity(self) -> dict[str, Any]:
        # Known before the document is read.
        return {"userId": self.user_id} if self.pk is None else super()._identity()
