"""``manage.py chabad_mongod``: start, stop or describe the embedded server."""

import os
from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.contrib.embedded.errors import EmbeddedMongoError
from chabad_auth_django.contrib.embedded.folder import DataFolder
from chabad_auth_django.contrib.embedded.lifetime import resign
from chabad_auth_django.contrib.embedded.server import Mongod, Status
from chabad_auth_django.management.base import Found, NotDone, OperatorCommand
from chabad_auth_django.management.output import Table


class Command(OperatorCommand):
    help = "Start the embedded MongoDB server and keep it, stop it, or show its status."
    requires_system_checks = []
    exit_statuses = {0: "done", 1: "status found no server that runs"}
    json_keys = {
        "running": "whether it runs",
        "stopped": "whether this command stopped it",
        "keep": "whether it stays until chabad_mongod stop",
        "uri": "where it listens; null: it does not run",
        "pid": "its process",
        "data_dir": "the folder of its data",
        "version": "of MongoDB",
        "size": "of the data, in bytes",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status"], help="what to do")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        folder = DataFolder.from_settings()
        # Else this process would stop, at its exit, a server that waits for its next user.
        resign(folder)
        server = Mongod(folder.path)
        try:
            if action == "start":
                if os.environ.get("MONGODB_URI"):
                    raise NotDone(
                        "MONGODB_URI is set, so nobody would use this server: unset it first."
                    )
                server.start(keep=True)
            stopped = action == "stop" and server.stop()
            status = server.status()
        except EmbeddedMongoError as error:
            raise NotDone(str(error)) from error
        if action == "stop":
            lines: list[Any] = ["Stopped." if stopped else "Nothing was running."]
        else:
            lines = [_table(status)]
        known = {name: getattr(status, name) for name in self.json_keys if name != "stopped"}
        self.report({**known, "stopped": stopped}, lines)
        if action == "status" and not status.running:
            raise Found("The server does not run.")


def _table(status: Status) -> Table:
    rows = {
        "state": "running" if status.running else "stopped",
        "uri": status.uri,
        "pid": str(status.pid or "-"),
        "data folder": str(status.data_dir),
        "version": status.version,
        "size": f"{status.size / 2**20:.1f} MiB",
        "stays": "until chabad_mongod stop" if status.keep else "until its last user ends",
    }
    return Table(list(rows.items()))
