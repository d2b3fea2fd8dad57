"""``manage.py chabad_mongod``: start, stop or describe the embedded server."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chabad_auth_django.contrib.embedded.errors import EmbeddedMongoError
from chabad_auth_django.contrib.embedded.folder import DataFolder
from chabad_auth_django.contrib.embedded.lifetime import resign
from chabad_auth_django.contrib.embedded.server import Mongod, Status


class Command(BaseCommand):
    """Start the embedded MongoDB server and keep it, stop it, or show its status."""

    help = "Start the embedded MongoDB server and keep it, stop it, or show its status."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status"])
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do the action; exit with 1 if ``status`` finds no server."""
        action = options["action"]
        folder = DataFolder.from_settings()
        # Else this process would stop, at its exit, a server that waits for its next user.
        resign(folder)
        server = Mongod(folder.path)
        try:
            if action == "start":
                if os.environ.get("MONGODB_URI"):
                    raise CommandError(
                        "MONGODB_URI is set, so nobody would use this server: unset it first."
                    )
                server.start(keep=True)
            stopped = action == "stop" and server.stop()
            status = server.status()
        except EmbeddedMongoError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(_as_json(status, stopped))
        elif action == "stop":
            self.stdout.write("Stopped." if stopped else "Nothing was running.")
        else:
            self.stdout.write(_as_text(status))
        if action == "status" and not status.running:
            sys.exit(1)


def _as_json(status: Status, stopped: bool) -> str:
    return json.dumps(
        {
            "running": status.running,
            "stopped": stopped,
            "keep": status.keep,
            "uri": status.uri,
            "pid": status.pid,
            "data_dir": str(status.data_dir),
            "version": status.version,
            "size": status.size,
        }
    )


def _as_text(status: Status) -> str:
    rows = {
        "state": "running" if status.running else "stopped",
        "uri": status.uri or "-",
        "pid": status.pid or "-",
        "data folder": status.data_dir,
        "version": status.version or "-",
        "size": f"{status.size / 2**20:.1f} MiB",
        "stays": "until chabad_mongod stop" if status.keep else "until its last user ends",
    }
    return "\n".join(f"{name:<12}{value}" for name, value in rows.items())
