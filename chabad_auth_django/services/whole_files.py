"""Writing files that appear only when they are complete, and overwrite nothing unasked."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import BinaryIO

from chabad_auth_django.exceptions import FileThere


@contextmanager
def create(path: Path, *, replace: bool = False) -> Iterator[tuple[BinaryIO, Path]]:
    """Yield an open file, and its name until the block has ended; then it has the given name.

    Only its owner may read it. What an error or a kill leaves half written never has the name.
    Raises ``FileThere`` where that is taken, by an older file or by one that was written during the
    block; ``replace`` puts the new file in the place of a file, but of nothing else.
    """
    check(path, replace=replace)
    descriptor, name = tempfile.mkstemp(prefix=_prefix(path), suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, part
            file.flush()
            os.fsync(file.fileno())
        check(path, replace=replace)
        if replace:
            part.replace(path)
        else:
            _give_new_name(part, path)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def remove(path: Path) -> None:
    """Delete the file, and what was written of it under other names."""
    for part in path.parent.glob(f"{escape(_prefix(path))}*.part"):
        part.unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _prefix(path: Path) -> str:
    # The name of the unfinished file must not get too long.
    return f".{path.name[:50]}."


def check(path: Path, *, replace: bool = False) -> None:
    """Raise what ``create`` would where the name is taken, or its folder is none."""
    if not path.parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent))
    if path.exists() and not path.is_file():
        raise FileThere(f"{path} is no file that could be replaced.")
    if os.path.lexists(path) and not replace:
        raise _there(path)


def _there(path: Path) -> FileThere:
    return FileThere(f"{path} exists and was left as it is. --force replaces it.")


def _give_new_name(part: Path, path: Path) -> None:
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise _there(path) from None
    except OSError:
        # Some file systems have no links. There, only a file of that very moment is replaced.
        part.replace(path)


def _sync_folder(folder: Path) -> None:
    # Without it a power cut could take the names back. Windows cannot, and need not.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
