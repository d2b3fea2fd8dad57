"""Store the user that a file of ``chabad_export_user`` holds."""

import shutil
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandParser

from chabad_auth_django.management.base import Found, NotDone, OperatorCommand
from chabad_auth_django.management.output import Table
from chabad_auth_django.services.lifecycle import export_file, portability


class Command(OperatorCommand):
    help = (
        "Store the user of a file of 'chabad_export_user', with the same ids and byte by byte the "
        "same documents. A damaged or incomplete file is refused before anything is stored. So is "
        "a user whose deletion is not finished. Documents that are stored already stay as they "
        "are, so run the same command again after an interruption. App data whose key was deleted "
        "here gets a version above all that the key had. A user who is here already gets no "
        "account to sign in with. Roles and permissions come with a new user: import only files "
        "that you trust."
    )
    exit_statuses = {
        0: "all of the file is stored",
        1: "some documents are stored with other content, and were left so",
    }
    has_dry_run = True
    is_audited = True
    json_keys = {
        "userId": "of the user",
        "inserted": "an object, collection: documents",
        "unchanged": "the same, of those that were stored already",
        "differing": "the same, of those whose id or key is stored with other content",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="its path; - is standard input")
        parser.add_argument(
            "--without-analytics",
            action="store_true",
            help="leave the analytics out, whose counts may be here already and stay as they are",
        )

    def handle(self, *args: Any, file: str, **options: Any) -> None:
        if file != "-" and Path(file).exists() and not Path(file).is_file():
            raise NotDone(f"{file} is no file. For what comes through a pipe give -.")
        source = nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb")  # noqa: SIM115
        # It is read several times, and may be changed meanwhile.
        with source as given, tempfile.TemporaryFile() as copy:
            # What is no export may have no end.
            line = given.readline(export_file.MAX_SHORT_LINE)
            export_file.check_first_line(line)
            copy.write(line)
            shutil.copyfileobj(given, copy)
            self._import(copy, **options)

    def _import(
        self, file: BinaryIO, *, dry_run: bool, without_analytics: bool, **options: Any
    ) -> None:
        content = portability.check(file=file)
        with self.progress("importing", sum(content.counts.values())) as bar:
            result = portability.import_user(
                file=file,
                content=content,
                advance=bar.advance,
                dry_run=dry_run,
                with_analytics=not without_analytics,
            )
        outcome = {
            "inserted": result.inserted,
            "unchanged": result.unchanged,
            "differing": result.differing,
        }
        rows = [
            [name, *(counts.get(name, 0) for counts in outcome.values())] for name in content.counts
        ]
        self.report(
            {"userId": result.user_id, **outcome},
            [
                Table(rows, ["collection", *outcome]),
                f"User {result.user_id}{', dry run: nothing was stored' if dry_run else ''}.",
            ],
        )
        if any(result.differing.values()):
            raise Found("Some documents are stored with other content and were left as they are.")
