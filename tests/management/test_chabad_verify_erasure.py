from typing import Any

import bson
import pytest
from bson import DatetimeMS, DBRef
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from support.management import run

from chabad_auth_django.models import AuditEntry, User

COMMAND = "chabad_verify_erasure"


@pytest.fixture
def gone(user: User) -> User:
    assert run("chabad_erase_user", user.email, "--yes").code == 0
    AuditEntry.collection().delete_many({})
    return user


def test_after_an_erasure_there_is_no_trace(gone: User) -> None:
    result = run(COMMAND, str(gone.id), gone.email, "--json")
    assert (result.code, result.err) == (0, "")
    found = result.json
    assert (found["traces"], found["unread"], found["deletions"]) == ([], [], [])
    assert (found["count"], found["scanned"], found["auditEntries"]) == (0, 0, 0)


def test_a_user_who_is_there_leaves_traces(user: User) -> None:
    result = run(COMMAND, str(user.id), user.email, "--json")
    assert result.code == 1
    places = {(trace["collection"], trace["path"]) for trace in result.json["traces"]}
    assert places == {
        ("users", "_id"),
        ("users", "email"),
        ("profiles", "userId"),
        ("preferences", "userId"),
    }
    assert result.json["count"] == 4


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"a": {"b": [0, {"c": "ANN@example.org"}]}}, "a.b.1.c"),
        ({"a": {"ann@example.org": 1}}, "a.ann@example.org (the key)"),
        ({"text": "Dear ann@example.org, hello."}, "text"),
        ({"body": b'{"email": "ann@example.org"}'}, "body"),
        ({"_id": "key:v-1:x"}, "_id"),
        ({"hex": "<id>"}, "hex"),
        ({"id": "<object id>"}, "id"),
        ({"ref": "<reference>"}, "ref.$id"),
    ],
)
def test_every_field_of_every_collection_is_looked_at(
    raw: Database, gone: User, document: dict[str, Any], path: str
) -> None:
    special = {
        "<id>": str(gone.id).upper(),
        "<object id>": gone.id,
        "<reference>": DBRef("users", gone.id),
    }
    stored = {key: special.get(str(value), value) for key, value in document.items()}
    raw.other.insert_many([{"_id": 1}, {"_id": "a"}, stored])
    try:
        result = run(COMMAND, str(gone.id), "-", "--json", stdin="ann@example.org\nv-1\n")
    finally:
        raw.other.drop()
    assert result.code == 1
    assert [(trace["collection"], trace["path"]) for trace in result.json["traces"]] == [
        ("other", path)
    ]
    assert result.json["scanned"] == 3


def test_ids_of_every_type_are_passed_in_batches(
    raw: Database, gone: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chabad_auth_django.db.batches.in_batches.__defaults__", (2,))
    raw.other.insert_many([{"_id": id} for id in (1, 2.5, "a", "b", {"x": 1}, None, b"z", True)])
    raw.other.insert_one({"_id": [][:0] or "zz", "email": gone.email})
    try:
        result = run(COMMAND, gone.email, "--json")
    finally:
        raw.other.drop()
    assert (result.json["count"], result.json["scanned"]) == (1, 9)


def test_progress_and_the_number_of_traces_are_shown(user: User) -> None:
    result = run(COMMAND, user.email, bar=True)
    assert (result.code, result.lines[-1]) == (1, "1 trace in 4 documents.")
    assert "scanning" in result.err


def test_an_empty_name_is_refused(mongodb: str) -> None:
    assert run(COMMAND, " ").code == 2


def test_what_python_cannot_read_does_not_end_the_search(raw: Database, gone: User) -> None:
    row = {"_id": 1, "far": DatetimeMS(2**60), "text": "abc", "email": gone.email}
    raw.other.insert_one(RawBSONDocument(bson.encode(row).replace(b"abc", b"\xff\xfeb")))
    (trace,) = run(COMMAND, gone.email, "--json").json["traces"]
    assert (trace["collection"], trace["path"]) == ("other", "email")
