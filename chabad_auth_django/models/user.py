"""User: identity, authentication methods, roles and permissions (specification: section 1)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Self

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from chabad_auth_django import signals
from chabad_auth_django.conf import conf
from chabad_auth_django.db.expressions import array_at, has_item, with_item, without_item
from chabad_auth_django.db.transactions import atomic, on_commit, refusal_is_final
from chabad_auth_django.exceptions import AmbiguousEmail, LastAuthMethod, UserNotFound
from chabad_auth_django.models.fields import (
    AuthMethodField,
    DateTimeField,
    EmailField,
    ListField,
    NameField,
    TextField,
    now,
)
from chabad_auth_django.models.identifying import IdentifyingDocument
from chabad_auth_django.models.queryset import bounded
from chabad_auth_django.models.registry import Sharding
from chabad_auth_django.models.user_queryset import UserQuerySet
from chabad_auth_django.texts import is_text
from chabad_auth_django.validators import (
    email_spellings,
    normalize_email,
    to_object_id,
    validate_text,
)


class User(IdentifyingDocument):
    """A person who signs in. The e-mail address is unique and stored in its normal form."""

    meta = {
        "collection": "users",
        "queryset_class": UserQuerySet,
        "indexes": [
            {"fields": ["email"], "unique": True},
            {"fields": ["valu_user_id"], "sparse": True},
            {"fields": ["merkos_user_id"], "sparse": True},
            ["email", "valu_user_id"],
            ["email", "merkos_user_id"],
        ],
    }

    is_mongoose = True

    sharding = Sharding(
        reason="a unique e-mail address would take {email: 1} as the key, and every write looks "
        "its user up by _id; a document has about 1 KB, so one shard holds millions",
        unique="{email: 1}",
    )

    email: str = EmailField(required=True)
    name: str | None = TextField(max_length=200)
    valu_user_id: str | None = NameField(db_field="valuUserId")
    merkos_user_id: str | None = NameField(db_field="merkosUserId")
    auth_methods: list[str] = ListField(AuthMethodField(), db_field="authMethods")
    roles: list[str] = ListField(NameField(max_length=100), default=lambda: ["user"])
    permissions: list[str] = ListField(NameField(max_length=100))
    last_login: datetime | None = DateTimeField(db_field="lastLogin")
    created_at: datetime = DateTimeField(db_field="createdAt")
    updated_at: datetime = DateTimeField(db_field="updatedAt")

    # What Django and DRF ask of request.user; a Document cannot be AUTH_USER_MODEL.
    is_authenticated = True
    is_anonymous = False
    is_active = True

    def __str__(self) -> str:
        return str(self.email)

    @classmethod
    def owned_by(cls, user_ids: Sequence[ObjectId]) -> dict[str, Any]:
        """Return the criteria that find the users."""
        return {"_id": {"$in": list(user_ids)}}

    @classmethod
    def owner_of(cls, row: Mapping[str, Any]) -> Any:
        """Return the id of a stored user."""
        return row.get("_id")

    @classmethod
    def create_user(cls, **fields: Any) -> Self:
        """Store a new user together with its Profile and Preferences; return it.

        Raises ``DuplicateEmail``, ``ExternalIdTaken`` and ``ValidationError`` (specification:
        "User Creation Flow").
        """
        return cls(**fields).save()

    @classmethod
    def find_by_id(cls, user_id: Any) -> Self | None:
        """Return the user with this id as the primary has it now, or ``None``."""
        stored = cls.read(_id=to_object_id(user_id))
        return None if stored is None else cls.from_stored(stored)

    @classmethod
    def find_by_email(cls, email: str) -> Self | None:
        """Return the user with this e-mail address, however it is written, or ``None``.

        Raises ``AmbiguousEmail`` where other programs stored it, in two spellings, for several, and
        where the collection's collation takes another address for the same, or the user's id is no
        ``ObjectId``.
        """
        spellings = email_spellings(email)
        rows = list(cls.default_collection().find({"email": {"$in": spellings}}).limit(2))
        found = [cls.from_stored(row) for row in rows if isinstance(row["_id"], ObjectId)]
        # The collation of the collection may take "munchen" for "münchen".
        is_other = any(user.normal_email not in (spellings[0], None) for user in found)
        if is_other or len(rows) > 1 or len(found) < len(rows):
            raise AmbiguousEmail
        return found[0] if found else None

    @classmethod
    def find_by_valu_id(cls, valu_user_id: str) -> Self | None:
        """Return the user with this Valu id, or ``None``."""
        return cls._find_by_external_id("valuUserId", valu_user_id)

    @classmethod
    def find_by_merkos_id(cls, merkos_user_id: str) -> Self | None:
        """Return the user with this Merkos id, or ``None``."""
        return cls._find_by_external_id("merkosUserId", merkos_user_id)

    @classmethod
    def find_by_role(cls, role: str, limit: int = 100) -> UserQuerySet:
        """Return up to ``limit`` users who have the role, oldest first."""
        return cls.objects(roles=validate_text(role)).order_by("id").limit(bounded(limit))

    @classmethod
    def find_by_auth_method(cls, auth_method: str, limit: int = 100) -> UserQuerySet:
        """Return up to ``limit`` users who have the authentication method, oldest first."""
        found = cls.objects(auth_methods=validate_text(auth_method))
        return found.order_by("id").limit(bounded(limit))

    @classmethod
    def _find_by_external_id(cls, field: str, value: str) -> Self | None:
        rows = cls.default_collection().find({field: validate_text(value)}).limit(10)
        # The collation of the collection may find "A" for "a".
        return next((cls.from_stored(row) for row in rows if row[field] == value), None)

    @property
    def display_name(self) -> str:
        """The name, or the part of the e-mail address before the ``@``."""
        return str(self.name or str(self.email or "").split("@")[0])

    @property
    def role_names(self) -> list[str]:
        """The roles, if they are names: other programs may store anything."""
        return self._names("roles")

    @property
    def permission_names(self) -> list[str]:
        """The permissions that the user has directly, if they are names."""
        return self._names("permissions")

    @property
    def auth_method_names(self) -> list[str]:
        """The authentication methods, if they are names."""
        return self._names("auth_methods")

    def has_role(self, role: str) -> bool:
        """Tell whether the user has the role."""
        return role in self._names("roles")

    def has_permission(self, permission: str) -> bool:
        """Tell whether the user has the permission, directly or through a role.

        ``"*"`` grants everything, ``"resource:*"`` every permission on the resource; which roles
        grant what is ``CHABAD_AUTH["ROLE_PERMISSIONS"]``.
        """
        resource = permission.partition(":")[0]
        accepted = {permission, f"{resource}:*", "*"}
        return not accepted.isdisjoint(self.effective_permissions())

    def effective_permissions(
        self, *, without_roles: Collection[str] = (), without_permissions: Collection[str] = ()
    ) -> set[str]:
        """Return what is granted to the user directly and through roles, but for those given."""
        by_role = conf.ROLE_PERMISSIONS
        roles = set(self._names("roles")).difference(without_roles)
        granted = (by_role.get(role, ()) for role in roles)
        return set(self._names("permissions")).difference(without_permissions).union(*granted)

    def has_more_than_default_role(self) -> bool:
        """Tell whether the user has a permission, or a role that not everybody has."""
        default = set(self.fields()["roles"].default())
        return bool(self._names("permissions")) or not set(self._names("roles")) <= default

    def add_role(self, role: str) -> bool:
        """Give the user the role; return ``False`` if the user has it already."""
        return self._add("roles", role)

    def remove_role(self, role: str) -> bool:
        """Take the role away; return ``False`` if the user does not have it."""
        return self._remove_from("roles", role)

    def add_permission(self, permission: str) -> bool:
        """Give the user the permission; return ``False`` if the user has it already."""
        return self._add("permissions", permission)

    def remove_permission(self, permission: str) -> bool:
        """Take the permission away; return ``False`` if the user does not have it."""
        return self._remove_from("permissions", permission)

    def add_auth_method(self, auth_method: str) -> bool:
        """Add the authentication method; return ``False`` if the user has it already."""
        return self._add("auth_methods", auth_method)

    def remove_auth_method(self, auth_method: str) -> bool:
        """Remove the authentication method; return ``False`` if the user does not have it.

        Raises ``LastAuthMethod`` when no other would be left.
        """
        other = {"$elemMatch": {"$ne": validate_text(auth_method)}}
        is_taken = self._remove_from("auth_methods", auth_method, authMethods=other)
        if not is_taken and auth_method in self._names("auth_methods"):
            raise LastAuthMethod
        return is_taken

    def update_last_login(self) -> None:
        """Set ``last_login`` to now (specification: "User Activity Tracking Flow")."""
        self.update_atomically({"$set": {"lastLogin": now()}})

    @classmethod
    def record_login(cls, user_id: Any) -> Self:
        """Set ``last_login`` of the user with this id to now and return the user.

        With one command; raises ``UserNotFound``.
        """
        time = now()
        stored = cls.collection().find_one_and_update(
            {"_id": to_object_id(user_id)},
            {"$set": {"lastLogin": time, "updatedAt": time}},
            return_document=ReturnDocument.AFTER,
        )
        if stored is None:
            raise UserNotFound
        return cls.from_stored(stored)

    def delete(self, **kwargs: Any) -> None:
        """Remove the user for everybody at once, then all its data.

        ``chabad_purge_deleted`` removes what another process is writing at that moment.
        """
        if kwargs:
            raise TypeError("delete() takes no options")
        if self.is_new:
            raise UserNotFound
        self._remove([self.pk])

    @classmethod
    def insert_documents(cls, documents: Sequence[Self]) -> None:
        """Insert new users, each with a Profile and Preferences; all of them or none.

        Raises ``DuplicateEmail``, ``ExternalIdTaken`` and ``ValidationError``. A server without
        transactions keeps the users that come before a duplicate.
        """
        if not documents:
            return
        emails: list[Any] = [getattr(user, "email", None) for user in documents]
        without_id = [user for user in documents if getattr(user, "id", None) is None]
        cls._prepare(documents)
        try:
            cls._insert_with_dependents(documents, emails)
        except PyMongoError:
            # It is unknown what is stored under these ids, so another try needs new ones.
            for user in without_id:
                user.field_values["id"] = None
            raise
        cls._mark_stored(documents)
        for user in documents:
            on_commit(partial(signals.user_created.send_robust, sender=cls, user=user))

    @classmethod
    @atomic
    def _insert_with_dependents(cls, documents: Sequence[Self], emails: Sequence[str]) -> None:
        cls.check_emails_are_free(emails=emails)
        with refusal_is_final():
            signals.pre_user_create.send(sender=cls, users=documents)
        cls._insert(documents)

    @classmethod
    @atomic
    def _remove(cls, user_ids: list[ObjectId]) -> int:
        with refusal_is_final():
            signals.pre_user_delete.send(sender=cls, user_ids=user_ids)
        count = cls.collection().delete_many({"_id": {"$in": user_ids}}).deleted_count
        # If none was there, somebody else removed them and sent the signals.
        for user_id in user_ids if count else ():
            on_commit(partial(signals.user_deleted.send_robust, sender=cls, user_id=user_id))
        with refusal_is_final():
            signals.post_user_delete.send(sender=cls, user_ids=user_ids)
        return count

    def clean(self) -> None:
        """Normalise a new or changed e-mail address; one that others stored stays as it is."""
        if self.email and (self.is_new or "email" in self.changes):
            self.email = normalize_email(self.email)

    def _add(self, name: str, value: str) -> bool:
        self.check(**{name: [value]})
        held = self._held(name)
        added = {self.stored_name(name): with_item(held, value)}
        return self.change(added, arrays=added, **{"$expr": {"$not": has_item(held, value)}})

    def _remove_from(self, name: str, value: str, **conditions: Any) -> bool:
        held = self._held(name)
        left = {self.stored_name(name): without_item(held, validate_text(value))}
        return self.change(left, arrays=left, **conditions, **{"$expr": has_item(held, value)})

    def _held(self, name: str) -> dict[str, Any]:
        # A user that another program stored without roles has the default ones.
        field = self.fields()[name]
        return array_at(field.db_field, default=field.default())

    def _names(self, name: str) -> list[str]:
        value = self.field_values.get(name)
        names = value if isinstance(value, list) else self.fields()[name].default()
        return list(filter(is_text, names))

    def _not_found(self) -> UserNotFound:
        return UserNotFound()
