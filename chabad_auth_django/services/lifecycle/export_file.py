"""The file that holds everything about one user: one JSON object, a document on each line.

Documents are in canonical Extended JSON, or as their BSON bytes in Base64 where that would not
give the same bytes again. The last line has the counts and the checksum of all lines before it, so
half a file is never taken for a whole one. It is read and written line by line, in flat memory.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import bson
from bson import ObjectId, json_util
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.json_util import JSONMode, JSONOptions
from bson.raw_bson import RawBSONDocument

from chabad_auth_django.db.batches import RAW
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.fields import now
from chabad_auth_django.validators import to_object_id

FORMAT, VERSION = "chabad_auth_django.user", 1

#: Longer than a document of 16 MB can become.
MAX_LINE = 200 * 2**20

_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
)
_JSON: Any = JSONOptions(
    json_mode=JSONMode.CANONICAL,
    tz_aware=True,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
)


@dataclass(frozen=True)
class Content:
    """What a whole file holds."""

    user_id: ObjectId
    counts: dict[str, int]


class Writer:
    """Write the file; it is whole when ``close`` has returned."""

    def __init__(self, file: BinaryIO, *, user_id: ObjectId) -> None:
        self.counts: Counter[str] = Counter()
        self._file, self._user_id = file, user_id
        self._hash = hashlib.sha256()
        header = {
            "format": FORMAT,
            "version": VERSION,
            "user": str(user_id),
            "exportedAt": now().isoformat(timespec="milliseconds"),
        }
        self._write(_dump(header)[:-1] + b',"documents":[\n')

    def write(self, collection: str, document: bytes) -> None:
        """Write the BSON bytes of a document of the collection."""
        comma = b"," if self.counts else b""
        self._write(comma + _dump({"collection": collection, **_to_json(document)}) + b"\n")
        self.counts[collection] += 1

    def close(self) -> Content:
        """Write the end of the file; return what it holds."""
        end = {"counts": self.counts, "sha256": self._hash.hexdigest()}
        self._file.write(b"]," + _dump(end)[1:] + b"\n")
        self._file.flush()
        return Content(self._user_id, dict(self.counts))

    def _write(self, line: bytes) -> None:
        self._hash.update(line)
        self._file.write(line)


def read(file: BinaryIO) -> Iterator[tuple[str, RawBSONDocument]]:
    """Yield each document of a file that ``check`` has passed, with its collection."""
    file.seek(0)
    file.readline(MAX_LINE)
    while not (line := file.readline(MAX_LINE)).startswith(b"]"):
        yield _parse(line)


def check(file: BinaryIO) -> Content:
    """Return what the file says that it holds, without a look at the documents.

    Raises ``ValidationError`` unless it is whole and as it was written.
    """
    file.seek(0)
    digest = hashlib.sha256()
    line = file.readline(MAX_LINE)
    header = _load(line.rstrip() + b"]}")
    if header.get("format") != FORMAT:
        raise ValidationError("The file is not an export of a user.")
    if header.get("version") != VERSION:
        raise ValidationError(
            f"The file has version {header.get('version')}, and only {VERSION} can be read here."
        )
    while line and not line.startswith(b"]"):
        digest.update(line)
        line = file.readline(MAX_LINE)
    end = _load(b'{"documents":[' + line) if line.endswith(b"\n") else {}
    if end.get("sha256") != digest.hexdigest() or file.read(1):
        raise damaged()
    if not isinstance(end.get("counts"), dict):
        raise damaged()
    return Content(to_object_id(header.get("user")), end["counts"])


def damaged() -> ValidationError:
    """Return the error for a file that is not as it was written."""
    return ValidationError("The file is damaged or incomplete: export the user again.")


def _to_json(document: bytes) -> dict[str, Any]:
    # A text that is none cannot be decoded.
    with suppress(bson.errors.InvalidBSON):
        plain = json.loads(json_util.dumps(bson.decode(document, _CODEC), json_options=_JSON))
        if _to_bson(plain) == document:
            return {"document": plain}
    return {"bson": base64.b64encode(document).decode()}


def _to_bson(plain: Any) -> bytes | None:
    try:
        return bson.encode(json_util.loads(json.dumps(plain), json_options=_JSON), False, _CODEC)
    except (bson.errors.BSONError, TypeError, ValueError, OverflowError):
        return None


def _parse(line: bytes) -> tuple[str, RawBSONDocument]:
    row = _load(line.removeprefix(b","))
    document = base64.b64decode(row["bson"]) if "bson" in row else _to_bson(row.get("document"))
    if document is None or "collection" not in row:
        raise damaged()
    return row["collection"], RawBSONDocument(document, RAW)


def _load(line: bytes) -> dict[str, Any]:
    try:
        loaded = json.loads(line)
    except ValueError:
        raise damaged() from None
    if not isinstance(loaded, dict):
        raise damaged()
    return loaded


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
