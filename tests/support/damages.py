"""Files as they come out of accidents, and as somebody makes them who wants to do damage."""

import base64
import gzip
import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import bson
from bson import ObjectId

DEPTH = 100_000

Damage = Callable[[bytes, random.Random], bytes]


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def flip(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data)
    for position in chance.sample(range(len(data)), chance.choice([1, 1, 2, 10])):
        damaged[position] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def lose(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) - 1)
    return data[:start] + data[start + chance.randint(1, 2000) :]


def overwrite(data: bytes, chance: random.Random) -> bytes:
    start, junk = chance.randrange(len(data)), chance.randbytes(chance.randint(4, 600))
    return data[:start] + junk + data[start + len(junk) :]


def add(data: bytes, chance: random.Random) -> bytes:
    return data + chance.choice([b"\n", b"]", b"\0" * 100, data])


def lose_line(data: bytes, chance: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def double_line(data: bytes, chance: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    return b"".join(lines)


#: What happens to any file. (The last two may leave a file of one line as it was.)
ACCIDENTS: list[Damage] = [cut, flip, lose, overwrite, add, lose_line, double_line]

#: What stands for a document in an export whose checksum is right.
NO_DOCUMENTS: list[str] = [
    '"bson":1',
    '"bson":"!!"',
    '"bson":null',
    '"bson":""',
    f'"bson":"{base64.b64encode(b"%c%c%c%c" % (9, 0, 0, 0) + bytes(5)).decode()}"',
    f'"bson":"{base64.b64encode(bytes(range(256)) * 60_000).decode()}"',
    '"document":5',
    '"document":null',
    '"document":[]',
    '"document":{}',
    '"document":{"_id":{"$oid":1}}',
    '"document":{"_id":{"$oid":"x"}}',
    '"document":{"_id":1,"a":{"$date":[]}}',
    '"document":{"_id":1,"a":{"$date":{"$numberLong":"9" }}}',
    '"document":{"_id":1,"a":{"$numberDecimal":"x"}}',
    '"document":{"_id":1,"a":{"$binary":5}}',
    '"document":{"_id":1,"a":{"$uuid":"z"}}',
    '"document":{"_id":1,"a":{"$timestamp":{"t":-1,"i":"x"}}}',
    '"document":{"_id":1,"a":{"$regularExpression":5}}',
    '"document":{"_id":1,"a":{"$numberInt":"99999999999999999999"}}',
    '"document":{"_id":1,"a":1e999999}',
    f'"document":{{"_id":{"9" * 100_000}}}',
    '"document":{"_id":1,"a":"\\ud800"}',
    f'"document":{"[" * DEPTH}{"]" * DEPTH}',
    f'"document":{{"_id":1,"a":{"[" * DEPTH}{"]" * DEPTH}}}',
    '"document":' + '{"a":' * DEPTH + "1" + "}" * DEPTH,
    '"document":{"_id":1,"a":[' + "{}," * 2_000_000 + "1]}",
    '"document":{"_id":1,"a":[' + '{"a":{}},' * 300_000 + "1]}",
    '"documents":{"_id":1}',
]

COUNTS = ["[]", "null", '{"users":-1}', '{"users":"1"}', '{"users":1e9}', '{"x":{}}', "[" * DEPTH]

HEADERS = [
    '{"format":"chabad_auth_django.user","version":1,"documents":[',
    '{"format":"chabad_auth_django.user","version":1,"user":5,"documents":[',
    '{"format":"chabad_auth_django.user","version":"\\u001b[2J","user":"x","documents":[',
    '{"format":["chabad_auth_django.user"],"documents":[',
    "[" * DEPTH,
    '{"a":' * DEPTH,
]


def signed(header: bytes, lines: bytes, counts: str) -> bytes:
    """Return an export whose checksum is that of its lines, whatever these are."""
    body = header + lines
    return body + f'],"counts":{counts},"sha256":"{sha256(body)}"}}\n'.encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


#: Fields of documents that no server has stored.
UNSTORABLE = [
    '"_id":[1]',
    '"_id":{"$regularExpression":{"pattern":"a","options":""}}',
    '"_id":{"$a":1}',
    f'"_id":1,"x":{"[" * 180}1{"]" * 180}',
    '"_id":1,"x":' + '{"a":' * 180 + "1" + "}" * 180,
]


def forged(export: bytes) -> Iterator[bytes]:
    """Yield exports with a right checksum that are none."""
    header, user = export.splitlines(keepends=True)[:2]
    counts = '{"users":1,"activities":1}'
    for text in NO_DOCUMENTS:
        row = b',{"collection":"activities",' + text.encode() + b"}\n"
        yield signed(header, user + row, counts)
    owner = json.loads(user)["document"]["_id"]["$oid"]
    for stored in UNSTORABLE:
        text = f'"document":{{{stored},"userId":{{"$oid":"{owner}"}}}}'
        yield signed(header, user + f',{{"collection":"activities",{text}}}\n'.encode(), counts)
    large = bson.encode({"_id": 1, "userId": ObjectId(owner), "x": "x" * 2**24})
    text = f'"bson":"{base64.b64encode(large).decode()}"'
    yield signed(header, user + f',{{"collection":"activities",{text}}}\n'.encode(), counts)
    for row in (b"\n", b",\n", b"," + user, b'{"bson":1}\n', b"[" * DEPTH + b"\n", b"5\n"):
        yield signed(header, user + row, counts)
    for name in ("system.users", "sessions", "", "a" * 70_000):
        yield (
            signed(header, user, counts)
            if not name
            else signed(
                header,
                user + f',{{"collection":"{name}","document":{{"_id":1}}}}\n'.encode(),
                f'{{"users":1,"{name}":1}}',
            )
        )
    for text in COUNTS:
        yield signed(header, user, text)
    for text in HEADERS:
        yield signed(text.encode() + b"\n", user, '{"users":1}')


def put_odd_things(place: Path) -> Iterator[Path]:
    """Yield the place with one thing after the other in it that is no file to be read."""
    for put in (
        lambda: place.mkdir(),
        lambda: os.mkfifo(place),
        lambda: place.symlink_to(place),
        lambda: place.symlink_to(place.parent / "nowhere"),
        lambda: place.symlink_to("/dev/zero"),
        lambda: place.write_bytes(b""),
        lambda: place.write_bytes(b"\n"),
        lambda: place.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000)),
        lambda: place.write_bytes(gzip.compress(bytes(2**26))),
        lambda: place.write_bytes(b'{"format":"chabad_auth_django.user","version":1}\n'),
        lambda: _sparse(place, 2**30),
        lambda: None,
    ):
        put()
        yield place
        if place.is_dir() and not place.is_symlink():
            place.rmdir()
        else:
            place.unlink(missing_ok=True)


def bomb(size: int) -> bytes:
    """Return a gzip file that unpacks to as many bytes, in one line."""
    return gzip.compress(b'{"_id":"' + bytes([32]) * size)


def re_signed(manifest: bytes, events: bytes) -> bytes:
    """Return the manifest of an archive, made to say that these are its events."""
    fields = json.loads(manifest)
    return json.dumps({**fields, "bytes": len(events), "sha256": sha256(events)}).encode()


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)
