"""Bringing in the accounts that a Django project has already: each gets its user and its claim."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from django.contrib.auth import get_user_model
from pymongo.errors import PyMongoError

from chabad_auth_django.db.expressions import lookup
from chabad_auth_django.exceptions import ChabadAuthError
from chabad_auth_django.failures import log_failure
from chabad_auth_django.models import ExternalId
from chabad_auth_django.services.identity import hosts, identities

#: Accounts that are read, and looked up in MongoDB, at once.
CHUNK = 500

#: What became, or would become, of an account.
RESULTS = ("linked", "created", "unchanged", "inactive", "refused")
LINKED, CREATED, UNCHANGED, INACTIVE, REFUSED = RESULTS


@dataclass(frozen=True)
class Synced:
    """What became of an account: its primary key, one of the words above, and the user's id.

    ``code`` says why it was refused: ``email_not_verified``, ``external_id_taken`` (the user with
    that address has another account of this project, or only accounts that have not verified it),
    ``blocked``, ``failed`` (a receiver raised an error, which the log tells of).
    """

    account: str
    result: str
    user_id: ObjectId | None = None
    code: str | None = None


def sync(*, creates: bool = True, is_rehearsal: bool = False) -> Iterator[Synced]:
    """Give each account of the project its user; yield what became of it, in the order of keys.

    A user is found as at a sign-in: by a claim, else by an address that the project has verified.
    Where nobody has it, a user is created, unless ``creates`` is false. It may be stopped and run
    again at any time, also beside another run and sign-ins: nothing is done twice. It needs memory
    for ``CHUNK`` accounts. With ``is_rehearsal`` nothing is stored.
    """
    for accounts in _chunks():
        owners = _owners(accounts)
        for account in accounts:
            yield _sync(account, owners, creates, is_rehearsal)


def _chunks() -> Iterator[Sequence[Any]]:
    # One query for each chunk: no SQL transaction stays open while users are created.
    accounts = get_user_model()._default_manager.order_by("pk")
    chunk = list(accounts[:CHUNK])
    while chunk:
        yield chunk
        chunk = list(accounts.filter(pk__gt=chunk[-1].pk)[:CHUNK])


def _owners(accounts: Sequence[Any]) -> Mapping[str, ObjectId]:
    """Return whose each account is, by the ``_id`` of its claim."""
    keys = [hosts.host_key(account=account) for account in accounts]
    found = ExternalId.collection().aggregate(
        [
            {"$match": {"_id": {"$in": keys}}},
            lookup("users", local="userId", foreign="_id"),
            {"$match": {"users": {"$ne": []}}},
            {"$project": {"userId": 1}},
        ]
    )
    return {claim["_id"]: claim["userId"] for claim in found}


def _sync(
    account: Any, owners: Mapping[str, ObjectId], creates: bool, is_rehearsal: bool
) -> Synced:
    key = str(account.pk)
    if owner := owners.get(hosts.host_key(account=account)):
        return Synced(key, UNCHANGED, owner)
    if not hosts.adapter().is_active(account=account):
        return Synced(key, INACTIVE)
    identity = identities.of_host_account(account=account)
    try:
        user = identities.find_to_link(identity=identity)
        result = CREATED if user is None else LINKED
        if user is None and not creates:
            return Synced(key, REFUSED, code="user_not_found")
        if not is_rehearsal:
            user = identities.find_or_create_user(identity=identity)
    except ChabadAuthError as error:
        return Synced(key, REFUSED, code=error.code)
    except PyMongoError:
        raise
    except Exception as error:
        log_failure(_sync, error, moment=f"for the account {key}")
        return Synced(key, REFUSED, code="failed")
    return Synced(key, result, None if user is None else user.id)
