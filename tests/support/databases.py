"""An empty database with the declared indexes for each test, without making either again.

``TEST_MONGODB_URI`` may name the replica set. What starts, stops or changes a server is skipped
then.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import override_settings
from pymongo import MongoClient
from pymongo.monitoring import CommandListener

from chabad_auth_django.models.base import Document
from chabad_auth_django.services.deployment import indexes

#: Taken out of the environment: it would be added to the name of each database that a test names,
#: and a worker has servers of its own.
WORKER = os.environ.pop("PYTEST_XDIST_WORKER", "tests")

INDEX_COMMANDS = {"collMod", "createIndexes", "drop", "dropDatabase", "dropIndexes"}


class IndexListener(CommandListener):
    """Knows in which databases no index has changed since it was deployed."""

    def __init__(self) -> None:
        self.sound: set[str] = set()

    def started(self, event: Any) -> None:
        if event.command_name == "renameCollection":
            self.sound.clear()  # It names the database in its arguments only.
        elif event.command_name in INDEX_COMMANDS:
            self.sound.discard(event.database_name)

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


def database_name(kind: str) -> str:
    """Return the name of this process's database; two servers have not the same.

    It is one that a test run keeps: processes that tests start use it too.
    """
    return f"test_chabad_auth_{kind}_{WORKER}"


def named_uri() -> str | None:
    """Return the URI of our database on the server that ``TEST_MONGODB_URI`` names.

    The database that it names is never used, except to authenticate as it says.
    """
    uri = os.environ.get("TEST_MONGODB_URI")
    if not uri:
        return None
    scheme, _, rest = uri.partition("://")
    hosts, _, rest = rest.partition("/")
    database, _, query = rest.partition("?")
    if "@" in hosts and "authsource=" not in query.lower():
        query = "&".join(filter(None, [query, f"authSource={database or 'admin'}"]))
    return f"{scheme}://{hosts}/{database_name('replica_set')}?{query}"


def skip_unless_ours() -> None:
    """Skip a test that starts, stops or changes a server, where somebody else's is named."""
    if named_uri():
        pytest.skip("needs a server of its own, and TEST_MONGODB_URI names one")


class Server:
    """A server whose database each test finds empty and with the declared indexes."""

    def __init__(self, uri: str, listener: IndexListener) -> None:
        self.uri = uri
        self.settings = {"MONGODB_URI": uri, "DELETION_GRACE_SECONDS": 0}
        self._listener = listener
        self._client: MongoClient[dict[str, Any]] = MongoClient(uri)
        self._database = self._client.get_default_database()
        self._kept = {model._get_collection_name() for model in Document.registered()}

    def close(self) -> None:
        """Drop the database, and close the client that prepared it."""
        self._client.drop_database(self._database.name)
        self._client.close()

    @contextmanager
    def prepared(self) -> Iterator[str]:
        """Use the database, empty and with the declared indexes."""
        with override_settings(CHABAD_AUTH=self.settings):
            self._drop_foreign_collections()
            for name in self._filled():
                # Dropping would take the indexes with it; deleting is quicker than deploying them.
                self._database[name].delete_many({})
            if self._database.name not in self._listener.sound:
                self._deploy()
            yield self.uri

    def unheard_changes(self) -> indexes.Comparison | None:
        """Return how the indexes differ from the declared ones, though no change was heard of."""
        if self._database.name not in self._listener.sound:
            return None
        with override_settings(CHABAD_AUTH=self.settings):
            comparison = indexes.compare()
        return None if comparison.is_clean else comparison

    def _drop_foreign_collections(self) -> None:
        """Drop what no model stores in, and a view or time series where a collection should be."""
        # The list of views comes last: it goes when they are gone.
        kinds = list(self._database.list_collections(nameOnly=True))
        for found in sorted(kinds, key=lambda found: found["name"] == "system.views"):
            name, usual = found["name"], found["type"] == "collection"
            if name == "system.profile":
                # It cannot be dropped while the server goes on writing to it.
                self._database.command("profile", 0)
                self._database.drop_collection(name)
            elif name == "system.views" or not (
                name.startswith("system.") or (usual and name in self._kept)
            ):
                self._database.drop_collection(name)

    def _filled(self) -> list[str]:
        """Return the collections that hold anything, asked for all at once."""
        found = self._database.aggregate([{"$documents": []}, *map(_any_of, sorted(self._kept))])
        return [document["_id"] for document in found]

    def _deploy(self) -> None:
        comparison = indexes.compare()
        indexes.drop_extra(comparison)
        indexes.fix(comparison)
        indexes.create(comparison)
        self._listener.sound.add(self._database.name)


def _any_of(collection: str) -> dict[str, Any]:
    """Return a stage that adds the collection's name if it holds a document."""
    name = [{"$limit": 1}, {"$project": {"_id": {"$literal": collection}}}]
    return {"$unionWith": {"coll": collection, "pipeline": name}}
