"""Documents that belong to a user: the foreign key and the virtual ``user``."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar, Self

from bson import ObjectId
from pymongo.errors import OperationFailure

from chabad_auth_django.db.transactions import in_transaction, on_commit
from chabad_auth_django.exceptions import AlreadyExists, UserNotFound, ValidationError
from chabad_auth_django.models.fields import ObjectIdField
from chabad_auth_django.models.owned_collection import OwnedCollection
from chabad_auth_django.models.personal import PersonalDocument
from chabad_auth_django.models.queryset import QuerySet
from chabad_auth_django.models.user import User

_UNREAD = object()

# Every project has these Documents; other ones are recorded.
_OURS = "chabad_auth_django.models."


class OwnedQuerySet(QuerySet):
    """A QuerySet over documents of users."""

    # Every change of a document names its owner.
    always_read: ClassVar[tuple[str, ...]] = ("userId",)

    def populate(self, path: str = "user") -> list[Any]:
        """Return the documents with their users, which one further query reads."""
        if path != "user":
            raise ValidationError("Only 'user' can be populated.")
        documents = list(self)
        for document in documents:
            document._user = None
        # Other programs may have stored what is no id.
        owned = [item for item in documents if isinstance(item.user_id, ObjectId)]
        users = User.objects.in_bulk(list({document.user_id for document in owned}))
        for document in owned:
            document._user = users.get(document.user_id)
        return documents


class OwnedDocument(PersonalDocument):
    """A Document with a ``userId``; an insert for a deleted user is taken back.

    It is deleted with the user: deletion, export, import and the integrity check find it here.
    """

    meta = {"abstract": True, "queryset_class": OwnedQuerySet}

    #: Whether it is removed, and imported, in the same transaction as the user.
    with_user: ClassVar[bool] = False

    # A change of the owner would go without the check that the new owner exists.
    fixed = frozenset({"userId"})

    _recorded_in: ClassVar[Any] = None
    _purge: ClassVar[Callable[..., int] | None] = None

    user_id: ObjectId = ObjectIdField(db_field="userId", required=True)

    _user: Any = _UNREAD

    @property
    def user(self) -> User | None:
        """The user, read on first use; ``None`` when it was deleted, or for what is no id."""
        if self._user is _UNREAD:
            is_id = isinstance(self.user_id, ObjectId)
            self._user = User.objects(id=self.user_id).first() if is_id else None
        return self._user

    def save(self, **kwargs: Any) -> Self:
        """Insert a new document, or update the changed fields of a stored one.

        Raises ``ValidationError``, also for a change of what is ``fixed``, ``UserNotFound``,
        ``NotFound`` and ``AlreadyExists``.
        """
        self._check_fixed()
        return super().save(**kwargs)

    def _check_fixed(self) -> None:
        changed = () if self.is_new else self.changes
        if wrong := self.fixed.intersection(name.split(".")[0] for name in changed):
            raise ValidationError(errors=dict.fromkeys(sorted(wrong), "It cannot be changed."))

    @classmethod
    def purge(cls, *, user_id: ObjectId, ids: Sequence[Any] | None) -> int:
        """Delete a batch of documents of a deleted user; return how many.

        ``ids`` are those of ``owned_ids``.
        """
        if cls._purge is not None:
            return cls._purge(user_id=user_id, ids=ids)
        return cls.collection().delete_many(cls.owned_ids(user_id, ids)).deleted_count

    @classmethod
    def owned_ids(cls, user_id: ObjectId, ids: Sequence[Any] | None) -> dict[str, Any]:
        """Return the criteria that find those of the ids that are the user's.

        ``None`` stands for all that are no ObjectIds.
        """
        wanted = {"$not": {"$type": "objectId"}} if ids is None else {"$in": list(ids)}
        return {"$and": [cls.owned_by([user_id]), {"_id": wanted}]}

    def _identity(self) -> dict[str, Any]:
        key = super()._identity()
        owner = self.user_id if self.queried is None else self.queried.get("userId")
        # A cluster asks one shard then. What is no id may be an operator.
        return {**key, "userId": owner} if isinstance(owner, ObjectId) else key

    @classmethod
    def purge_with(cls, purge: Callable[..., int]) -> None:
        """Let a function of a service do the purge where other collections change with it."""
        cls._purge = purge

    @classmethod
    def insert_documents(cls, documents: Sequence[Self], *, check_users: bool = True) -> None:
        """Insert new documents, then make sure that their users are still there.

        Raises ``UserNotFound`` when one is deleted, after removing its documents again. In a
        transaction this happens after the commit, because its snapshot still shows the user.
        ``check_users=False`` is for a transaction that creates or changes the users itself. It
        conflicts with their deletion. Raises ``ValidationError`` and ``AlreadyExists`` too.
        """
        with cls._checking_users(
            lambda: {item.id: item.user_id for item in documents}, check_users=check_users
        ):
            super().insert_documents(documents)

    @classmethod
    def insert_rows(cls, rows: Sequence[dict[str, Any]], *, check_users: bool = True) -> None:
        """Insert valid documents under their stored names, as ``insert_documents`` does.

        This is many times as fast, because nothing is validated, and only ``_id`` is filled in.
        """
        with cls._checking_users(
            lambda: {row["_id"]: row["userId"] for row in rows}, check_users=check_users
        ):
            cls._insert_rows(rows)

    @classmethod
    @contextmanager
    def _checking_users(
        cls, owners: Callable[[], dict[ObjectId, ObjectId]], *, check_users: bool
    ) -> Iterator[None]:
        try:
            yield
        except (AlreadyExists, OperationFailure):
            # Without a transaction those before the one that failed are stored.
            if check_users and not in_transaction():
                cls.take_back_if_gone(owners())
            raise
        if cls._recorded_in != cls.database() and not cls.__module__.startswith(_OURS):
            on_commit(cls._record)
        if check_users and in_transaction():
            on_commit(partial(cls.take_back_if_gone, owners()), robust=False)
        elif check_users:
            cls.take_back_if_gone(owners())

    @classmethod
    def _record(cls) -> None:
        OwnedCollection.record([cls])
        cls._recorded_in = cls.database()

    @classmethod
    def take_back_if_gone(cls, user_ids: dict[ObjectId, ObjectId]) -> None:
        """Delete the documents, given as id -> user id, whose user is deleted.

        Raises ``UserNotFound`` then. The deletion purges what was inserted before the user was
        removed. This removes what was inserted afterwards.
        """
        wanted = set(user_ids.values())
        missing = wanted - User.existing_ids(wanted)
        if missing:
            # Name the user: after a failed insert an id may be that of another user's document.
            mine = {"_id": {"$in": list(user_ids)}, "userId": {"$in": list(missing)}}
            cls.collection().delete_many(mine)
            raise UserNotFound
