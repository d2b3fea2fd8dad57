"""Deploy, compare and mend the indexes."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from chabad_auth_django.management.base import Command as BaseCommand
from chabad_auth_django.services import indexes


class Command(BaseCommand):
    """Create what is missing; compare with ``--check``; mend with ``--fix``."""

    help = (
        "Create the missing indexes of the specification. Exit status: 0 all is as declared, "
        "1 something differs, 2 the command could not run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument(
            "--check",
            action="store_true",
            help="change nothing; list missing, differing and extra indexes and exit 1 if any",
        )
        mode.add_argument(
            "--fix",
            action="store_true",
            help="mend differing indexes too: a TTL in place, any other by drop and create",
        )
        parser.add_argument(
            "--drop-extra",
            action="store_true",
            help="with --fix: drop the indexes that are not declared",
        )

    def handle(self, *args: Any, check: bool, fix: bool, drop_extra: bool, **options: Any) -> None:
        """Run the service and print a line for each index that it changed or found amiss."""
        if drop_extra and not fix:
            raise CommandError("--drop-extra goes with --fix.", returncode=2)
        comparison = indexes.compare()
        if check:
            self._report(comparison)
            if not comparison.is_clean:
                raise CommandError("The indexes differ from the declared ones.", returncode=1)
            return
        for index in indexes.create(comparison):
            self.stdout.write(f"created    {index}")
        if fix:
            for line in indexes.fix(comparison):
                self.stdout.write(f"fixed      {line}")
        if drop_extra:
            for index in indexes.drop_extra(comparison):
                self.stdout.write(f"dropped    {index}")
        remaining = indexes.compare()
        self._report(remaining)
        if remaining.differing:
            raise CommandError("Some indexes differ; --fix mends them.", returncode=1)

    def _report(self, comparison: indexes.Comparison) -> None:
        for index in comparison.missing:
            self.stdout.write(f"missing    {index}")
        for pair in comparison.differing:
            self.stdout.write(f"differing  {pair.declared}, but found {pair.found}")
        for index in comparison.extra:
            self.stdout.write(f"extra      {index}")
        if comparison.is_clean:
            count = len(indexes.declared_indexes())
            self.stdout.write(f"All {count} indexes are as declared.")
