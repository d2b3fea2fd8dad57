"""Run every data flow and query pattern of the specification on a real MongoDB."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from chabad_auth_django.contrib.embedded import EmbeddedMongoError
from chabad_auth_django.management.base import NotDone, OperatorCommand
from demo import deletion, documents, flows, loading, people, queries, server
from demo.report import Report

#: Characters, so that each command is one line of the output.
MAX_PATH = 23


class Command(OperatorCommand):
    help = (
        "Load fifty people and 20,000 events into MongoDB, run every data flow and query pattern "
        "on them, and check each result. It can be run again at any time, and touches only users "
        f"whose e-mail address ends in {people.DOMAIN}. Exit status: 0 everything is as "
        "specified, 1 something is not, 2 the command could not run."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the demo; end with one line for a person, whatever stops it."""
        try:
            self._run()
        except EmbeddedMongoError as error:
            raise NotDone(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted. The demo can be run again; manage.py chabad_purge_deleted finishes "
                "a deletion that was under way.",
                returncode=130,
            ) from None

    def _run(self) -> None:
        started = time.monotonic()
        report = Report(self.stdout, self.style)
        report.line("chabad_auth_django: the whole specification on a real MongoDB")

        server.describe(report)
        server.deploy_indexes(report)
        loading.remove_earlier_run(report)

        first, *others = people.people()
        user = flows.create_user(report, first)
        crowd = loading.load_people(report, others)
        history = loading.load_events(report, [user, *crowd])

        flows.sign_in_user(report, user)
        flows.synchronize_settings(report, user)

        queries.complete_profile(report, user)
        queries.activity_history(report, user)
        queries.app_data_of_user(report, user)
        queries.analytics(report, user, history)
        queries.virtual_relationships(report, user)

        documents.roles_and_permissions(report, user)
        documents.finders(report, user)
        documents.preferences(report, user)
        documents.profile(report, user)
        documents.optimistic_locking(report, user)

        count = sum(deletion.count_documents([user, *crowd]).values())
        deletion.delete_user(report, user, crowd)
        report.line(
            f"\nEverything is as specified: {report.checks} checks on {count:,} documents "
            f"in {time.monotonic() - started:.1f} seconds."
        )
        manage = f"  {_python()} manage.py"
        report.line(f"\nThe other people stay until the next run. In {Path.cwd().name}:")
        report.line(f"{manage} migrate")
        report.line(f"{manage} runserver")
        report.line("http://127.0.0.1:8000/ is the portal: sign up, change the theme.")
        report.line("http://127.0.0.1:8000/api/docs/ is the API; a token for it:")
        report.line(f"{manage} chabad_issue_token {crowd[0].email}")
        report.line("http://127.0.0.1:8000/admin/ has the pages for staff, after:")
        report.line(f"{manage} createsuperuser")


def _python() -> str:
    """Return this interpreter as a shell takes it, if that fits the width of the output."""
    path = os.path.relpath(sys.executable)
    return path if len(path) <= MAX_PATH and " " not in path else "python"
