"""Look everywhere for what is left of an erased user."""

from itertools import islice
from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.conf import conf
from chabad_auth_django.management.base import Found, NotDone, OperatorCommand
from chabad_auth_django.management.output import Line, Table, plural
from chabad_auth_django.services.lifecycle import deletion_status, traces

#: How many traces are shown.
SHOWN = 100


class Command(OperatorCommand):
    help = (
        "Scan every collection of the database, also those of other programs, and every field for "
        "the names of an erased user: the id, e-mail address and external ids, and also names and "
        "options of collections, and indexes. It finds them in any case, within longer texts, "
        "percent-encoded and in Base64, but not compressed or hashed. It can find too much: look "
        "at what it shows. The id in entries of the audit trail and in an unfinished deletion is "
        "no trace; it counts these separately. It changes nothing and shows the first 100 places. "
        "Run it after 'chabad_erase_user' has finished."
    )
    exit_statuses = {0: "no trace", 1: "traces were found"}
    json_keys = {
        "traces": f"a list of the first {SHOWN} objects with collection, id and path",
        "count": "how many there are",
        "scanned": "how many documents were read",
        "unread": "a list of the collections that could not be read",
        "auditEntries": "how many entries of the audit trail have the id, which are no traces",
        "deletions": "a list of ids of the users whose deletion is under way, or whose receipt "
        "waits, which are no traces",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "names",
            nargs="+",
            metavar="NAME",
            help="the id, e-mail address or external id; "
            "- reads them from standard input, one in each line",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = list(self.each(options["names"], str))
        unread: dict[str, str] = {}
        with self.progress("scanning", traces.count_documents()) as bar:
            found = traces.find_traces(
                names=names, advance=bar.advance, unreadable=unread.__setitem__
            )
            shown = [
                {"collection": trace.collection, "id": trace.id, "path": trace.path}
                for trace in islice(found, SHOWN)
            ]
            count = len(shown) + sum(1 for _ in found)
        kept = traces.count_audit_entries(names=names)
        deletions = filter(None, (deletion_status.find(name=name) for name in names))
        under_way = list({item.user_id: item for item in deletions}.values())
        lines: list[Line] = [
            Table([list(trace.values()) for trace in shown], ["collection", "id", "path"])
        ]
        self.report(
            {
                "traces": shown,
                "count": count,
                "scanned": bar.done,
                "unread": list(unread),
                "auditEntries": kept,
                "deletions": [item.user_id for item in under_way],
            },
            [
                *(lines if shown else ()),
                f"{plural(count, 'trace')} in {plural(bar.done, 'document')}.",
                *(f"{item} That is no trace." for item in under_way),
                *(
                    [
                        f"Not counted: {plural(kept, 'entry', 'entries')} of the audit trail with "
                        f"the id, kept for {plural(conf.AUDIT_RETENTION_DAYS, 'day')}."
                    ]
                    if kept
                    else ()
                ),
            ],
        )
        for name, reason in unread.items():
            self.say(f"{name} was not looked through: {reason}")
        if count:
            raise Found("Traces were found.")
        if unread:
            raise NotDone(f"{plural(len(unread), 'collection')} could not be read.")
