from pymongo.database import Database
from support.management import run

from chabad_auth_django.models.base import Document
from chabad_auth_django.models.registry import Sharding
from chabad_auth_django.services.deployment import indexes, sharding

COMMAND = "chabad_shard_plan"


def test_each_collection_has_a_key_and_a_reason(mongodb: str) -> None:
    result = run(COMMAND, "--json")
    assert (result.code, result.err) == (0, "")
    assert result.json.keys() == {"cluster", "collections"}
    plans = {plan["collection"]: plan for plan in result.json["collections"]}
    assert plans["appdatas"]["key"] == {"userId": 1, "appId": 1, "dataKey": 1}
    assert plans["activities"]["commands"][1].endswith(
        '.activities", { userId: "hashed", timestamp: 1 })'
    )
    assert (plans["users"]["key"], plans["users"]["commands"]) == (None, [])
    assert all(plan["reason"] and plan["targeted"] for plan in plans.values())
    silent = [model for model in Document.registered() if model.sharding == Sharding()]
    assert (silent, len(plans)) == ([], len(Document.registered()))


def test_a_unique_index_begins_with_the_shard_key(mongodb: str) -> None:
    keys = {plan.collection: plan.sharding.key for plan in sharding.plans()}
    for index in indexes.declared_indexes():
        key = keys.get(index.collection)
        if key and index.options.get("unique"):
            assert dict(index.keys[: len(key)]) == key


def test_for_people_it_is_a_page_with_the_commands(mongodb: str) -> None:
    lines = run(COMMAND).lines
    assert "users: not sharded" in lines
    assert '  db.getCollection("sessions").createIndex({ _id: "hashed" })' in lines


def test_the_command_changes_nothing(mongodb: str, raw: Database) -> None:
    before = raw.sessions.index_information()
    assert run(COMMAND, "--apply").code == 2
    assert run(COMMAND).code == 0
    assert raw.sessions.index_information() == before
