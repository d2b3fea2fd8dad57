"""Checking all documents, and repairing what can be repaired.

Other programs, restored backups and crashes can leave wrong documents. Each repair looks again
right before it changes something, so the check may run on a live system.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import bson
from bson import CodecOptions, ObjectId
from bson.codec_options import DatetimeConversion
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument
from pymongo.errors import DuplicateKeyError

from chabad_auth_django.db import damaged
from chabad_auth_django.db.batches import RAW, Advance, in_batches
from chabad_auth_django.exceptions import NotFound, ValidationError
from chabad_auth_django.models import (
    AppData,
    AppDataTombstone,
    Deletion,
    ExternalId,
    Preferences,
    Profile,
    User,
)
from chabad_auth_django.models.app_data_criteria import KEY
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.external_id import EXTERNAL_ID_FIELDS
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.models.personal import PersonalDocument
from chabad_auth_django.services.deployment import duplicates
from chabad_auth_django.services.deployment.stored_types import wrong_types
from chabad_auth_django.services.identity import audit
from chabad_auth_django.services.lifecycle import purging
from chabad_auth_django.validators import INT64_MAX, email_spellings

#: The kinds of faults.
KINDS = {
    "orphan": "a document whose user does not exist",
    "missing_document": "a user without profile or preferences",
    "duplicate_email": "users with the same e-mail address, in whatever spelling",
    "duplicate_external_id": "users with the same external id",
    "duplicate_key": "documents with the same key, for which a unique index is missing",
    "email_not_normalised": "an address that is not stored in the form in which it is looked up",
    "stale_claim": "a claim on an external id that its user does not have",
    "low_version": "app data with a version that was used before",
    "invalid": "a document that today's validation refuses",
}

# A date that Python cannot hold must be a finding, and not the end of the check.
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
_REPLACING: CodecOptions[dict[str, Any]] = _CODEC.with_options(
    unicode_decode_error_handler="replace"
)

Repair = Callable[[], bool]


@dataclass(frozen=True)
class Finding:
    """A fault; ``repair`` mends it and tells whether it was still there."""

    kind: str
    collection: str
    id: Any
    detail: str = ""
    repair: Repair | None = None


def repair(finding: Finding) -> bool:
    """Mend what was found, if it can be, and tell whether it was still there."""
    if finding.repair is None:
        return False
    names_user = finding.collection == "users" or finding.kind == "missing_document"
    audit.record(
        action="integrity.repair",
        user_id=finding.id if names_user else None,
        kind=finding.kind,
        collection=finding.collection,
    )
    return finding.repair()


def count_documents() -> int:
    """Return about how many documents ``check`` reads."""
    models = PersonalDocument.registered()
    return sum(model.collection().estimated_document_count() for model in models)


def check(*, advance: Advance) -> Iterator[Finding]:
    """Yield the faults, one document after the other; memory does not grow with the data."""
    yield from _duplicates()
    for found in in_batches(User.collection_as(RAW)):
        rows = yield from _decode(User, found)
        users = [row for row in rows if isinstance(row["_id"], ObjectId)]
        yield from _missing_documents([row["_id"] for row in users])
        yield from _second_spellings(users)
        for row in users:
            yield from _unnormalised_email(row)
        for row in rows:
            yield from _invalid(User, row)
        advance(len(rows))
    for model in OwnedDocument.registered():
        for found in in_batches(model.collection_as(RAW)):
            rows = yield from _decode(model, found)
            orphans = _without_user(map(model.owner_of, rows))
            for row in rows:
                if (user_id := _id_or_none(model.owner_of(row))) in orphans:
                    yield _orphan(model, row["_id"], user_id)
                else:
                    yield from _invalid(model, row)
            if model is AppData:
                yield from _low_versions(rows)
            if model is ExternalId:
                yield from _stale_claims(rows)
            advance(len(rows))


def _decode(
    model: type[Document], found: list[RawBSONDocument]
) -> Generator[Finding, None, list[dict[str, Any]]]:
    """Return the documents; yield those with something that is no BSON."""
    # A Document of another app may have UUIDs.
    uuids = model.collection().codec_options.uuid_representation
    rows = []
    for document in found:
        row, fault = _read(document, _CODEC.with_options(uuid_representation=uuids))
        rows.append(row)
        if fault:
            yield Finding("invalid", model.collection().name, document["_id"], fault)
    return rows


def _read(
    document: RawBSONDocument, codec: CodecOptions[dict[str, Any]]
) -> tuple[dict[str, Any], str]:
    with suppress(InvalidBSON):
        return bson.decode(document.raw, codec), ""
    codec = codec.with_options(unicode_decode_error_handler="replace")
    with suppress(InvalidBSON):
        row = bson.decode(document.raw, codec)
        return row, "a text is not UTF-8, and most drivers cannot read the document"
    row = damaged.decode(document.raw, codec)
    return row, "a value is damaged, and most drivers cannot read the document"


def _duplicates() -> Iterator[Finding]:
    for kind, ids, field in duplicates.of_users():
        yield Finding(kind, "users", ids[0], f"{field}, as {_listed(ids[1:])}")
    for collection, ids, fields in duplicates.of_missing_indexes():
        yield Finding("duplicate_key", collection, ids[0], f"{fields}, as {_listed(ids[1:])}")


def _listed(ids: list[Any]) -> str:
    return ", ".join(map(str, ids))


def _missing_documents(user_ids: list[ObjectId]) -> Iterator[Finding]:
    for model, repair in (
        (Profile, Profile.find_or_create_profile),
        (Preferences, Preferences.find_or_create_preferences),
    ):
        # It takes arrays that other programs stored apart.
        found = model.collection().distinct("userId", {"userId": {"$in": user_ids}})
        lacking = {user_id for user_id in user_ids if user_id not in found}
        for user_id in sorted(lacking & User.existing_ids(lacking)):
            yield Finding(
                "missing_document",
                model.collection().name,
                user_id,
                "the user has none",
                partial(_succeeds, partial(repair, user_id)),
            )


def _succeeds(action: Callable[[], object]) -> bool:
    try:
        action()
    except NotFound:
        return False
    return True


def _second_spellings(rows: list[dict[str, Any]]) -> Iterator[Finding]:
    """Yield each pair of users, one of them among the rows, with two spellings of a mailbox."""
    users: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        for spelling in _spellings(row.get("email")):
            if spelling != row["email"]:
                users.setdefault(spelling, []).append(row)
    found = {"email": {"$in": list(users), "$not": {"$type": "array"}}}
    for other in User.collection().find(found, {"email": 1}):
        for row in users.get(other["email"], ()):
            # Seen from the other side too, or told by ``_duplicates``.
            seen = str(other["_id"]) < str(row["_id"]) and row["email"] in _spellings(
                other["email"]
            )
            if not seen and _ascii_lower(other["email"]) != _ascii_lower(row["email"]):
                detail = f"email, in another spelling, as {other['_id']}"
                yield Finding("duplicate_email", "users", row["_id"], detail)


def _spellings(email: Any) -> list[str]:
    try:
        return email_spellings(email)
    except ValidationError:
        return []


def _ascii_lower(email: str) -> bytes:
    # What the server's $trim and $toLower do.
    return email.strip().encode().lower()


def _unnormalised_email(row: Mapping[str, Any]) -> Iterator[Finding]:
    email: Any = row.get("email")
    spellings = _spellings(email)
    if not spellings or email in email_spellings(spellings[0]):
        return
    normal = spellings[0]
    query = {"email": {"$in": spellings}, "_id": {"$ne": row["_id"]}}
    taken = User.collection().find_one(query, {"_id": 1})
    detail = f"another user, {taken['_id']}, has the address" if taken else "no sign-in finds it"
    repair = None if taken else partial(_normalise_email, row["_id"], email, normal)
    yield Finding("email_not_normalised", "users", row["_id"], detail, repair)


def _normalise_email(id: ObjectId, email: str, normal: str) -> bool:
    key, update = {"_id": id, "email": email}, {"$set": {"email": normal, "updatedAt": now()}}
    try:
        return User.collection().update_one(key, update).modified_count == 1
    except DuplicateKeyError:
        return False


def _invalid(model: type[Document], row: Mapping[str, Any]) -> Iterator[Finding]:
    # First the stored types: mongoengine would convert some of the values.
    wrong: dict[str, Any] = dict(wrong_types(model, row))
    try:
        model.decode(row).validate()
    except ValidationError as error:
        told = {path.partition(".")[0] for path in wrong}
        errors = error.errors or {"": error.detail}
        wrong |= dict(_flat({name: text for name, text in errors.items() if name not in told}))
    except Exception as error:
        # Other programs may have stored anything. That it cannot be read is the finding.
        wrong = wrong or {"cannot be read": type(error).__name__}
    if wrong:
        detail = "; ".join(f"{name}: {text}" for name, text in wrong.items())
        yield Finding("invalid", model.collection().name, row["_id"], detail)


def _flat(errors: Mapping[Any, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and the text of each error, those within objects and lists too."""
    for name, text in errors.items():
        if isinstance(text, Mapping):
            yield from _flat(text, f"{path}{name}.")
        else:
            yield f"{path}{name}", text


def _id_or_none(value: Any) -> ObjectId | None:
    # A document whose userId is no id is invalid, not an orphan.
    return value if isinstance(value, ObjectId) else None


def _without_user(user_ids: Iterable[Any]) -> set[Any]:
    """Return those who do not exist, but for users who are being deleted or created right now."""
    missing = {user_id for user_id in user_ids if isinstance(user_id, ObjectId)}
    missing -= User.existing_ids(missing)
    missing -= Deletion.ids_with_job(missing)
    # Again: the job of a creation is removed when the user is stored.
    return missing - User.existing_ids(missing)


def _orphan(model: type[OwnedDocument], id: Any, user_id: Any) -> Finding:
    detail, repair = f"no user {user_id}", partial(_purge, user_id)
    return Finding("orphan", model.collection().name, id, detail, repair)


def _purge(user_id: ObjectId) -> bool:
    """Purge all that the user owns, if it does not exist; tell whether nothing is left."""
    return bool(_without_user([user_id])) and purging.purge_ownerless(user_id=user_id)


def _low_versions(rows: list[dict[str, Any]]) -> Iterator[Finding]:
    keys = {tuple(map(str, map(row.get, KEY))): row for row in rows}
    wanted = [{name: row.get(name) for name in KEY} for row in rows]
    for tombstone in AppDataTombstone.collection_as(_REPLACING).find({"_id": {"$in": wanted}}):
        # The server finds a key of equal numbers of other types, too.
        row = keys.get(tuple(map(str, tombstone["_id"].values())), {})
        version, last = row.get("version"), tombstone.get("version")
        if isinstance(version, int) and isinstance(last, int) and version <= last:
            detail = f"version {version}, though {last} was used"
            repair = None
            if last < INT64_MAX:
                repair = partial(_raise_version, row, last + 1)
            yield Finding("low_version", "appdatas", row["_id"], detail, repair)


def _raise_version(row: Mapping[str, Any], to: int) -> bool:
    key = {name: row[name] for name in ("_id", "userId", "version")}
    update = {"$set": {"version": to}}
    return AppData.collection().update_one(key, update).modified_count == 1


def _stale_claims(rows: list[dict[str, Any]]) -> Iterator[Finding]:
    ids = [row["_id"] for row in rows if _id_or_none(row.get("userId")) and not _is_held(row)]
    for row in ExternalId.collection().find({"_id": {"$in": ids}}):
        if row["userId"] in User.existing_ids([row["userId"]]):
            yield Finding(
                "stale_claim",
                "external_ids",
                row["_id"],
                "its user has another external id",
                partial(_drop_claim, row),
            )


def _is_held(claim: Mapping[str, Any]) -> bool:
    field, _, value = str(claim["_id"]).partition(":")
    if field not in EXTERNAL_ID_FIELDS:
        # The claim on an account is itself what is so.
        return True
    return User.collection().find_one({"_id": claim.get("userId"), field: value}) is not None


def _drop_claim(claim: Mapping[str, Any]) -> bool:
    if _is_held(claim):
        return False
    key = {"_id": claim["_id"], "userId": claim["userId"]}
    return ExternalId.collection().delete_one(key).deleted_count == 1
