"""An archive: a gzip file with an event in Extended JSON on each line, and its manifest.

An event that Extended JSON would not give back byte by byte is in Base64, as ``{"bson": …}``.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bson.raw_bson import RawBSONDocument

from chabad_auth_django.db import extended_json
from chabad_auth_django.exceptions import ArchiveError
from chabad_auth_django.services import whole_files

VERSION = 1

#: The ending of the name of a file with events.
SUFFIX = ".jsonl.gz"

#: No manifest has as many bytes.
MAX_MANIFEST = 64 * 1024


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
    content, count, first, last = hashlib.sha256(), 0, "", ""
    with whole_files.create(events_path(folder, name)) as (file, part):
        with gzip.open(file, "wb") as lines:
            for event in events:
                lines.write(_encode(bytes(event.raw)))
                content.update(event.raw)
                last = event["timestamp"].isoformat(timespec="milliseconds")
                last = last.replace("+00:00", "Z")
                first, count = first or last, count + 1
        file.flush()
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
    with whole_files.create(manifest_path(folder, name)) as (file, _):
        file.write(json.dumps(asdict(manifest), indent=2).encode() + b"\n")
    return manifest


def verify(folder: Path, name: str, *, expected: Mapping[str, Any] | None = None) -> Manifest:
    """Return the manifest of an archive; raise ``ArchiveError`` unless every byte is as it says.

    With the fields of the manifest that it had when it was written, another one is refused unread.
    """
    manifest = _read_manifest(manifest_path(folder, name))
    path = events_path(folder, name)
    if expected is not None and asdict(manifest) != expected:
        raise ArchiveError(f"{path} is not the archive of this database.")
    _require_file(path)
    if path.stat().st_size != manifest.bytes or _file_hash(path) != manifest.sha256:
        raise ArchiveError(f"{path} is not the file that was written: its checksum differs.")
    _verify(path, manifest)
    return manifest


def read(folder: Path, name: str, *, skip: int = 0) -> Iterator[bytes]:
    """Yield the events of an archive as BSON, in order, without the first ``skip``."""
    path = events_path(folder, name)
    with _reading(path):
        for number, line in enumerate(_lines(path)):
            if number >= skip:
                yield _decode(line)


def check_names(folder: Path, name: str) -> None:
    """Raise ``FileThere`` where there is something of that name already."""
    for path in _paths(folder, name):
        whole_files.check(path)


def remove(folder: Path, name: str) -> None:
    """Delete what was written of an archive, whether it is whole or not."""
    for path in _paths(folder, name):
        whole_files.remove(path)


def events_path(folder: Path, name: str) -> Path:
    """Return where the events are."""
    return folder / f"{name}{SUFFIX}"


def manifest_path(folder: Path, name: str) -> Path:
    """Return where the manifest is."""
    return folder / f"{name}.json"


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return manifest_path(folder, name), events_path(folder, name)


def _read_manifest(path: Path) -> Manifest:
    _require_file(path)
    with path.open("rb") as file:
        text = file.read(MAX_MANIFEST)
    try:
        return Manifest(**json.loads(text))
    except (ValueError, TypeError, RecursionError):
        raise ArchiveError(f"{path} is damaged.") from None


def _require_file(path: Path) -> None:
    if not path.exists():
        raise ArchiveError(f"{path} is missing.")
    # Reading a pipe might wait for ever.
    if not path.is_file():
        raise ArchiveError(f"{path} is no file.")


def _verify(path: Path, manifest: Manifest) -> None:
    content, count = hashlib.sha256(), 0
    with _reading(path):
        for line in _lines(path):
            content.update(_decode(line))
            count += 1
    if (count, content.hexdigest()) != (manifest.events, manifest.content_sha256):
        raise ArchiveError(f"{path} does not hold exactly the events that were archived.")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ArchiveError(f"{path} cannot be read: {type(error).__name__}.") from error


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as lines:
        while line := lines.readline(extended_json.MAX_LINE + 1):
            yield line


def _encode(event: bytes) -> bytes:
    return (extended_json.dump(event) or extended_json.dump_base64(event)).encode() + b"\n"


def _decode(line: bytes) -> bytes:
    loaded = extended_json.load(line)
    # Each document that is stored begins with its id.
    if isinstance(loaded, dict) and list(loaded) == ["bson"]:
        return extended_json.decode_base64(loaded["bson"])
    return extended_json.encode(loaded)


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
