"""Users together with their Profile and Preferences."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import DuplicateEmail, UserNotFound, ValidationError
from chabad_auth_django.models import Activity, Deletion, Preferences, Profile, Session, User
from chabad_auth_django.models.external_id import EXTERNAL_ID_FIELDS
from chabad_auth_django.services.identity import audit, external_ids, names
from chabad_auth_django.services.identity.dependents import DEPENDENTS
from chabad_auth_django.services.lifecycle import deletion, deletion_status, purging
from chabad_auth_django.validators import email_spellings, validate_text


@dataclass(frozen=True)
class CompleteProfile:
    """A user with the two documents that every user has."""

    user: User
    profile: Profile
    preferences: Preferences


@dataclass(frozen=True)
class Summary:
    """Everything about a user at a glance; ``None`` for a document that is missing."""

    user: User
    profile: Mapping[str, Any] | None
    preferences: Mapping[str, Any] | None
    counts: dict[str, int]
    sessions: list[Session]
    last_activity: datetime | None


def find_user(*, name: str) -> User:
    """Return the user with this id, e-mail address or external id.

    An id comes first, so each user can be named. What has an ``@`` is an address: somebody's
    external id may be the address of somebody who is no user yet. Raises ``UserNotFound``, and
    ``ValidationError`` where the name is empty or stands for several users. A deleted user whose
    receipt was not taken yet counts: the caller may mean that one.
    """
    # An unset variable of a shell gives an empty name, and other programs store empty addresses.
    if not validate_text(name).strip():
        raise ValidationError("A name must not be empty. Name the user by its id.")
    if ObjectId.is_valid(name) and (user := User.find_by_id(name)):
        return user
    names = {"email": email_spellings(name)}
    if "@" not in name:
        names |= dict.fromkeys(EXTERNAL_ID_FIELDS, [name])
    keys = [{field: {"$in": wanted}} for field, wanted in names.items()]
    rows = User.collection().find({"$or": keys}).limit(10)
    # An _id that is the text of another user's id would be taken for that user's.
    found = [row for row in rows if isinstance(row["_id"], ObjectId) and _has(row, names)]
    if not found:
        deleted_user = deletion_status.find(name=name)
        nobody = f"No user has the e-mail address, id or external id {name!r}."
        raise UserNotFound(nobody if deleted_user is None else str(deleted_user))
    deleted = Deletion.find_of_gone_users(name)
    if len(found) + len(deleted) > 1:
        ids = [str(row["_id"]) for row in found]
        ids += [f"{row['_id']} (deleted)" for row in deleted]
        raise ValidationError(
            f"{name!r} stands for several users. Name one by its id: {', '.join(ids)}."
        )
    return User.from_stored(found[0])


def _has(row: Mapping[str, Any], names: Mapping[str, list[str]]) -> bool:
    """Tell whether the user has one of the names: a collation may find others, too."""
    held = {field: row.get(field) for field in names}
    return any(value in names[field] or isinstance(value, list) for field, value in held.items())


def check_account(
    *, external: Mapping[str, str] | None = None, force: bool = False, **fields: Any
) -> User:
    """Return the new user of these fields, not stored; raise what ``create_account`` would."""
    user = User(**fields)
    for field, value in (external or {}).items():
        setattr(user, User.field_name(field), value)
    user.validate()
    if not force:
        with audit.attempt(action="user.create", user_id=None):
            names.check_known(roles=user.roles, permissions=user.permissions)
    if User.read(email={"$in": email_spellings(fields["email"])}):
        raise DuplicateEmail
    for field, value in (external or {}).items():
        external_ids.check_is_free(field=field, value=value)
    return user


def check_stored_is_free(*, stored: Mapping[str, Any]) -> None:
    """Raise ``DuplicateEmail`` or ``ExternalIdTaken`` where a user has what the stored one has."""
    # What other programs stored may be no address.
    with suppress(ValidationError):
        if User.read(email={"$in": email_spellings(stored.get("email"))}):
            raise DuplicateEmail
    external_ids.check_fields_are_free(items=external_ids.fields_of(stored=stored))


@atomic
def create_account(
    *, external: Mapping[str, str] | None = None, force: bool = False, **fields: Any
) -> User:
    """Store a new user and the external ids, field -> value, that are given; return the user.

    Raises ``DuplicateEmail``, ``ExternalIdTaken`` and ``ValidationError``; ``UnknownGrant`` for
    roles and permissions that no setting knows, unless by ``force``.
    """
    # Checked first, because without transactions nothing undoes the creation.
    return check_account(external=external, force=force, **fields).save()


def summarize(*, user: User) -> Summary:
    """Return what is stored for the user, and how much; nothing is changed."""
    newest = list(Activity.find_by_user_id(user.id, limit=1))
    return Summary(
        user=user,
        profile=Profile.read(userId=user.id),
        preferences=Preferences.read(userId=user.id),
        counts=purging.count_documents(user_id=user.id),
        sessions=Session.find_live(user.id),
        last_activity=newest[0].timestamp if newest else None,
    )


def create_dependents(*, user_ids: Sequence[ObjectId]) -> None:
    """Store the Profile and Preferences of users that the caller inserts next.

    (Specification: "User Creation Flow".) The children come first: the user, with its unique
    e-mail address, is the commit point, so nobody ever sees a user without them.
    """
    if not connection.supports_transactions():
        deletion.begin_creation(user_ids=user_ids)
    for model in DEPENDENTS:
        row = model.new_row()
        model.insert_rows([{"userId": user_id, **row} for user_id in user_ids], check_users=False)


def get_complete_profile(*, email: str) -> CompleteProfile | None:
    """Return the user with the e-mail address, its profile and preferences; ``None`` if unknown.

    One query for each of the three (specification: query pattern 1). A user that another program
    stored without them gets them now.
    """
    user = User.find_by_email(email)
    if user is None:
        return None
    return CompleteProfile(
        user=user,
        profile=Profile.find_or_create_profile(user.id),
        preferences=Preferences.find_or_create_preferences(user.id),
    )
