"""Deploy, compare and mend the indexes."""

from argparse import ArgumentParser
from typing import Any

from chabad_auth_django.db import connection
from chabad_auth_django.management.base import Found, NotDone, OperatorCommand
from chabad_auth_django.services.deployment import indexes


class Command(OperatorCommand):
    help = (
        "Create the missing indexes of the specification. Running it again, also after an "
        "interruption, creates what is still missing. Where a TTL index would remove documents, it "
        "says how many and asks."
    )
    exit_statuses = {0: "all declared indexes are there", 1: "something differs; --fix mends it"}
    json_keys = {
        "created": "a list of indexes",
        "fixed": "a list of sentences",
        "dropped": "a list of indexes",
        "missing": "a list of indexes, in the end",
        "differing": "a list of objects with declared and found",
        "extra": "a list of indexes that are not declared",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument(
            "--check",
            "--dry-run",
            dest="check",
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
        parser.add_argument(
            "--yes", action="store_true", help="do not ask where a TTL index removes documents"
        )

    def handle(
        self, *args: Any, check: bool, fix: bool, drop_extra: bool, yes: bool, **options: Any
    ) -> None:
        if drop_extra and not fix:
            raise NotDone("--drop-extra goes with --fix.")
        remaining = comparison = indexes.compare()
        done: dict[str, list[str]] = {"created": [], "fixed": [], "dropped": []}
        if not (check or yes):
            self._ask_for_removals(indexes.find_overdue(comparison, fix=fix))
        if not check:
            indexes.record_owned_collections()
            with self.progress("indexes", len(comparison.missing)) as bar:

                def created(index: indexes.Index) -> None:
                    self._note(done, "created", index)
                    bar.advance()

                indexes.create(comparison, created)
            for line in indexes.fix(comparison) if fix else ():
                self._note(done, "fixed", line)
            for index in indexes.drop_extra(comparison) if drop_extra else ():
                self._note(done, "dropped", index)
            remaining = indexes.compare()
        self._report(done, remaining)
        if check and not comparison.is_clean:
            raise Found("The indexes differ from the declared ones.")
        if remaining.missing:
            raise Found("Something else dropped indexes meanwhile. Run the same command again.")
        if remaining.differing:
            raise Found("Some indexes differ; --fix mends them.")

    def _ask_for_removals(self, overdue: dict[str, int]) -> None:
        if overdue:
            counts = ", ".join(f"{count:,} of {name}" for name, count in sorted(overdue.items()))
            self.confirm(
                "The server will remove what is older than the settings say: "
                f"{counts}, in {connection.describe()}.",
                str(sum(overdue.values())),
            )

    def _note(self, done: dict[str, list[str]], verb: str, what: object) -> None:
        done[verb].append(str(what))
        self.tell(f"{verb:<9}  {what}")

    def _report(self, done: dict[str, list[str]], comparison: indexes.Comparison) -> None:
        result: dict[str, Any] = {
            **done,
            "missing": list(map(str, comparison.missing)),
            "differing": [
                {"declared": str(pair.declared), "found": str(pair.found)}
                for pair in comparison.differing
            ],
            "extra": list(map(str, comparison.extra)),
        }
        lines = [f"missing    {index}" for index in result["missing"]]
        lines += [
            f"differing  {pair.declared}, but found {pair.found}" for pair in comparison.differing
        ]
        lines += [f"extra      {index}" for index in result["extra"]]
        if comparison.is_clean:
            lines.append(f"All {len(indexes.declared_indexes())} indexes are as declared.")
        self.report(result, lines)
