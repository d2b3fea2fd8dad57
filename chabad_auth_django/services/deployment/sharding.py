"""How to shard each collection, as the Documents say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import ChabadAuthError
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.registry import Sharding
from chabad_auth_django.services.deployment.indexes import BUILD_TIMEOUT


@dataclass(frozen=True)
class Plan:
    """What a Document says of sharding its collection."""

    collection: str
    sharding: Sharding

    @property
    def commands(self) -> list[str]:
        """What ``apply`` does, for mongosh."""
        if self.sharding.key is None:
            return []
        space = f"{connection.get_database().name}.{self.collection}"
        fields = (f"{name}: {_shell(value)}" for name, value in self.sharding.key.items())
        key = f"{{ {', '.join(fields)} }}"
        return [
            f'db.getCollection("{self.collection}").createIndex({key})',
            f'sh.shardCollection("{space}", {key})',
        ]


def plans() -> list[Plan]:
    """Return the plan of every collection, as its Document says."""
    return [Plan(model.collection().name, model.sharding) for model in Document.registered()]


class NoCluster(ChabadAuthError):
    """The server is no mongos, so there is nothing to shard."""

    code = "no_cluster"
    default_detail = "The server is no mongos: connect to one to apply the plan."


def is_cluster() -> bool:
    """Tell whether the server is a mongos."""
    return connection.get_client().admin.command("hello").get("msg") == "isdbgrid"


def apply() -> Iterator[Plan]:
    """Shard each collection that the plan says and that is not sharded; yield it.

    Raises ``NoCluster``.
    """
    if not is_cluster():
        raise NoCluster
    database = connection.get_database()
    config = database.client.get_database("config")
    for plan in plans():
        space, key = f"{database.name}.{plan.collection}", plan.sharding.key
        if key is None or config["collections"].find_one({"_id": space, "key": key}):
            continue
        with connection.long_limit(BUILD_TIMEOUT):
            database[plan.collection].create_index(list(key.items()))
            database.client.admin.command("shardCollection", space, key=key)
        yield plan


def _shell(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
