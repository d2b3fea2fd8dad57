"""Look for what should not be in the database, and repair it."""

from collections import Counter
from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.management.base import Found, OperatorCommand
from chabad_auth_django.management.output import Table, plural, to_text
from chabad_auth_django.services.deployment import integrity
from chabad_auth_django.services.deployment.integrity import Finding

#: How many findings of each kind are shown.
SHOWN = 20


class Command(OperatorCommand):
    help = (
        "Look through all documents for what should not be: "
        + "; ".join(f"{kind}: {text}" for kind, text in integrity.KINDS.items())
        + ". It may run on a live system; without --repair it changes nothing. What needs a "
        "decision (duplicates, invalid documents) is never repaired."
    )
    exit_statuses = {
        0: "nothing was found, or all of it is repaired",
        1: "something was found and is not repaired",
        2: "the check could not run",
    }
    is_audited = True
    json_keys = {
        "counts": "an object, kind: findings",
        "repaired": "an object, kind: repaired findings",
        "findings": f"a list of the first {SHOWN} objects of each kind with kind, collection, id, "
        "detail and repaired",
        "scanned": "how many documents were read",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--repair", action="store_true", help="repair what can be, looking again right before"
        )

    def handle(self, *args: Any, repair: bool, **options: Any) -> None:
        counts, repaired = Counter[str](), Counter[str]()
        shown = []
        with self.progress("checking", integrity.count_documents()) as bar:
            for finding in integrity.check(advance=bar.advance):
                counts[finding.kind] += 1
                is_repaired = repair and integrity.repair(finding)
                repaired[finding.kind] += is_repaired
                if counts[finding.kind] <= SHOWN:
                    shown.append(_to_dict(finding, is_repaired))
                    self.tell("  ".join(map(to_text, list(shown[-1].values())[:4])))
        result = {
            "counts": {kind: counts[kind] for kind in integrity.KINDS},
            "repaired": {kind: repaired[kind] for kind in integrity.KINDS},
            "findings": shown,
            "scanned": bar.done,
        }
        rows = [[kind, counts[kind], repaired[kind]] for kind in integrity.KINDS]
        self.report(
            result,
            [
                Table(rows, ["kind", "found", "repaired"]),
                f"{plural(bar.done, 'document')} checked.",
            ],
        )
        left = counts.total() - repaired.total()
        if left:
            raise Found(f"{plural(left, 'finding')} {'is' if left == 1 else 'are'} not repaired.")


def _to_dict(finding: Finding, repaired: bool) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "collection": finding.collection,
        "id": finding.id,
        "detail": finding.detail,
        "repaired": repaired,
    }
