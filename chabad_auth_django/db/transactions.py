"""One transaction over every operation of the body, mongoengine's included.

``ClientSession.bind()`` hands the session to whatever uses the client, so Documents and
QuerySets join by themselves. A standalone server has no transactions: the body runs without one,
and the hooks of ``on_incomplete()`` repair what a body leaves half done.
"""

import functools
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import mongoengine
import pymongo
from pymongo.client_session import ClientSession
from pymongo.errors import (
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from chabad_auth_django import journal
from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.db.client import in_transaction as in_transaction
from chabad_auth_django.db.client import transaction
from chabad_auth_django.failures import log_failure

#: The label with which MongoDB asks for a transaction to be run again.
TRANSIENT = "TransientTransactionError"

#: The label of a commit of which nobody knows whether the server got it.
UNKNOWN_COMMIT = "UnknownTransactionCommitResult"

#: Seconds for telling the server that a transaction is over whose own time is up.
RELEASE_TIMEOUT = 1.0

#: The code of a command in a transaction that the server has ended, after another error of it.
NO_SUCH_TRANSACTION = 251

#: So many tries in a row may fail with it. Then the function itself has caught that other error.
MAX_ENDED = 10

P = ParamSpec("P")
T = TypeVar("T")

Hook = Callable[[], object]
ErrorHook = Callable[[BaseException], object]
Write = Callable[[list[Any]], object]


@dataclass
class _Hooks:
    seconds: float
    commit: list[Hook] = field(default_factory=list)
    rollback: list[Hook] = field(default_factory=list)
    incomplete: list[ErrorHook] = field(default_factory=list)
    gathered: dict[Write, list[Any]] = field(default_factory=dict)
    tries: int = 0
    ended: int = 0
    refusal: Exception | None = None


_hooks: ContextVar[_Hooks | None] = ContextVar("chabad_auth_hooks", default=None)


def atomic(function: Callable[P, T], *, seconds: float | None = None) -> Callable[P, T]:
    """Make each call of the function one transaction (specification: best practice 1).

    A call inside another transaction joins it. After a transient error the function runs again
    from its start, so it must be safe to re-run; all tries together take at most ``seconds``, or
    ``CHABAD_AUTH["TRANSACTION_TIMEOUT"]`` seconds. On a standalone server it runs without a
    transaction, and again only when it raises ``RetryTransaction``.

    Raises ``TypeError`` for a coroutine or generator function, also one that ``contextmanager`` and
    the like have wrapped: its body would run after the transaction. So does a call that returns a
    coroutine or a generator. ``pymongo.errors.InvalidOperation`` is raised where the function goes
    on after an error of MongoDB, at which the server has ended the transaction.
    """
    if not callable(function) or _is_suspended(function):
        raise TypeError(f"atomic takes a plain function, not {function!r}")

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        body = functools.partial(function, *args, **kwargs)
        if in_atomic():
            return body()
        hooks = _Hooks(seconds=conf.TRANSACTION_TIMEOUT if seconds is None else seconds)
        run = _run_in_transaction if connection.supports_transactions() else _run_without
        token = _hooks.set(hooks)
        try:
            result = run(body, hooks)
        finally:
            _hooks.reset(token)
        _run_all(hooks.commit)
        return result

    return wrapper


def _is_suspended(function: Any) -> bool:
    """Tell whether it, or a function that it wraps, returns before its body has run."""
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(is_kind(function) or is_kind(function.__call__) for is_kind in kinds):
        return True
    is_partial = isinstance(function, functools.partial)
    inner = function.func if is_partial else getattr(function, "__wrapped__", None)
    return inner is not None and _is_suspended(inner)


def in_atomic() -> bool:
    """Tell whether the caller runs inside a function made by ``atomic``."""
    return _hooks.get() is not None


def is_repeated() -> bool:
    """Tell whether a transaction is open that runs again, after it has met another one."""
    hooks = _hooks.get()
    return hooks is not None and hooks.tries > 1


def on_commit(hook: Hook, *, robust: bool = True) -> None:
    """Call the hook after the transaction commits; at once where there is none.

    Every hook runs, also when an earlier one fails. What is committed stays so: an error is logged
    and changes nothing. With ``robust=False`` the first error is raised in the end; that is for a
    hook that finds out whether the change holds.
    """
    if robust:
        hook = functools.partial(_run_robust, hook)
    hooks = _hooks.get()
    if hooks is None:
        hook()
    else:
        hooks.commit.append(hook)


def on_rollback(hook: Hook) -> None:
    """Call the hook whenever a try of the transaction is rolled back; the last hook comes first."""
    hooks = _hooks.get()
    if hooks is not None:
        hooks.rollback.insert(0, hook)


def write_together(write: Write, items: list[Any]) -> None:
    """Call ``write`` once with the items of all callers, just before the transaction commits.

    Without a transaction it is called at once.
    """
    hooks = _hooks.get()
    if hooks is not None and in_transaction():
        hooks.gathered.setdefault(write, []).extend(items)
    else:
        write(items)


def on_incomplete(hook: ErrorHook) -> None:
    """Call the hook with the error when the body fails on a server without transactions."""
    hooks = _hooks.get()
    if hooks is not None:
        hooks.incomplete.append(hook)


def on_refusal(hook: Hook) -> None:
    """Call the hook where ``on_incomplete`` would, but not after an error of the driver.

    What the driver has sent by then may still arrive.
    """

    def call(error: BaseException) -> None:
        if isinstance(error, Exception) and not isinstance(error, PyMongoError):
            hook()

    on_incomplete(call)


@contextmanager
def refusal_is_final() -> Iterator[None]:
    """Let the transaction end with an error of the block, even if its body catches the error.

    MongoDB has no savepoints: what was written before it for the same change would be committed.
    """
    try:
        yield
    except Exception as error:
        hooks = _hooks.get()
        if hooks is not None:
            hooks.refusal = error
        raise


class RetryTransaction(PyMongoError):
    """Raise this inside ``atomic`` to run its function again on a fresh snapshot."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, error_labels=[TRANSIENT])


def retry_transaction(error: Exception) -> None:
    """Run the open transaction again after a duplicate key; without one nothing happens.

    Its snapshot cannot show what another one has stored since.
    """
    if in_transaction():
        raise RetryTransaction("Another process has stored the key.") from error


def _run_without(body: Callable[[], T], hooks: _Hooks) -> T:
    deadline = time.monotonic() + hooks.seconds
    try:
        while True:
            try:
                return _run_body(body, hooks)
            except RetryTransaction:
                if time.monotonic() > deadline:
                    raise
                journal.count("transaction_retries")
                hooks.commit.clear()
                hooks.incomplete.clear()
    except BaseException as error:
        _hooks.set(None)
        _run_all([functools.partial(hook, error) for hook in hooks.incomplete])
        raise


def _run_body(body: Callable[[], T], hooks: _Hooks) -> T:
    hooks.refusal = None
    result = body()
    if inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result):
        raise TypeError(f"atomic got a {type(result).__name__}, which would run afterwards")
    if hooks.refusal is not None:
        raise hooks.refusal
    return result


def _run_in_transaction(body: Callable[[], T], hooks: _Hooks) -> T:
    def callback(session: ClientSession) -> T:
        _run_all(hooks.rollback)
        hooks.rollback.clear()
        hooks.commit.clear()
        hooks.gathered.clear()
        hooks.tries += 1
        if hooks.tries > 1:
            journal.count("transaction_retries")
        hooks.ended += 1
        if hooks.ended > MAX_ENDED:
            raise InvalidOperation(
                "An error of MongoDB has ended the transaction, but the function has caught it and "
                "gone on: let the error pass."
            )
        try:
            result = _run_body(body, hooks)
            for write, items in hooks.gathered.items():
                write(items)
            return result
        except BaseException as error:
            if not isinstance(error, ServerSelectionTimeoutError):
                _release(session.abort_transaction)
            # mongoengine wraps the driver's error and so hides the label that asks for a retry.
            cause = error.__context__ if isinstance(error, mongoengine.OperationError) else error
            if not isinstance(cause, OperationFailure) or cause.code != NO_SUCH_TRANSACTION:
                hooks.ended = 0
            if isinstance(cause, PyMongoError) and cause.has_error_label(TRANSIENT):
                raise cause from None
            raise

    try:
        return _with_session(callback, hooks.seconds)
    except BaseException:
        _run_all(hooks.rollback)
        raise


def _with_session(callback: Callable[[ClientSession], T], seconds: float) -> T:
    client = connection.get_client()
    with (
        pymongo.timeout(seconds),
        client.start_session() as session,
        session.bind(end_session=False),
        transaction(),
    ):
        try:
            return session.with_transaction(
                callback,
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority"),
                read_preference=ReadPreference.PRIMARY,
            )
        except PyMongoError as error:
            if error.has_error_label(UNKNOWN_COMMIT):
                # PyMongo cannot abort it any more, but killing the session ends it too.
                kill = {"killSessions": [session.session_id]}
                _release(functools.partial(client.admin.command, kill))
            raise


def _release(end: Callable[[], object]) -> None:
    """End a transaction on the server, which would keep its documents locked for a minute.

    PyMongo sends nothing after a timeout has passed, not even this: hence a fresh context.
    """

    def run() -> None:
        with suppress(PyMongoError), pymongo.timeout(RELEASE_TIMEOUT):
            end()

    Context().run(run)


def _run_robust(hook: Hook) -> None:
    try:
        hook()
    except Exception as error:
        log_failure(hook, error, moment="after the commit")


def _run_all(hooks: list[Hook]) -> None:
    first_error: BaseException | None = None
    for hook in hooks:
        try:
            hook()
        except Exception as error:
            first_error = first_error or error
    if first_error is not None:
        raise first_error
