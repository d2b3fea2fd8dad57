"""The MongoDB client, whose writes inside a transaction belong to the transaction.

PyMongo leaves a client's write concern in commands of a bound session, and the server refuses them
in a transaction. Here a transaction's writes have none: its commit asks for the majority.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import pymongo
from bson.codec_options import CodecOptions
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from chabad_auth_django.db import testing
from chabad_auth_django.db.damaged import ReadableDocument

_open: ContextVar[bool] = ContextVar("chabad_auth_transaction", default=False)

_is_long: ContextVar[bool] = ContextVar("chabad_auth_long_limit", default=False)


@contextmanager
def transaction() -> Iterator[None]:
    """Let all writes of the block be part of the transaction that is bound to it."""
    token = _open.set(True)
    try:
        yield
    finally:
        _open.reset(token)


def in_transaction() -> bool:
    """Tell whether a transaction is open; inside ``atomic`` on a standalone server none is."""
    return _open.get()


@contextmanager
def long_limit(seconds: float) -> Iterator[None]:
    """Let the operations of the block take ``seconds`` together, more than the usual limit.

    No operation waits longer than usual for a primary.
    """
    token = _is_long.set(True)
    try:
        with pymongo.timeout(seconds):
            yield
    finally:
        _is_long.reset(token)


class JoiningWriteConcern(WriteConcern):
    """Ask for what it is made with; for nothing inside a transaction."""

    __slots__ = ()

    @property
    def is_server_default(self) -> bool:
        """Whether a command is sent without it."""
        return in_transaction() or super().is_server_default

    @property
    def document(self) -> dict[str, Any]:
        """What a command is sent with."""
        return {} if in_transaction() else super().document


class Client(MongoClient[dict[str, Any]]):
    """A client whose writes wait for the majority, or join the transaction that is open."""

    #: What is called when it is closed, whoever closes it.
    on_close: "Callable[[Client], object] | None" = None

    @property
    def codec_options(self) -> CodecOptions[dict[str, Any]]:
        """Those of its options; a damaged value that another program stored can be read."""
        return super().codec_options._replace(document_class=ReadableDocument)

    @property
    def write_concern(self) -> WriteConcern:
        """The majority, with the other conditions that its options have."""
        return JoiningWriteConcern(**{**super().write_concern.document, "w": "majority"})

    @property
    def read_concern(self) -> ReadConcern:
        """The server's, whatever its options say: snapshots and change streams take no other."""
        return ReadConcern()

    def __getitem__(self, name: str) -> Database[dict[str, Any]]:
        """Return the database; in a test run, one for tests instead of the URI's."""
        worker = testing.worker()
        if worker is not None and name == self.get_default_database("test").name:
            name = testing.database_name(name, worker=worker)
        return super().__getitem__(name)

    def _select_server(self, *args: Any, **options: Any) -> Any:
        # Inside pymongo.timeout PyMongo would wait for a primary for all of that time. It has no
        # public way to wait less.
        seconds = self.options.server_selection_timeout
        with pymongo.timeout(seconds) if _is_long.get() else nullcontext():
            return super()._select_server(*args, **options)

    def close(self) -> None:
        """Close the connections for good."""
        super().close()
        if self.on_close is not None:
            self.on_close(self)
