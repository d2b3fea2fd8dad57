"""The file that holds everything about one user: one JSON object, a document on each line.

Documents are in canonical Extended JSON, or as their BSON bytes in Base64 where that would not
give the same bytes again. The last line has the counts and the checksum of all lines before it, so
an incomplete file is recognized. It is read and written line by line, in flat memory,
however it may have been damaged.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from bson import ObjectId, Regex, Timestamp
from bson.raw_bson import RawBSONDocument

from chabad_auth_django.db import extended_json
from chabad_auth_django.db.batches import RAW
from chabad_auth_django.db.damaged import StoredDocument, depth
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.fields import now
from chabad_auth_django.validators import to_object_id

FORMAT, VERSION = "chabad_auth_django.user", 1

#: The longest of the lines that hold no document.
MAX_SHORT_LINE = 64 * 1024

#: What MongoDB stores: the most bytes, and levels of values.
MAX_BYTES, MAX_DEPTH = 16 * 2**20, 180


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
        comma = "," if self.counts else ""
        text = extended_json.dump(document)
        end = f'"document":{text}}}' if text else extended_json.dump_base64(document)[1:]
        self._write(f'{comma}{{"collection":{json.dumps(collection)},{end}\n'.encode())
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
    file.readline(MAX_SHORT_LINE)
    while not (line := file.readline(extended_json.MAX_LINE + 1)).startswith(b"]"):
        yield _parse(line)


def check(file: BinaryIO) -> Content:
    """Return what the file says that it holds, without a look at the documents.

    Raises ``ValidationError`` unless it is whole and as it was written.
    """
    file.seek(0)
    digest = hashlib.sha256()
    line = file.readline(MAX_SHORT_LINE)
    user_id = check_first_line(line)
    is_start = True
    while line and not (is_start and line.startswith(b"]")):
        digest.update(line)
        is_start = line.endswith(b"\n")
        line = file.readline(MAX_SHORT_LINE)
    end = _load(b'{"documents":[' + line) if line.endswith(b"\n") else {}
    if end.get("sha256") != digest.hexdigest() or file.read(1):
        raise damaged()
    counts = end.get("counts")
    if not isinstance(counts, dict) or not all(type(count) is int for count in counts.values()):
        raise damaged()
    return Content(user_id, counts)


def check_first_line(line: bytes) -> ObjectId:
    """Return whose export begins so; raise ``ValidationError`` if none does."""
    header = _load(line.rstrip() + b"]}")
    if header.get("format") != FORMAT:
        raise ValidationError("The file is not an export of a user.")
    if header.get("version") != VERSION:
        raise ValidationError(f"The file has another version than {VERSION}.")
    return to_object_id(header.get("user"))


def damaged() -> ValidationError:
    """Return the error for a file that is not as it was written."""
    return ValidationError("The file is damaged or incomplete: export the user again.")


def _parse(line: bytes) -> tuple[str, RawBSONDocument]:
    try:
        row = extended_json.load(line)
        if "bson" in row:
            document = extended_json.decode_base64(row["bson"])
        else:
            document = extended_json.encode(row["document"])
        parsed = str(row["collection"]), StoredDocument(document, RAW)
        if not _is_storable(parsed[1]):
            raise ValueError("No server has stored such a document.")
    except (LookupError, TypeError, ValueError):
        raise damaged() from None
    if any(value == Timestamp(0, 0) for value in parsed[1].values()):
        raise ValidationError(
            "A document of the file has an empty BSON timestamp, in whose place MongoDB would "
            "store its own time."
        )
    return parsed


def _is_storable(document: RawBSONDocument) -> bool:
    data = bytes(document.raw)
    if "_id" not in document or len(data) > MAX_BYTES:
        return False
    id = document["_id"]
    if isinstance(id, list | Regex):
        return False
    if isinstance(id, Mapping) and any(name.startswith("$") for name in id):
        return False
    # Few have as many bytes that may begin an object or array.
    begins = data.count(b"\3") + data.count(b"\4")
    return begins < MAX_DEPTH or depth(data) <= MAX_DEPTH


def _load(line: bytes) -> dict[str, Any]:
    try:
        loaded = json.loads(line)
    except (ValueError, RecursionError):
        raise damaged() from None
    if not isinstance(loaded, dict):
        raise damaged()
    return loaded


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
