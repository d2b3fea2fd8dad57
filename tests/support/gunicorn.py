"""The example project in production: gunicorn with two workers, a process of its own."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from chabad_auth_django.contrib.embedded.probe import free_port

ROOT = Path(__file__).resolve().parents[2]

EXAMPLE = ROOT / "example_project"

WORKERS, THREADS = 2, 8

#: Seconds until it must answer.
START_TIMEOUT = 120


@dataclass(frozen=True)
class Gunicorn:
    """A server that runs."""

    port: int
    pid: int
    log: Path

    def workers(self) -> set[int]:
        """Return the process ids of the workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return {int(pid) for pid in children.split()}


@contextmanager
def gunicorn(uri: str, folder: Path, **environment: str) -> Iterator[Gunicorn]:
    """Serve the example project on the database; it takes the tokens that the tests sign."""
    port = free_port()
    log = folder / "gunicorn.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}"),
                *("--workers", str(WORKERS), "--threads", str(THREADS)),
            ],
            cwd=EXAMPLE,
            env={
                **os.environ,
                # Its control socket lies there.
                "HOME": str(folder),
                "MONGODB_URI": uri,
                "EXAMPLE_DATA_DIR": str(folder),
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "DJANGO_DEBUG": "0",
                "DJANGO_SECRET_KEY": settings.SECRET_KEY,
                "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
                **environment,
            },
            stdout=output,
            stderr=output,
        )
        try:
            _wait_for(port, process)
            yield Gunicorn(port, process.pid, log)
        finally:
            process.terminate()
            process.wait()
            # What pytest shows of a test that fails.
            sys.stderr.write(log.read_text()[-3_000:])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    # What a proxy in front says: the client came by TLS.
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/health/live/", headers={"X-Forwarded-Proto": "https"}
    )
    while True:
        try:
            urllib.request.urlopen(request, timeout=5).close()
            return
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
