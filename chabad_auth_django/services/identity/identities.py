"""Finding the user of an identity: by a claim, by a verified address, or as a new user.

A claim is an ``ExternalId``: (issuer, subject) or (``HOST_ID``, primary key) of an account. An
e-mail address finds, links and creates only where whoever checked the identity says that it is
verified. An unverified address is answered alike whether anybody has it or not.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from bson import ObjectId

from chabad_auth_django.conf import conf
from chabad_auth_django.db.expressions import lookup
from chabad_auth_django.db.transactions import atomic, in_transaction, retry_transaction
from chabad_auth_django.exceptions import (
    AlreadyExists,
    AmbiguousEmail,
    Blocked,
    DuplicateEmail,
    EmailNotVerified,
    ExternalIdTaken,
    InvalidToken,
    ValidationError,
)
from chabad_auth_django.models import AuditEntry, Block, ExternalId, Session, User
from chabad_auth_django.models.audit import DONE
from chabad_auth_django.models.external_id import HOST, ISSUER
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.identity import (
    audit,
    departures,
    dependents,
    external_ids,
    host_roles,
    hosts,
)
from chabad_auth_django.services.identity.hosts import CREDENTIALS
from chabad_auth_django.services.identity.identity import MAX_NAME_LENGTH, Identity
from chabad_auth_django.texts import cut
from chabad_auth_django.validators import validate_email_address


def of_host_account(*, account: Any, auth_method: str = CREDENTIALS) -> Identity:
    """Return the identity of an account of the Django project that signed in by the method."""
    host = hosts.adapter()
    email = hosts.verified_email(account=account)
    name = host.name(account=account)
    return Identity(
        auth_method=auth_method,
        issuer=str(conf.HOST_ID),
        subject=str(account.pk),
        generation=host.generation(account=account),
        email=email,
        email_verified=email is not None,
        name=cut(name, MAX_NAME_LENGTH) if name else None,
        account=account,
    )


def find_owner(*, account: Any) -> ObjectId | None:
    """Return the id of the user of the account of the Django project, or ``None``."""
    return _live_owner(hosts.host_key(account=account))


def find_claimant(*, key: str, issued_at: datetime | None = None) -> User | None:
    """Return the user who has the claim, or ``None``, with one command.

    ``issued_at`` is that of the token which names the account. Raises ``Blocked``, and
    ``InvalidToken`` for a token from before ``refuse_earlier_tokens``.
    """
    return _read_claim(key, issued_at)[0]


def find_or_link_user(*, identity: Identity) -> User | None:
    """Return the user of the identity, for a request that is no sign-in; ``None`` for nobody.

    A new user is created only for an issuer's token that is younger than any deletion of an earlier
    user. An account of the Django project gets its user when it logs in, not here: a session from
    before a deletion or an unlinking, which may live for weeks, must not undo it. Raises what
    ``find_or_create_user`` raises.
    """
    vouches = departures.vouches_for_a_new_user(identity=identity)
    if not vouches and (find_to_link(identity=identity) is None or identity.kind == HOST):
        return None
    return User.find_by_id(find_or_create_user(identity=identity).id)


def find_or_create_user(*, identity: Identity, last_login: datetime | None = None) -> User:
    """Return the user whom the identity names, with its claim and authentication method.

    A new user is stored with ``last_login``. Raises ``EmailNotVerified``, ``Blocked``,
    ``ExternalIdTaken``, ``ValidationError``, and ``InvalidToken`` for a token from before
    ``refuse_earlier_tokens``; nothing is stored then.
    """
    try:
        return _find_or_create_user(identity, last_login)
    except DuplicateEmail as error:
        # Another request has created the same user: this time it is found.
        retry_transaction(error)
        return _find_or_create_user(identity, last_login)


@atomic
def _find_or_create_user(identity: Identity, last_login: datetime | None) -> User:
    stages = dependents.stages(local="userId")
    user, claim = _read_claim(identity.key, identity.issued_at, *stages)
    if user is None:
        user = _link_or_create(identity, claim, last_login)
    else:
        dependents.make_missing(user_id=user.id, found=claim)
        if identity.fills and "fills" not in claim:
            # Where the field or the value is taken, the claim counts all the same.
            with suppress(ExternalIdTaken):
                user = _fill(user, identity)
        if identity.verified_email:
            _follow_address(user, claim, identity)
    return _update_rights(user, identity)


def _update_rights(user: User, identity: Identity) -> User:
    if identity.auth_method not in user.auth_method_names:
        user.add_auth_method(identity.auth_method)
    if identity.account is None:
        host_roles.recheck(user=user)
    else:
        host_roles.follow(user=user, account=identity.account)
    return user


def find_to_link(*, identity: Identity) -> User | None:
    """Return whom the identity names without having a claim yet, or ``None`` where it is nobody.

    Raises ``EmailNotVerified``, ``Blocked``, ``ExternalIdTaken``, ``ValidationError``, and
    ``InvalidToken`` for a token from before the identity was unlinked or its user deleted.
    """
    user = _by_external_id(identity) or _by_verified_address(identity)
    if user is None:
        return None
    if Block.read(userId=user.id) is not None:
        raise Blocked
    # An account of the project proves itself anew whenever it signs in.
    if identity.kind == ISSUER and departures.has_departed_since(identity=identity):
        raise InvalidToken
    return user


def _link_or_create(
    identity: Identity, stale_claim: Mapping[str, Any], last_login: datetime | None
) -> User:
    user = find_to_link(identity=identity)
    if stale_claim:
        ExternalId.collection().delete_one({"_id": identity.key, "userId": stale_claim["userId"]})
    if user is None:
        user = User.create_user(
            email=identity.email,
            name=identity.name,
            auth_methods=[identity.auth_method],
            last_login=last_login,
        )
        return link(user=user, identity=identity, is_new=True)
    dependents.make_missing(user_id=user.id)
    # Two accounts at once could each find no other. Both change the user, so one runs again.
    user.update_atomically({})
    changed = {"userId": user.id, "action": "email.change", "outcome": DONE}
    if not list_identities(user_id=user.id) and AuditEntry.read(**changed):
        # Whoever has one need not be the owner of the new address.
        Session.collection().delete_many({"userId": user.id})
    return link(user=user, identity=identity)


def _by_external_id(identity: Identity) -> User | None:
    field, value = identity.external_id_field, identity.external_id
    if not (field and value):
        return None
    user = external_ids.find_user_by_external_id(field=field, value=value)
    if user and user.has_more_than_default_role() and not identity.external_id_links_staff:
        raise EmailNotVerified
    return user


def _by_verified_address(identity: Identity) -> User | None:
    if not identity.email or not identity.verified_email:
        raise EmailNotVerified
    try:
        validate_email_address(identity.verified_email)
        user = User.find_by_email(identity.email)
    except (AmbiguousEmail, ValidationError):
        # It is no address, or several users have it and nothing says which of them this is.
        raise EmailNotVerified from None
    if user is None:
        return None
    if identity.links_to_default_role_only and user.has_more_than_default_role():
        raise EmailNotVerified
    source = identity.kind, identity.issuer
    others = [row for row in list_identities(user_id=user.id) if row["_id"] != identity.key]
    verified = {row.get("email") for row in others}
    # The address is or was somebody else's, or nobody has verified it for the user.
    if any(source_of(row) == source for row in others) or (
        others and identity.verified_email not in verified
    ):
        raise ExternalIdTaken
    return user


def _follow_address(user: User, claim: Mapping[str, Any], identity: Identity) -> None:
    """Note the account's verified address; give the user that to which a host has changed it."""
    if claim.get("email") == identity.verified_email:
        return
    changed = claim.get("email") is not None and user.normal_email != identity.email
    # Where somebody else has the address here, the user keeps the old one.
    if changed and identity.kind == HOST and not _is_taken(str(identity.email)):
        audit.record(action="email.change", user_id=user.id)
        user.patch({"email": identity.email})
    update = {"$set": {"email": identity.verified_email}}
    ExternalId.collection().update_one({"_id": identity.key, "userId": user.id}, update)


def _is_taken(email: str) -> bool:
    try:
        return User.find_by_email(email) is not None
    except AmbiguousEmail:
        return True


@atomic
def link(*, user: User, identity: Identity, is_new: bool = False) -> User:
    """Give the user the identity; nothing changes when it has it. Return the user.

    ``is_new`` tells that the transaction has created the user, and has found no such claim. Raises
    ``ExternalIdTaken`` when another user has it, and ``ValidationError``.
    """
    claim = ExternalId(
        id=identity.key,
        user_id=user.id,
        auth_method=identity.auth_method,
        email=identity.verified_email,
        fills=identity.fills,
    )
    owner = None if is_new else _live_owner(identity.key)
    if owner not in (None, user.id):
        raise ExternalIdTaken
    if owner is None:
        entry = audit.record(action="identity.link", user_id=user.id, issuer=identity.issuer)
    if identity.fills:
        # Before the claim, which would stay without a transaction where the external id is taken.
        user = _fill(user, identity, is_stored=owner is None)
    if owner is None:
        try:
            ExternalId.insert_documents([claim], check_users=not (is_new and in_transaction()))
        except AlreadyExists as error:
            retry_transaction(error)
            entry.withdraw()
            if _live_owner(identity.key) not in (None, user.id):
                raise ExternalIdTaken from error
    return _update_rights(user, identity)


def _fill(user: User, identity: Identity, *, is_stored: bool = False) -> User:
    """Fill the field of the user; ``is_stored`` tells that the claim says so by itself."""
    field, value = str(identity.external_id_field), str(identity.external_id)
    user = external_ids.link_external_id(user_id=user.id, field=field, value=value)
    if not is_stored:
        update = {"$set": {"fills": identity.fills}}
        ExternalId.collection().update_one({"_id": identity.key, "userId": user.id}, update)
    return user


def _live_owner(key: str) -> ObjectId | None:
    claim = ExternalId.read(_id=key)
    if claim is None:
        return None
    if User.read(_id=claim["userId"]) is None:
        # Its user was deleted, and the claim is about to be purged.
        ExternalId.collection().delete_one({"_id": key, "userId": claim["userId"]})
        return None
    return claim["userId"]


def list_identities(*, user_id: ObjectId) -> list[Mapping[str, Any]]:
    """Return the claims with which the user signs in, oldest first."""
    found = ExternalId.collection().find({"userId": user_id}).sort("createdAt")
    return [claim for claim in found if source_of(claim)[0] in (ISSUER, HOST)]


def refuse_earlier_tokens(*, user_id: ObjectId) -> None:
    """Refuse from now on each token of an issuer that names the user and was issued before."""
    claims = {"userId": user_id, "_id": {"$regex": f"^{ISSUER}:"}}
    ExternalId.collection().update_many(claims, {"$set": {"notBefore": now()}})


def _read_claim(
    key: str, issued_at: datetime | None, *stages: dict[str, Any]
) -> tuple[User | None, dict[str, Any]]:
    found = ExternalId.collection().aggregate(
        [
            {"$match": {"_id": key}},
            lookup("users", local="userId", foreign="_id"),
            lookup("blocks", local="userId", foreign="userId"),
            *stages,
        ]
    )
    claim = next(iter(found), None)
    if claim is None or not claim["users"]:
        return None, claim or {}
    if "notBefore" in claim and (issued_at is None or issued_at <= claim["notBefore"]):
        raise InvalidToken
    if not ExternalId.counts(claim, claim["users"][0]):
        return None, claim
    if claim["blocks"]:
        raise Blocked
    return User.from_stored(claim["users"][0]), claim


def source_of(claim: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the kind of the claim's account, and the issuer or ``HOST_ID`` that vouches for it."""
    kind, parts = ExternalId.parse_account_key(claim["_id"])
    return kind, parts[0] if parts else None
