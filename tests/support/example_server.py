"""A Django project served by ``runserver``, a process of its own on a port of its own."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from support.processes import python_path

from chabad_auth_django.contrib.embedded.probe import free_port

MANAGE = Path(__file__).resolve().parents[2] / "example_project" / "manage.py"

#: Seconds until it must answer.
START_TIMEOUT = 120


@contextmanager
def example_server(
    uri: str, data_dir: Path, *, port: int | None = None, **environment: str
) -> Iterator[str]:
    """Serve the example project on the database; yield the address.

    It takes the tokens that the tests sign and any number of sign-ins; every warning is an error.
    """
    defaults = {
        "MONGODB_URI": uri,
        "EXAMPLE_DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "support.unthrottled_settings",
        "DJANGO_SECRET_KEY": settings.SECRET_KEY,
    }
    with serve(defaults | environment, data_dir / "server.log", port=port) as address:
        yield address


@contextmanager
def serve(
    environment: Mapping[str, str], log_file: Path, *, port: int | None = None, prepare: str = ""
) -> Iterator[str]:
    """Serve the project of the settings module; yield the address.

    ``prepare`` is code that the project runs before, with its tables.
    """
    environment = {**os.environ, "PYTHONPATH": python_path(), **environment}
    manage = [sys.executable, "-W", "error", str(MANAGE)]
    # Without its tables a session cookie would be 503.
    subprocess.run([*manage, "migrate", "-v0"], env=environment, check=True)
    if prepare:
        subprocess.run([*manage, "shell", "-v0", "-c", prepare], env=environment, check=True)
    address = f"127.0.0.1:{port or free_port()}"
    with log_file.open("w+") as log:
        process = subprocess.Popen(
            [*manage, "runserver", "--noreload", address], env=environment, stdout=log, stderr=log
        )
        try:
            _wait_for(f"http://{address}/", process)
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait()
            log.seek(0)
            # What pytest shows of a test that fails.
            sys.stderr.write(log.read()[-2_000:])


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as answer:
            answer.close()
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
            continue
        return
