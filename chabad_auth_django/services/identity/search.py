"""Searching for users by a part of their data."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.errors import ExecutionTimeout, NetworkTimeout

from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.db.pages import Page, PageQuery, Position, Row
from chabad_auth_django.exceptions import TooSlow, ValidationError
from chabad_auth_django.models import Block, ExternalId, Profile, User
from chabad_auth_django.models.external_id import EXTERNAL_ID_FIELDS, HOST, ISSUER
from chabad_auth_django.validators import email_spellings, to_object_id, validate_text

#: Seconds after which a search that no index serves is given up.
TIMEOUT = 2.0

#: Profiles by whose display name, and blocks by which, users are looked for at once.
MAX_IDS = 10_000

#: Sorts behind every text that begins with what comes before it.
_LAST = "\U0010ffff"


def find_users(
    *,
    limit: int = 100,
    position: Position | None = None,
    email_prefix: str | None = None,
    name_part: str | None = None,
    external_id: str | None = None,
    role: str | None = None,
    auth_method: str | None = None,
    created_since: datetime | None = None,
    created_until: datetime | None = None,
    last_login_until: datetime | None = None,
    never_signed_in: bool = False,
    has_external_id: bool = False,
    is_blocked: bool | None = None,
    text: str | None = None,
    in_names: bool = False,
    by_email: bool = False,
) -> Page:
    """Return a page of the users who match every criterion given, the newest first.

    With ``email_prefix`` or ``by_email`` they are in the order of the e-mail address, by its index.
    ``name_part`` is looked for in the name and in the profile's display name, in upper and lower
    case alike. ``external_id`` is a Valu or Merkos id, the subject of an issuer in the settings, or
    the primary key of an account of this project. ``text`` is an id, an external id or the begin of
    an e-mail address. The user with that id comes first, the others in the order of the address.
    With ``in_names`` it may also be a part of a name. Raises ``TooSlow`` after ``TIMEOUT`` seconds,
    and ``ValidationError``.
    """
    text = None if text is None else validate_text(text.strip())
    by_email = by_email or email_prefix is not None or (text is not None and not in_names)
    identified: list[Row] = []
    with time_limit():
        criteria: list[dict[str, Any]] = []
        if email_prefix is not None:
            criteria.append({"$or": _begins(email_prefix)})
        if external_id is not None:
            criteria.append({"$or": _has_external_id(external_id)})
        if role is not None:
            criteria.append({"roles": validate_text(role)})
        if auth_method is not None:
            criteria.append({"authMethods": validate_text(auth_method)})
        if created_since is not None:
            criteria.append({"createdAt": {"$gte": created_since}})
        if created_until is not None:
            criteria.append({"createdAt": {"$lt": created_until}})
        if last_login_until is not None:
            criteria.append({"lastLogin": {"$lt": last_login_until}})
        if never_signed_in:
            criteria.append({"lastLogin": None})
        if has_external_id:
            criteria.append({"$or": [{field: {"$gt": ""}} for field in EXTERNAL_ID_FIELDS]})
        if is_blocked is not None:
            criteria.append({"_id": {"$in" if is_blocked else "$nin": _blocked_ids()}})
        if name_part is not None:
            criteria.append({"$or": _is_called(name_part)})
        if text is not None and in_names:
            criteria.append({"$or": [*_begins(text), *_has_id(text), *_is_called(text)]})
        elif text is not None:
            query = {"$and": [*criteria, {"$or": _has_id(text)}]}
            found: list[Row] = list(User.collection().find(query).limit(limit))
            # They come first, and on no later page.
            identified = found if position is None else []
            criteria.append({"$or": _begins(text)})
            criteria.append({"_id": {"$nin": [row["_id"] for row in found]}})
        page = PageQuery(
            User.collection(),
            {"$and": criteria} if criteria else {},
            field="email" if by_email else "_id",
            descending=not by_email,
            limit=limit,
            position=position,
        ).fetch()
        return replace(page, rows=[*identified, *page.rows])


def find_blocked(*, user_ids: list[ObjectId]) -> set[ObjectId]:
    """Return which of the users are blocked."""
    return set(Block.collection().distinct("userId", {"userId": {"$in": user_ids}}))


@contextmanager
def time_limit() -> Iterator[None]:
    """Give the reads of the body ``TIMEOUT`` seconds; raise ``TooSlow`` where that is too short."""
    try:
        with pymongo.timeout(TIMEOUT):
            yield
    except (ExecutionTimeout, NetworkTimeout) as error:
        if not connection.is_answering():
            raise
        raise TooSlow(
            f"Stopped after {TIMEOUT:g} seconds: ask for less, such as the begin of an e-mail "
            "address, or an external id."
        ) from error


def _has_id(text: str) -> list[dict[str, Any]]:
    branches = _has_external_id(text)
    with suppress(ValidationError):
        branches.append({"_id": to_object_id(text)})
    return branches


def _begins(prefix: str) -> list[dict[str, Any]]:
    spellings = {prefix.strip().lower(), *email_spellings(prefix)} - {""}
    if not spellings:
        raise ValidationError("The begin of an e-mail address must not be empty.")
    return [{"email": {"$gte": begin, "$lt": begin + _LAST}} for begin in spellings]


def _has_external_id(value: str) -> list[dict[str, Any]]:
    subject = validate_text(value)
    names = [issuer["ISSUER"] for issuer in conf.ISSUERS]
    claims: list[dict[str, Any]] = [
        {"_id": {"$in": [ExternalId.account_key(ISSUER, name, subject) for name in names]}}
    ]
    if conf.HOST_ID is not None:
        # Behind it comes the generation of the account.
        begin = ExternalId.account_prefix(HOST, conf.HOST_ID, subject)
        claims.append({"_id": {"$gte": begin, "$lt": begin + _LAST}})
    owners = ExternalId.collection().find({"$or": claims}, {"userId": 1}).limit(MAX_IDS)
    by_claim = {"_id": {"$in": _ids(owners)}}
    return [by_claim, *({field: subject} for field in EXTERNAL_ID_FIELDS)]


def _is_called(part: str) -> list[dict[str, Any]]:
    text = validate_text(part).strip()
    if not text:
        raise ValidationError("The part of a name must not be empty.")
    pattern = {"$regex": re.escape(text), "$options": "i"}
    profiles = Profile.collection().find({"displayName": pattern}, {"userId": 1})
    ids = _ids(profiles.limit(MAX_IDS + 1))
    return [{"name": pattern}, {"_id": {"$in": _few(ids, "profiles have that in their name")}}]


def _blocked_ids() -> list[ObjectId]:
    blocks = Block.collection().find({}, {"userId": 1}).limit(MAX_IDS + 1)
    return _few(_ids(blocks), "users are blocked")


def _ids(rows: Iterable[Mapping[str, Any]]) -> list[ObjectId]:
    # Anything else that other programs stored would be taken for part of the query.
    return [id for row in rows if isinstance(id := row.get("userId"), ObjectId)]


def _few(ids: list[ObjectId], what: str) -> list[ObjectId]:
    if len(ids) > MAX_IDS:
        raise ValidationError(f"More than {MAX_IDS:,} {what}: ask for less.")
    return ids
