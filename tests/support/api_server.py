"""The API in a process of its own, which can be told where to die: ``python -m`` this module.

It prints its port, and kills itself with ``kill -9`` after the first successful command of the
name in the environment's ``DIE_AFTER``: without a word to anybody, MongoDB's driver included.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from pymongo.monitoring import CommandListener

TESTS = Path(__file__).parent.parent


@contextmanager
def api_server(uri: str, **environment: str) -> Iterator[HTTPConnection]:
    """Run the API on the database; yield a connection to it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "support.api_server"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
            "DJANGO_SETTINGS_MODULE": "support.settings",
            "MONGODB_URI": uri,
            **environment,
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        client = HTTPConnection("127.0.0.1", int(process.stdout.readline()), timeout=30)
        yield client
        client.close()
    finally:
        process.kill()
        process.communicate()


class DieAfter(CommandListener):
    """End the process when a command has succeeded."""

    def started(self, event: Any) -> None:
        pass

    def succeeded(self, event: Any) -> None:
        if event.command_name == os.environ.get("DIE_AFTER"):
            os.kill(os.getpid(), signal.SIGKILL)

    def failed(self, event: Any) -> None:
        pass


class Quiet(WSGIRequestHandler):
    """Log nothing."""

    def log_message(self, *args: Any) -> None:
        pass


def main() -> None:
    settings.CHABAD_AUTH = {"MONGODB_OPTIONS": {"event_listeners": [DieAfter()]}}
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    django.setup()
    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet) as server:
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
