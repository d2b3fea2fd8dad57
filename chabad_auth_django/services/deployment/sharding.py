"""How to shard each collection, and why so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import ChabadAuthError
from chabad_auth_django.models.app_data import TOMBSTONES
from chabad_auth_django.services.deployment.indexes import BUILD_TIMEOUT

USER_KEY = {"userId": "hashed", "timestamp": 1}
ID_KEY = {"_id": "hashed"}


@dataclass(frozen=True)
class Plan:
    """The shard key of a collection, ``None`` where it stays on one shard, and what follows."""

    collection: str
    key: dict[str, Any] | None
    reason: str
    #: The unique index that the cluster goes on enforcing.
    unique: str
    #: The queries that go to one shard; all others go to every shard.
    targeted: str

    @property
    def commands(self) -> list[str]:
        """What ``apply`` does, for mongosh."""
        if self.key is None:
            return []
        space = f"{connection.get_database().name}.{self.collection}"
        key = (
            "{ " + ", ".join(f"{name}: {_shell(value)}" for name, value in self.key.items()) + " }"
        )
        return [
            f'db.getCollection("{self.collection}").createIndex({key})',
            f'sh.shardCollection("{space}", {key})',
        ]


PLANS = (
    Plan(
        "users",
        None,
        "a unique e-mail address would take {email: 1} as the key, and every write looks its user "
        "up by _id; a document has about 1 KB, so one shard holds millions",
        "{email: 1}",
        "all",
    ),
    Plan(
        "profiles",
        None,
        "one small document for each user; the transaction that creates a user stays on one shard",
        "{userId: 1}",
        "all",
    ),
    Plan(
        "preferences",
        None,
        "one small document for each user; the transaction that creates a user stays on one shard",
        "{userId: 1}",
        "all",
    ),
    Plan(
        "activities",
        USER_KEY,
        "the hash spreads the users evenly; the timestamp lets a chunk of one busy user be split",
        "_id of each shard only; it is random",
        "those of one user; by application, session or type they ask every shard; the TTL works",
    ),
    Plan(
        "analytics",
        USER_KEY,
        "the hash spreads the users evenly; the timestamp lets a chunk of one busy user be split",
        "_id of each shard only; it is random",
        "those of one user; counts of all users are made on every shard and added up",
    ),
    Plan(
        "appdatas",
        {"userId": 1, "appId": 1, "dataKey": 1},
        "the key of the unique index, so it goes on being enforced; a user's data stay together",
        "{userId: 1, appId: 1, dataKey: 1}",
        "those of one user, application or key; an update by _id alone takes MongoDB 7.1",
    ),
    Plan(
        TOMBSTONES,
        {"_id": 1},
        "the _id begins with the user, as in appdatas",
        "_id",
        "all",
    ),
    Plan(
        "sessions",
        ID_KEY,
        "a refresh token names the session's _id",
        "_id",
        "a refresh; listing and revoking those of a user ask every shard",
    ),
    Plan(
        "external_ids",
        ID_KEY,
        "only a key on _id keeps it unique, and that makes an external id belong to one user",
        "_id",
        "a sign-in; the deletion of a user asks every shard",
    ),
    Plan("blocks", None, "a few documents", "_id, userId", "none"),
    Plan("departed_identities", None, "those of one day", "_id", "all"),
    Plan(
        "idempotency_keys",
        ID_KEY,
        "only a key on _id keeps it unique, and that lets a request happen once",
        "_id",
        "a request; the deletion of a user asks every shard",
    ),
    Plan("audit_log", None, "a year of what is done to users, 300 bytes each", "_id", "all"),
    Plan("deletions", None, "a queue of a few documents", "_id", "all"),
)


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
    for plan in PLANS:
        space = f"{database.name}.{plan.collection}"
        if plan.key is None or config["collections"].find_one({"_id": space, "key": plan.key}):
            continue
        with connection.long_limit(BUILD_TIMEOUT):
            database[plan.collection].create_index(list(plan.key.items()))
            database.client.admin.command("shardCollection", space, key=plan.key)
        yield plan


def _shell(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
