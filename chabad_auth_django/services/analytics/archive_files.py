"""An archive: a gzip file with an event in Extended JSON on each line, and its manifest."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import bson
from bson import json_util
from bson.raw_bson import RawBSONDocument

from chabad_auth_django.exceptions import ArchiveError
from chabad_auth_django.services.analytics.ledger import CODEC

VERSION = 1

#: What the name of a file with events ends in.
SUFFIX = ".jsonl.gz"

_CANONICAL = json_util.JSONOptions(
    json_mode=json_util.JSONMode.CANONICAL,
    tz_aware=True,
    datetime_conversion=CODEC.datetime_conversion,
)


@dataclass(frozen=True)
class Manifest:
    """What the file must be: ``sha256`` is of the file, ``content_sha256`` of the events' BSON."""

    name: str
    month: str
    events: int
    first: str
    last: str
    bytes: int
    sha256: str
    content_sha256: str
    version: int = VERSION


def write(folder: Path, *, name: str, month: str, events: Iterable[RawBSONDocument]) -> Manifest:
    """Write an archive and read it back; return its manifest.

    The files have their names only when they are whole and on the disk. Raises ``ArchiveError``
    when reading does not give exactly the events that were written, and ``OSError``.
    """
    part = folder / f".{name}.part"
    content, count, first, last = hashlib.sha256(), 0, "", ""
    with part.open("wb") as file, gzip.open(file, "wb") as lines:
        for event in events:
            try:
                document = bson.decode(event.raw, CODEC)
            except bson.errors.InvalidBSON as error:
                message = f"The event {event['_id']} holds a text that is none: mend or delete it."
                raise ArchiveError(message) from error
            lines.write(json_util.dumps(document, json_options=_CANONICAL).encode() + b"\n")
            content.update(event.raw)
            last = _iso(document["timestamp"])
            first, count = first or last, count + 1
        lines.close()
        file.flush()
        os.fsync(file.fileno())
    manifest = Manifest(
        name=name,
        month=month,
        events=count,
        first=first,
        last=last,
        bytes=part.stat().st_size,
        sha256=_file_hash(part),
        content_sha256=content.hexdigest(),
    )
    _verify(part, manifest)
    part.rename(events_path(folder, name))
    text = json.dumps(asdict(manifest), indent=2) + "\n"
    unnamed = folder / f".{name}.json.part"
    with unnamed.open("w", encoding="utf-8") as output:
        output.write(text)
        output.flush()
        os.fsync(output.fileno())
    unnamed.rename(manifest_path(folder, name))
    _sync_folder(folder)
    return manifest


def verify(folder: Path, name: str) -> Manifest:
    """Return the manifest of an archive; raise ``ArchiveError`` unless every byte is as it says."""
    try:
        manifest = Manifest(**json.loads(manifest_path(folder, name).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ArchiveError(f"{manifest_path(folder, name)} is missing.") from None
    except (ValueError, TypeError):
        raise ArchiveError(f"{manifest_path(folder, name)} is damaged.") from None
    path = events_path(folder, name)
    if not path.exists():
        raise ArchiveError(f"{path} is missing.")
    if path.stat().st_size != manifest.bytes or _file_hash(path) != manifest.sha256:
        raise ArchiveError(f"{path} is not the file that was written: its checksum differs.")
    _verify(path, manifest)
    return manifest


def read(folder: Path, name: str, *, skip: int = 0) -> Iterator[bytes]:
    """Yield the events of an archive as BSON, in order, without the first ``skip``."""
    for number, line in enumerate(_lines(events_path(folder, name))):
        if number >= skip:
            yield _decode(line)


def remove(folder: Path, name: str) -> None:
    """Delete what was written of an archive, whether it is whole or not."""
    for path in (
        folder / f".{name}.part",
        folder / f".{name}.json.part",
        manifest_path(folder, name),
        events_path(folder, name),
    ):
        path.unlink(missing_ok=True)


def events_path(folder: Path, name: str) -> Path:
    """Return where the events are."""
    return folder / f"{name}{SUFFIX}"


def manifest_path(folder: Path, name: str) -> Path:
    """Return where the manifest is."""
    return folder / f"{name}.json"


def _verify(path: Path, manifest: Manifest) -> None:
    content, count = hashlib.sha256(), 0
    try:
        for line in _lines(path):
            content.update(_decode(line))
            count += 1
    except (OSError, EOFError, ValueError, bson.errors.BSONError) as error:
        raise ArchiveError(f"{path} cannot be read: {type(error).__name__}.") from error
    if (count, content.hexdigest()) != (manifest.events, manifest.content_sha256):
        raise ArchiveError(f"{path} does not hold exactly the events that were archived.")


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as lines:
        yield from lines


def _decode(line: bytes) -> bytes:
    document: Mapping[str, Any] = json_util.loads(line, json_options=_CANONICAL)
    return bson.encode(document, codec_options=CODEC)


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sync_folder(folder: Path) -> None:
    # Without it a power cut could take the names back. Windows cannot, and need not.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
