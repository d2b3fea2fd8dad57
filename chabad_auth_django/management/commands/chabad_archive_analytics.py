"""Move old Analytics events into files, and back."""

from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from chabad_auth_django.management.arguments import date, folder_path
from chabad_auth_django.management.base import Found, NotDone, OperatorCommand
from chabad_auth_django.management.output import plural, to_text
from chabad_auth_django.services.analytics import archive
from chabad_auth_django.services.analytics.archivable import Left
from chabad_auth_django.services.analytics.archive_files import SUFFIX


class Command(OperatorCommand):
    help = (
        "Move the events of each month (UTC) that ends by --before into a gzip file of JSON "
        "Lines, with a manifest that has the counts and SHA-256. A file is read back before an "
        "event is deleted. Counts stay the same. --restore brings the events of a month back. If "
        "this command is killed, run it again: it continues, and no event is lost or stored "
        "twice."
    )
    exit_statuses = {
        0: "done",
        1: "done, but some events are left where they are: they would not come back as they were",
    }
    has_dry_run = True
    is_scheduled = True
    json_keys = {
        "months": "month (YYYY-MM) -> how many events were moved, or with --dry-run would be",
        "files": "the files that were used",
        "events": "how many events in all",
        "left": "month -> the ids of the first events that are left where they are",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "--before",
            metavar="DATE",
            type=date,
            help="archive the months that end by this date (YYYY-MM-DD)",
        )
        what.add_argument(
            "--restore",
            metavar="MONTH|FILE",
            help="bring the events of a month (YYYY-MM), or of one file, back",
        )
        parser.add_argument(
            "--to",
            metavar="DIR",
            type=folder_path,
            help="the folder of the archives; made if missing",
        )

    def handle(
        self,
        *args: Any,
        before: datetime | None,
        restore: str | None,
        to: Path | None,
        dry_run: bool,
        **options: Any,
    ) -> None:
        # Cron archives. It is an operator who restores.
        self.is_scheduled = restore is None
        folder, name = to, restore or ""
        if name.endswith(SUFFIX):
            folder, name = Path(name).parent, Path(name).name.removesuffix(SUFFIX)
        if folder is None:
            raise NotDone("--to says where the archives are.")
        if before is None:
            planned = archive.plan_restore(month=name, folder=folder)
            steps = archive.restore(month=name, folder=folder)
        else:
            planned = archive.plan(before=before)
            steps = archive.archive(before=before, folder=folder)
        months: dict[str, int] = {}
        for step in planned:
            months[step.month] = months.get(step.month, 0) + step.total
        files: list[str] = []
        left: list[Left] = []
        if not dry_run:
            months, files = self._run(steps, sum(months.values()), left)
        verb = "to move" if dry_run else "moved"
        self.report(
            {
                "months": months,
                "files": files,
                "events": sum(months.values()),
                "left": {month.month: month.ids for month in left},
            },
            [
                *(
                    f"{month}  {plural(count, 'event'):>18} {verb}"
                    for month, count in months.items()
                ),
                f"{plural(sum(months.values()), 'event')} {verb}.",
                *(f"{month.month}  left: {to_text(month.ids)}" for month in left),
            ],
            is_idle=not months and not left,
        )
        if count := sum(month.count for month in left):
            raise Found(
                f"Left in place, since a restore would change them: {plural(count, 'event')}. Mend "
                "or delete what is left."
            )

    def _run(
        self, steps: Iterable[archive.Progress | Left], total: int, left: list[Left]
    ) -> tuple[dict[str, int], list[str]]:
        months: dict[str, int] = {}
        files: dict[str, None] = {}
        with self.progress("events", total) as bar:
            for step in steps:
                if isinstance(step, Left):
                    left.append(step)
                    continue
                months[step.month] = months.get(step.month, 0) + step.events
                files[f"{step.name}{SUFFIX}"] = None
                bar.advance(step.events)
        return months, list(files)
