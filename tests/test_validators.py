import time
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import bson
import pytest
from bson import Binary, DBRef, Int64, ObjectId, Regex
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st
from pymongo.database import Database
from support.cases import each

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.validators import (
    email_spellings,
    normalize_email,
    to_object_id,
    validate_email_address,
    validate_http_url,
    validate_json,
    validate_key,
    validate_name,
    validate_text,
)


def nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


ACCEPTED: list[Any] = [
    None,
    True,
    0,
    -(2**63),
    2**63 - 1,
    Int64(5),
    -0.0,
    1.7e308,
    "",
    "$a.b\0",
    "🕎",
    [],
    {},
    (),
    {"a": [{"b": {}}]},
    {"a$": 1, " ": 2, "_id": 3, "__v": 4, "0": 5, "é" * 500: 6},
    datetime(2024, 1, 1),
    datetime(2024, 1, 1, tzinfo=UTC),
    ObjectId("0" * 24),
    nested(20),
    dict.fromkeys(map(str, range(1000))),
]

REFUSED: list[Any] = [
    float("nan"),
    float("inf"),
    float("-inf"),
    2**63,
    -(2**63) - 1,
    "\ud800",
    {"\udfff": 1},
    {"$a": 1},
    {"a": {"$gt": ""}},
    {"a.b": 1},
    {".": 1},
    {"a\0": 1},
    {"": 1},
    {"_cls": "User"},
    {"_ref": 1},
    [{"a": [{"_cls": 1}]}],
    {1: 1},
    {None: 1},
    {b"a": 1},
    {("a",): 1},
    b"bytes",
    Binary(b"x"),
    uuid.uuid4(),
    Decimal(1),
    {1, 2},
    1j,
    object(),
    date(2024, 1, 1),
    timedelta(1),
    Regex("a"),
    DBRef("users", 1),
    nested(21),
    nested(100_000),
    endless(),
    dict.fromkeys(map(str, range(1001))),
    [dict.fromkeys(map(str, range(501)))] * 2,
    datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
]


@each("value", ACCEPTED, ids=lambda value: ascii(value)[:40])
def test_a_json_value_that_is_safe_is_accepted(value: Any) -> None:
    validate_json(value, max_bytes=10_000)


@each("value", REFUSED, ids=lambda value: type(value).__name__)
@each("place", [lambda value: value, lambda value: {"a": [value]}])
def test_a_json_value_that_is_unsafe_is_refused(value: Any, place: Any) -> None:
    with pytest.raises(ValidationError):
        validate_json(place(value), max_bytes=1_000_000)


@each("value", [None, 1, "x", "é", {}, {"a": 1}, [1, 2], datetime(2024, 1, 1)], ids=str)
def test_the_limit_in_bytes_is_what_the_value_takes_in_bson(value: Any) -> None:
    size = len(bson.encode({"": value})) - len(bson.encode({"": None}))
    validate_json(value, max_bytes=size)
    if size:
        with pytest.raises(ValidationError):
            validate_json(value, max_bytes=size - 1)


@each(
    ("setting", "value"), [("JSON_MAX_DEPTH", nested(3)), ("JSON_MAX_KEYS", {"a": {"b": {"c": 1}}})]
)
def test_depth_and_keys_are_settings(setting: str, value: Any) -> None:
    with override_settings(CHABAD_AUTH={setting: 3}):
        validate_json(value, max_bytes=1000)
    with override_settings(CHABAD_AUTH={setting: 2}), pytest.raises(ValidationError):
        validate_json(value, max_bytes=1000)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats()
    | st.text()
    | st.text(alphabet=st.characters())
    | st.binary()
    | st.datetimes(timezones=st.none() | st.timezones()),
    lambda children: (
        st.lists(children, max_size=5)
        | st.dictionaries(st.text() | st.sampled_from(["$a", "a.b", "_cls", ""]), children)
    ),
)


@given(anything)
def test_what_is_accepted_can_be_encoded_and_nothing_else_is_raised(value: Any) -> None:
    try:
        validate_json(value, max_bytes=100_000)
    except ValidationError:
        return
    bson.encode({"value": value}, check_keys=True)


def test_what_is_accepted_is_stored_and_read_back(raw: Database) -> None:
    values = [value for value in ACCEPTED if not isinstance(value, (tuple, datetime))]
    raw.scratch.insert_one({"values": values})
    assert raw.scratch.find_one()["values"] == values


ID = ObjectId("0123456789abcdef01234567")


@each("value", [ID, str(ID), str(ID).upper()])
def test_an_id_in_either_form_is_an_object_id(value: Any) -> None:
    assert to_object_id(value) == ID


@each(
    "value",
    [
        None,
        "",
        0,
        True,
        b"0123456789ab",
        ID.binary,
        "0123456789ab",
        "x" * 24,
        "ab " * 8,
        "１" * 24,
        f"{ID} ",
        f"{ID}"[:-1] + "\n",
        "0x" + f"{ID}"[2:],
        {"$gt": ""},
        [str(ID)],
    ],
    ids=ascii,
)
def test_anything_else_is_no_id(value: Any) -> None:
    with pytest.raises(ValidationError):
        to_object_id(value)


@each("key", ["a", "a$", "_id", "__v", "é", " ", "0", "x" * 1000])
def test_a_key_that_is_safe_is_returned(key: str) -> None:
    assert validate_key(key) == key


@each(
    "key",
    ["", "$", "$a", "a.b", "a\0b", "_cls", "_ref", "\ud800", None, 5, b"a", {"a": 1}],
    ids=ascii,
)
def test_a_key_that_is_unsafe_is_refused(key: Any) -> None:
    with pytest.raises(ValidationError):
        validate_key(key)


@each("name", ["a", "a.b", "$a", "Привет", "x" * 255, " "])
def test_a_name_is_returned(name: str) -> None:
    assert validate_name(name) == name


@each(
    "name",
    ["", "x" * 256, "a\n", "\0", "\x7f", "\ud800", None, 5, b"a", ["a"], {"$gt": ""}],
    ids=ascii,
)
def test_a_name_that_breaks_a_rule_is_refused(name: Any) -> None:
    with pytest.raises(ValidationError):
        validate_name(name)


def test_the_length_of_a_name_may_be_limited_further() -> None:
    assert validate_name("abc", max_length=3) == "abc"
    with pytest.raises(ValidationError):
        validate_name("abcd", max_length=3)


@each("value", ["", "a\n", "🕎"])
def test_text_is_returned(value: str) -> None:
    assert validate_text(value) == value


@each("value", [None, 5, b"a", ["a"], {"$gt": ""}, "\ud800"], ids=ascii)
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        validate_text(value)


@each("url", ["https://x.org", "http://localhost:8000/a?b#c", "https://é.org/"])
def test_an_http_url_is_accepted(url: str) -> None:
    validate_http_url(url)


@each(
    "url",
    ["javascript:alert(1)", "x.org", "https://", "https://x.org/\0", "https://x.org/\ud800", "", 5],
    ids=ascii,
)
def test_anything_else_is_no_http_url(url: Any) -> None:
    with pytest.raises(ValidationError):
        validate_http_url(url)


ADDRESSES = st.one_of(
    st.emails(),
    st.text(max_size=30).map(lambda text: f"{text}@example.org"),
    st.text(max_size=30).map(lambda text: f"ann@{text}.gr"),
    st.text("\u0390\u1fd3\u03b9\u0308\u0301\u03a3\u03c2\u00df\u1e9e\u0130.@Xx-n", max_size=20),
)


@given(ADDRESSES)
@example("ann@\u03c0\u03c1\u03c9\u03c4\u03b5\u0390\u03bd\u03b7.gr".upper())
@example("\u0390nn@example.org".upper())
@example("\u00a8ann@example.org")
def test_normalising_an_email_address_again_changes_nothing(value: str) -> None:
    email = normalize_email(value)
    assert normalize_email(email) == email
    assert email_spellings(value)[0] == email


@each(
    ("spellings", "email"),
    [
        (["ann@M\u00dcNCHEN.de", "ann@mu\u0308nchen.de."], "ann@xn--mnchen-3ya.de"),
        (["ann@XN--mnchen-3YA.DE", "ann@m\u00fcnchen\u3002de"], "ann@xn--mnchen-3ya.de"),
        (
            [
                text
                for word in ("ann@\u03c0\u03c1\u03c9\u03c4\u03b5\u0390\u03bd\u03b7.gr",)
                for text in (word, word.upper(), word.upper().lower())
            ],
            "ann@xn--owa7ehxmgv3b.gr",
        ),
        (["ann@stra\u00dfe.de", "ann@STRA\u1e9eE.DE"], "ann@xn--strae-oqa.de"),
        (["ann@strasse.de", "ann@STRASSE.de"], "ann@strasse.de"),
        (["Ann+Tag.x@Example.org", "ann+tag.x@example.org."], "ann+tag.x@example.org"),
        (['"A b"@example.org'], '"a b"@example.org'),
        (["ann@Under_score.org"], "ann@under_score.org"),
        (["ann@ab--cd.org"], "ann@ab--cd.org"),
        (["ann@[127.0.0.1]"], "ann@[127.0.0.1]"),
        (["ann@\u2603.NET"], "ann@\u2603.net"),
        ([f"ann@{'ü' * 60}.DE"], f"ann@{'ü' * 60}.de"),
        (["Ann"], "ann"),
        (["a@b@M\u00fcnchen.de"], "a@b@xn--mnchen-3ya.de"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_all_spellings_of_a_mailbox_have_one_normal_form(spellings: list[str], email: str) -> None:
    assert {normalize_email(text) for text in spellings} == {email}


@each("given", ["Ann@M\u00dcNCHEN.de", "ann@xn--mnchen-3ya.de", "ann@mu\u0308nchen.de"], ids=ascii)
def test_the_spellings_of_a_mailbox_are_those_that_other_programs_store(given: str) -> None:
    spellings = email_spellings(given)
    expected = {"ann@xn--mnchen-3ya.de", "ann@m\u00fcnchen.de", "ann@mu\u0308nchen.de"}
    expected |= {given, given.lower()}
    assert set(spellings) == expected
    assert len(spellings) == len(expected)
    assert email_spellings("ann@example.org") == ["ann@example.org"]


@each("email", ["ann@\u2603.net", f"ann@{'ü' * 60}.de"], ids=ascii)
def test_a_domain_that_has_no_ascii_form_is_refused(email: str) -> None:
    with pytest.raises(ValidationError):
        validate_email_address(email)


@each(
    "email",
    [
        "a" + "\u0301\u0323" * 500_000,
        "\ufdfa" * 1_000_000,
        "ann@" + "\u00fc." * 500_000,
        " " * 1_000_000,
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_long_email_address_costs_no_time(email: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ValidationError):
        normalize_email(email)
    for text in (email[:320], f"ann@{email[1:317]}"):
        normalize_email(text)
    # More than linear, it would be minutes.
    assert time.perf_counter() - start < 5


@each(
    "character",
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180e\u200b\u200c\u200d\u200e\u2060\u2800"
    "\u3164\ufe00\ufe0f\ufeff\uffa0\U000e0100",
    ids=ascii,
)
def test_an_email_address_with_an_invisible_character_is_refused(character: str) -> None:
    for email in (f"a{character}nn@example.org", f"ann@exam{character}ple.org"):
        for text in (email, normalize_email(email)):
            with pytest.raises(ValidationError):
                validate_email_address(text)
    with pytest.raises(ValidationError):
        validate_email_address("adm\u0131n@example.org")
