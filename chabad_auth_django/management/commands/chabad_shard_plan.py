"""Show how to shard each collection."""

from collections.abc import Iterator
from typing import Any

from chabad_auth_django.management.base import OperatorCommand
from chabad_auth_django.management.output import to_text
from chabad_auth_django.services.deployment import sharding
from chabad_auth_django.services.deployment.sharding import Plan


class Command(OperatorCommand):
    help = (
        "Show for each collection the shard key, the reason, the commands, the unique index that "
        "stays enforced and the queries that stay targeted. It changes nothing: run the commands "
        "with mongosh on a mongos. Afterwards do not use 'chabad_sync_indexes --drop-extra', "
        "because the shard keys need their indexes."
    )
    json_keys = {
        "cluster": "whether the server is a mongos",
        "collections": "a list of objects with collection, key (null: not sharded), reason, "
        "unique, targeted and commands",
    }

    def handle(self, *args: Any, **options: Any) -> None:
        plans = sharding.plans()
        rows = [
            {"collection": plan.collection, **vars(plan.sharding), "commands": plan.commands}
            for plan in plans
        ]
        self.report(
            {"cluster": sharding.is_cluster(), "collections": rows},
            (line for plan in plans for line in _lines(plan)),
        )


def _lines(plan: Plan) -> Iterator[str]:
    said = plan.sharding
    yield f"{plan.collection}: {to_text(said.key) if said.key else 'not sharded'}"
    yield f"  why       {said.reason}"
    yield f"  unique    {said.unique}"
    yield f"  targeted  {said.targeted}"
    for command in plan.commands:
        yield f"  {command}"
