"""How to shard each collection, as the Documents say."""

import json
from dataclasses import dataclass

from chabad_auth_django.db import connection
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.registry import Sharding


@dataclass(frozen=True)
class Plan:
    """What a Document says of sharding its collection."""

    collection: str
    sharding: Sharding

    @property
    def commands(self) -> list[str]:
        """What shards it, for mongosh on a mongos."""
        if self.sharding.key is None:
            return []
        space = f"{connection.get_database().name}.{self.collection}"
        fields = (f"{name}: {json.dumps(value)}" for name, value in self.sharding.key.items())
        key = f"{{ {', '.join(fields)} }}"
        return [
            f'db.getCollection("{self.collection}").createIndex({key})',
            f'sh.shardCollection("{space}", {key})',
        ]


def plans() -> list[Plan]:
    """Return the plan of every collection, as its Document says."""
    return [Plan(model.collection().name, model.sharding) for model in Document.registered()]


def is_cluster() -> bool:
    """Tell whether the server is a mongos."""
    return connection.get_client().admin.command("hello").get("msg") == "isdbgrid"
