"""The audit trail: who did what to whom, recorded in the transaction of the change.

Whoever calls a service says who acts (``acting_as``): the API for each request, a command when it
begins. A service that does what ``models.audit.ACTIONS`` names calls ``record`` inside ``atomic``,
before it changes anything::

    @atomic
    def block_user(*, user_id: ObjectId) -> None:
        audit.record(action="user.block", user_id=user_id)
        ...

The entry and the change are committed together. A server without transactions stores the entry
first, and it is removed when the change is refused. Where nothing was to be changed, the service
withdraws the entry. A refusal in the body of ``attempt`` is recorded after the rollback.
"""

import getpass
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Self

from bson import ObjectId

from chabad_auth_django.db.transactions import (
    in_transaction,
    on_refusal,
    on_rollback,
    write_together,
)
from chabad_auth_django.exceptions import (
    ChabadAuthError,
    LastAdministrator,
    LastAuthMethod,
    LastIdentity,
    PermissionDenied,
    UnknownGrant,
    ValidationError,
)
from chabad_auth_django.models.audit import ACTIONS, DONE, REFUSED, AuditEntry
from chabad_auth_django.models.fields import now

#: What a detail may be called -> what it is.
DETAILS = {
    "appId": "an application",
    "authMethods": "authentication methods",
    "collection": "a collection",
    "fields": "names of fields",
    "issuer": "the name of an issuer in the settings",
    "kind": "a kind of finding",
    "permissions": "permissions",
    "resource": "what of a user: the word before the colon in the permission",
    "roles": "roles",
    "session": "the id of a session",
}

#: What stands for a name that could be an address or a sentence.
HIDDEN = "(not shown)"

#: The errors that say that somebody may not do something; what else fails is no attempt.
REFUSALS = (PermissionDenied, LastAdministrator, LastAuthMethod, LastIdentity, UnknownGrant)

MAX_OPERATOR_LENGTH = 100

MAX_NAMES = 50

_NAME = re.compile(r"[A-Za-z0-9_.:*/()-]{1,100}")


#: The kinds of those who act.
KINDS = ("user", "host_account", "command", "system")


@dataclass(frozen=True)
class Actor:
    """Who acts."""

    #: One of ``KINDS``.
    kind: str
    id: str | None = None
    operator: str | None = None

    @classmethod
    def user(cls, user_id: ObjectId) -> Self:
        """Return a user of ours."""
        return cls("user", str(user_id))

    @classmethod
    def host_account(cls, *, host: str, pk: object) -> Self:
        """Return an account of a host project: the host's id and the account's primary key."""
        return cls("host_account", f"{host}:{pk}")

    @classmethod
    def command(cls, name: str, *, operator: str | None = None) -> Self:
        """Return a management command, run by the operator; by default the system's user.

        Raises ``ValidationError`` for what could be an e-mail address: it would outlive an erasure.
        """
        if operator is None:
            return cls("command", name, _system_user())
        if not (operator.isprintable() and 1 <= len(operator) <= MAX_OPERATOR_LENGTH):
            raise ValidationError(
                f"An actor has 1 to {MAX_OPERATOR_LENGTH} characters, all of them printable."
            )
        if "@" in operator:
            raise ValidationError("An actor is no e-mail address: it would outlive an erasure.")
        return cls("command", name, operator)


#: An unknown actor: a sign-in, or code of the host project.
SYSTEM = Actor("system")

_actor: ContextVar[Actor] = ContextVar("chabad_auth_actor", default=SYSTEM)

_attempting: ContextVar[bool] = ContextVar("chabad_auth_attempting", default=False)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Let the body act as the actor."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def become(actor: Actor) -> None:
    """Let the rest of the body of ``acting_as`` act as the actor, who is known from here on."""
    _actor.set(actor)


@dataclass
class Recorded:
    """Entries for a change."""

    rows: list[dict[str, Any]]
    is_stored: bool = False

    def withdraw(self) -> None:
        """Remove the entries: nothing was changed."""
        if self.is_stored:
            ids = [row["_id"] for row in self.rows]
            AuditEntry.collection().delete_many({"_id": {"$in": ids}})
        self.rows = []


def _store(entries: list[Recorded]) -> None:
    rows = [row for entry in entries for row in entry.rows]
    if rows:
        AuditEntry.collection().insert_many(rows)
    for entry in entries:
        entry.is_stored = True


def record(*, action: str, user_id: ObjectId | None, **details: Any) -> Recorded:
    """Record that the actor does the action to the user; the entry is stored with the change.

    Call it inside ``atomic``, before the change. ``DETAILS`` has the names of the details. A value
    that could tell something about a person is stored as ``HIDDEN``. All entries of a transaction
    are stored with one insert, and nothing is read.
    """
    return record_many(action=action, users={user_id: details})


def record_many(*, action: str, users: Mapping[ObjectId | None, Mapping[str, Any]]) -> Recorded:
    """Record the action for each of the users, given with the details, as ``record`` does."""
    recorded = Recorded(
        [_row(action, user_id, DONE, details) for user_id, details in users.items()]
    )
    write_together(_store, [recorded])
    on_refusal(recorded.withdraw)
    return recorded


@contextmanager
def attempt(*, action: str, user_id: ObjectId | None, **details: Any) -> Iterator[None]:
    """Record that the action was refused when the body raises one of ``REFUSALS``.

    Where attempts are nested, the outermost one records the refusal.
    """
    if _attempting.get():
        yield
        return
    token = _attempting.set(True)
    try:
        yield
    except REFUSALS as error:
        refuse(action=action, user_id=user_id, error=error, **details)
        raise
    finally:
        _attempting.reset(token)


@contextmanager
def rehearsal() -> Iterator[None]:
    """Record no refusals in the body, which only finds out what would be refused."""
    token = _attempting.set(True)
    try:
        yield
    finally:
        _attempting.reset(token)


def refuse(
    *, action: str, user_id: ObjectId | None, error: ChabadAuthError, **details: Any
) -> None:
    """Record that the actor was refused the action; in a transaction, after its rollback."""
    row = _row(action, user_id, REFUSED, details) | {"code": error.code}

    def write() -> None:
        AuditEntry.collection().insert_one(row)

    if in_transaction():
        on_rollback(write)
    else:
        write()


def _row(
    action: str, user_id: ObjectId | None, outcome: str, details: Mapping[str, Any]
) -> dict[str, Any]:
    if action not in ACTIONS or not details.keys() <= DETAILS.keys():
        raise ValueError(f"{action!r} with {sorted(details)} is nothing that can be recorded.")
    actor = _actor.get()
    row = {
        "_id": ObjectId(),
        "timestamp": now(),
        "actorKind": actor.kind,
        "actorId": actor.id,
        "operator": actor.operator,
        "action": action,
        "userId": user_id,
        "outcome": outcome,
        "details": {name: _shown(value) for name, value in details.items() if value is not None},
    }
    return {name: value for name, value in row.items() if value is not None}


def _shown(value: Any) -> Any:
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_shown(item) for item in list(value)[:MAX_NAMES]]
    if isinstance(value, (int, ObjectId)):
        return value
    return value if isinstance(value, str) and _NAME.fullmatch(value) else HIDDEN


def _system_user() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # A container's user need not have a name.
        return HIDDEN
    # Some directory services name users by their addresses.
    return str(_shown(name.partition("@")[0]))
