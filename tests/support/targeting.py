"""Every command on what users own names the owner, so that a cluster asks one shard.

A plugin of pytest: it listens to all commands of this process, and fails the test in which the
package sends one that does not, unless the place is listed here with the reason. It looks at the
stack only where a command names no owner.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Set
from functools import cache
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.monitoring import CommandListener

import chabad_auth_django
from chabad_auth_django.models import User
from chabad_auth_django.models.owned import OwnedDocument

PACKAGE = str(Path(chabad_auth_django.__file__).parent) + os.sep

#: Places, by their beginning, that have to send commands without an owner -> why.
ALLOWED = {
    "api/resources/events:list_events": "an administrator lists everybody's",
    "contrib/admin/reads/": "the pages for staff are about everybody",
    "contrib/universe/expiry:purge": "what expires is everybody's",
    "services/analytics/": "counts, roll-ups and archives are of everybody's events",
    "services/deployment/duplicates:_groups": "two users may have one key",
    "services/deployment/index_usage:read": "statistics of a whole collection",
    "services/deployment/indexes:count_overdue": "what a TTL index would remove",
    "services/deployment/integrity:check": "every document is looked at",
    "services/deployment/integrity:count_documents": "so far is the progress",
    "services/deployment/retention:count_expired": "what expires is everybody's",
    "services/deployment/statistics:": "figures of everybody's",
    "services/identity/search:_has_external_id": "an operator has an external id",
    "services/identity/search:_is_called": "an operator has a part of a name",
    "services/identity/search:_blocked_ids": "an operator looks for the blocked ones",
    "services/signing_in/sessions:list_all_sessions": "an operator lists everybody's",
    "services/lifecycle/portability:_by_unique_key": "the keys of an export",
    "services/lifecycle/portability:_stored": "an id of an export may be somebody else's here",
    "services/lifecycle/traces:_rows": "an erasure is verified in everything",
    "services/lifecycle/traces:count_documents": "so far is the progress",
    "test:empty_database": "the database is one for tests",
}

#: Where a host's own query begins, which may be about whatever the host wants.
QUERIES = (
    "models/queryset",
    "models/user_queryset",
    "models/app_data_queryset",
    "models/registry:read",
    "models/owned:populate",
    "db/",
)

WRITES = {"update": "updates", "delete": "deletes"}

#: Commands -> where their query is.
COMMANDS = {"find": "filter", "count": "query", "distinct": "query", "findAndModify": "query"}


@cache
def owners() -> Mapping[str, Set[str]]:
    """Return collection -> the fields that name the owner, or the document as the shard key does.

    The one of users stays on one shard; what is written there is named by its id all the same.
    """
    found = {
        model.collection_name(): {"userId", "subjectId"}
        | ({"_id"} if "_id" in (model.sharding.key or ()) else set())
        for model in OwnedDocument.registered()
    }
    return {**found, User.collection_name(): {"_id"}}


def queries(name: str, command: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the criteria of a command."""
    if name in WRITES:
        yield from (each["q"] for each in command[WRITES[name]])
    elif name == "aggregate":
        yield next(iter(command["pipeline"]), {}).get("$match", {})
    elif name in COMMANDS:
        yield command.get(COMMANDS[name], {})


def names_owner(query: Mapping[str, Any], names: Set[str]) -> bool:
    """Tell whether the criteria are on one of the fields, in each of their branches."""
    return any(
        key.partition(".")[0] in names
        or (key == "$and" and any(names_owner(each, names) for each in value))
        or (key == "$or" and all(names_owner(each, names) for each in value))
        for key, value in query.items()
    )


def places() -> list[str]:
    """Return the functions of the package on the stack, the innermost first."""
    frame, found = sys._getframe(1), []
    while frame:
        path = frame.f_code.co_filename
        if path.startswith(PACKAGE):
            name = path.removeprefix(PACKAGE).removesuffix(".py").replace(os.sep, "/")
            found.append(f"{name}:{frame.f_code.co_name}")
        frame = frame.f_back  # type: ignore[assignment]
    return found


class OwnerListener(CommandListener):
    """Keeps what the package sends about no owner."""

    def __init__(self) -> None:
        self.offences: list[str] = []

    def started(self, event: Any) -> None:
        name = event.command_name
        collection = event.command.get(name)
        names = owners().get(collection) if isinstance(collection, str) else None
        is_read = name not in WRITES and name != "findAndModify"
        if names is None or (is_read and collection == "users"):
            return
        if all(names_owner(query, names) for query in queries(name, event.command)):
            return
        found = places()
        if not found or found[-1].startswith(QUERIES):
            return
        if not any(place.startswith(allowed) for place in found for allowed in ALLOWED):
            self.offences.append(f"{name} of {collection}: {' < '.join(found[:6])}")

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


LISTENER = OwnerListener()


def pytest_configure(config: pytest.Config) -> None:
    # For each client that is made from now on.
    pymongo.monitoring.register(LISTENER)


@pytest.fixture(autouse=True)
def every_command_names_its_owner() -> Iterator[None]:
    """Fail the test in which a command was sent about what users own, but about no user."""
    yield
    offences = sorted(set(LISTENER.offences))
    LISTENER.offences.clear()
    assert offences == []
