"""A trace of an erased user is found in whatever form it stands."""

from __future__ import annotations

import base64
import json
import quopri
import time
import unicodedata
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import bson
import pytest
from bson import Binary, Code, DBRef, Decimal128, Int64, ObjectId, Regex
from bson.raw_bson import RawBSONDocument
from django.test import override_settings
from pymongo.database import Database
from support.management import run

from chabad_auth_django.contrib.embedded.server import Mongod
from chabad_auth_django.db import connection
from chabad_auth_django.services.lifecycle.needles import Needles

COMMAND = "chabad_verify_erasure"

ID = ObjectId("507f1f77bcf86cd799439011")
UUID = uuid.UUID("8f14e45f-ceea-4f6a-9fef-3d4d3e0d1be3")
EMAIL, NAME, NUMBER = "ann.o+x@example.org", "Ñandú-77", "1001"

#: As Google numbers accounts: JavaScript rounds it.
SUBJECT = "110169484474386276334"

#: In UTF-16 these have bytes that are letters in ASCII, too.
CYRILLIC = "\u042e\u0440\u0438\u0441\u0442-12"

NAMES = [CYRILLIC, str(ID), EMAIL, NAME, NUMBER, UUID.urn, "straße-12", "v-1", "ığdır1234", SUBJECT]

TOKEN = json.dumps({"iss": "x", "sub": str(ID), "name": "A"}).encode()


def in_base64(data: bytes, *, url: bool = False) -> str:
    encoded = base64.urlsafe_b64encode(data) if url else base64.b64encode(data)
    return encoded.rstrip(b"=").decode()


#: What is stored as ``value``, or as a whole document -> where the name is.
TRACES: list[tuple[Any, str]] = [
    *(
        (text, "value")
        for text in (
            NAME,
            NAME.upper(),
            NAME.lower(),
            unicodedata.normalize("NFD", NAME),
            unicodedata.normalize("NFD", NAME).swapcase(),
            f"x{NAME}y",
            f"avatar-{ID}.png",
            f"user{ID}",
            f"https://cdn.example.org/{str(ID).upper()}/1.png",
            f"mailto:{EMAIL}",
            f"_{EMAIL}_",
            EMAIL.upper(),
            "\uff41nn.o+x@example.org",
            "STRASSE-12",
            quote(NAME),
            quote(NAME).lower(),
            quote(quote(EMAIL, safe=""), safe=""),
            quote(unicodedata.normalize("NFD", NAME)),
            json.dumps({"name": NAME}),
            json.dumps(json.dumps({"email": EMAIL})),
            "ann.o&#43;x&commat;example.org",
            in_base64(ID.binary),
            in_base64(ID.binary, url=True),
            f"avatar-{in_base64(ID.binary, url=True)}.png",
            in_base64(str(ID).encode()),
            in_base64(b"?" + EMAIL.upper().encode(), url=True),
            in_base64(NAME.encode(), url=True),
            f"eyJhbGciOiJub25lIn0.{in_base64(TOKEN, url=True)}.c2lnbmF0dXJl",
            base64.encodebytes(bytes(50) + EMAIL.encode() + bytes(50)).decode(),
            str(UUID).upper(),
            UUID.hex,
            f"id={NUMBER}",
            f"user{NUMBER}x",
            "V-1",
            in_base64(json.dumps({"name": NAME}).encode()),
            quote(in_base64(in_base64(EMAIL.encode()).encode())),
            in_base64(quote(EMAIL, safe="").encode()),
            json.dumps(json.dumps({"name": NAME})),
            "ann.o&amp;#43;x&amp;commat;example.org",
            quopri.encodestring(b"To: ann.o+x=\n" + NAME.encode()).decode(),
            "ann.o=2Bx=40example=\r\n.org",
            f"sha1-{EMAIL.encode().hex()}",
            f"0{EMAIL.upper().encode().hex().upper()}",
            "\u00d1and\u200b\u00fa\u00ad-77",
            "\u0130\u011eDIR1234",
            "I\u011eDIR1234",
            r"^ann\.o\+x@example\.org$",
            "^ann[.]o[+]x@example[.]org$",
            "ann-o-x-example-org.png",
            "ann.o+x&#64example&#46org",
            "%D1and%FA-77",
            "%u00D1and%u00FA-77",
            repr(NAME.encode()),
            "=c3=91and=c3=ba-77",
            "ann.o+x\u2066@example.org",
            '{"sub": 110169484474386270000}',
        )
    ),
    (Binary(EMAIL.upper().encode("utf-16")), "value"),
    (Binary(NAME.lower().encode("utf-16-be")), "value"),
    (Binary(NAME.upper().encode("utf-16-le")), "value"),
    (Binary(CYRILLIC.encode("utf-16-le")), "value"),
    (Binary(NAME.encode("latin-1")), "value"),
    (Binary(UUID.bytes[7::-1] + UUID.bytes[:7:-1], 3), "value"),
    (float(SUBJECT), "value"),
    (Decimal128(SUBJECT), "value"),
    (ID, "value"),
    (DBRef("users", ID), "value.$id"),
    (Binary(ID.binary, 128), "value"),
    (Binary(b"\0\1" + EMAIL.encode()), "value"),
    (Binary(UUID.bytes, 4), "value"),
    (Binary(UUID.bytes_le, 3), "value"),
    (1001, "value"),
    (Int64(1001), "value"),
    (1001.0, "value"),
    (Decimal128("1001"), "value"),
    (Regex(f"^{NAME}$"), "value"),
    (Code(f"find('{EMAIL}')"), "value"),
    (Code("x", {"a": {"b": NAME}}), "value.a.b"),
    ([0, {"a": [NAME]}], "value.1.a.0"),
    ({"a": {NAME.upper(): 1}}, "value.a.ÑANDÚ-77 (the key)"),
    ({f"avatar-{ID}": {"x": 1}}, f"value.avatar-{ID} (the key)"),
    ({quote(NAME): 1}, f"value.{quote(NAME)} (the key)"),
    ({"ann,o+x@example,org": 1}, "value.ann,o+x@example,org (the key)"),
]

NO_TRACES = [
    "v-12",
    "ev-1",
    "21001",
    10011,
    "somebody@example.org",
    str(ObjectId("507f1f77bcf86cd799439012")),
    "%%%&;\\u12&#x;=",
    "a" * 5000,
    None,
    True,
]


def test_a_name_is_found_in_whatever_form_it_stands(raw: Database) -> None:
    raw.other.insert_many([{"_id": n, "value": value} for n, (value, _) in enumerate(TRACES)])
    raw.others.insert_many([{"value": value} for value in NO_TRACES])
    raw.ids.insert_one({"_id": {"user": ID, "name": NAME}})
    broken = bson.encode({"_id": 1, "a": "abc", "value": NAME}).replace(b"abc", b"\xff\xfeb")
    raw.broken.insert_one(RawBSONDocument(broken))
    result = run(COMMAND, *NAMES, "--json")
    assert result.code == 1
    found = {
        (
            trace["collection"],
            trace["id"] if trace["collection"] == "other" else None,
            trace["path"],
        )
        for trace in result.json["traces"]
    }
    expected = {("other", n, path) for n, (_, path) in enumerate(TRACES)} | {
        ("ids", None, "_id.user"),
        ("ids", None, "_id.name"),
        ("broken", None, "value"),
    }
    assert expected - found == set()
    assert found - expected == set()


def test_a_field_that_is_there_twice_hides_nothing(raw: Database) -> None:
    first, second = bson.encode({"a": NAME})[4:-1], bson.encode({"a": 1})[4:-1]
    fields = first + second + b"\0"
    raw.other.insert_one(RawBSONDocument((len(fields) + 4).to_bytes(4, "little") + fields))
    (trace,) = run(COMMAND, NAME, "--json").json["traces"]
    assert (trace["collection"], trace["path"]) == ("other", "")


@pytest.fixture
def odd(raw: Database) -> list[str]:
    """Collections of every kind with a trace in each; a view shows one of them."""
    raw.create_collection("series", timeseries={"timeField": "t", "metaField": "meta"})
    raw.create_collection("capped", capped=True, size=2**20)
    raw.create_collection("clustered", clusteredIndex={"key": {"_id": 1}, "unique": True})
    raw.create_collection("collated", collation={"locale": "de", "strength": 1})
    raw.create_collection("shown", viewOn="capped", pipeline=[])
    names = ["a.b", "capped", "clustered", "collated", "series", "z-ж x"]
    for name in names:
        raw[name].insert_many(
            [{"_id": f"{n}", "t": ObjectId().generation_time, "meta": "x"} for n in range(2500)]
        )
        raw[name].insert_one({"_id": "x", "t": ObjectId().generation_time, "meta": NAME})
    return names


def test_names_of_collections_and_definitions_of_indexes_are_looked_at(raw: Database) -> None:
    raw[f"of {EMAIL}"].insert_one({})
    raw.other.create_index("a", name=NAME)
    raw.other.create_index(quote(EMAIL), name="b")
    raw.other.create_index("c", name="c", partialFilterExpression={"user": ID})
    raw.create_collection("shown", viewOn="other", pipeline=[{"$match": {"user": ID}}])
    raw.create_collection("checked", validator={"email": {"$ne": EMAIL}})
    traces = run(COMMAND, *NAMES, "--json").json["traces"]
    assert sorted((trace["collection"], trace["path"]) for trace in traces) == [
        ("checked", "validator.email.$ne (an option)"),
        (f"of {EMAIL}", "(the collection)"),
        ("other", f"key.{quote(EMAIL)} (the key) (index b)"),
        ("other", f"name (index {NAME})"),
        ("other", "partialFilterExpression.user (index c)"),
        ("system.views", "pipeline.0.$match.user"),
    ]


def test_odd_collections_end_nothing(raw: Database, odd: list[str]) -> None:
    result = run(COMMAND, NAME, "--json")
    assert (result.code, result.err) == (1, "CommandError: Traces were found.\n")
    assert sorted(trace["collection"] for trace in result.json["traces"]) == odd
    assert result.json["scanned"] >= len(odd) * 2501
    raw.series.drop()


def test_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    """Here a server that can be told so refuses each read of one collection."""
    server = Mongod(tmp_path / "mongod", parameters={"enableTestCommands": 1})
    with (
        override_settings(CHABAD_AUTH={"MONGODB_URI": server.start()}),
        closing(connection.get_database().client) as client,
    ):
        database = connection.get_database()
        for name in ("a", "b", "c"):
            database[name].insert_one({"value": NAME})
        refuse = {"failCommands": ["find"], "namespace": f"{database.name}.b", "errorCode": 13}
        client.admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=refuse)
        result = run(COMMAND, NAME, "--json")
        nothing = run(COMMAND, "nobody at all", "--json")
        connection.close()
    server.stop()
    places = [trace["collection"] for trace in result.json["traces"]]
    assert (result.code, places, result.json["unread"]) == (1, ["a", "c"], ["b"])
    assert (nothing.code, nothing.json["unread"], nothing.json["count"]) == (2, ["b"], 0)
    assert "b was not looked through" in nothing.err


def test_a_text_that_is_made_to_be_slow_or_to_fail_is_read_like_others() -> None:
    needles = Needles(["canary77"])
    digits = b"&#" + b"1" * 5000 + b";"
    assert not needles.are_in(digits)
    assert needles.are_in(digits + b"&#" + b"0" * 5000 + b"99;anary77")
    started = time.process_time()
    assert needles.are_in(b"%41" + b"\\" * 100_000 + rb"\u0063anary77")
    assert needles.are_in(("a" + "\u0301\u0316" * 60_000 + "canary77").encode())
    assert time.process_time() - started < 5


def test_nothing_is_no_name() -> None:
    for names in ([], [""], ["  "], ["\u200b"], ["ann@example.org", " "]):
        with pytest.raises(Exception, match="name"):
            Needles(names)
