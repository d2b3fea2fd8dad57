"""Bring in the accounts that this Django project has already."""

from collections import Counter
from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.management.base import Found, OperatorCommand
from chabad_auth_django.management.output import plural, to_text
from chabad_auth_django.services.identity import host_accounts
from chabad_auth_django.services.identity.host_accounts import CREATED, LINKED, REFUSED
from chabad_auth_django.services.signing_in import callers


class Command(OperatorCommand):
    help = (
        "Give each active account of this Django project its user: the one that has its verified "
        "e-mail address, else a new one. Accounts that have a user stay as they are, so run it "
        "again at any time. An account whose user was deleted here gets a new user."
    )
    exit_statuses = {
        0: "no account was refused",
        1: "some accounts were refused; they are listed",
    }
    has_dry_run = True
    is_audited = True
    json_keys = {
        "accounts": "a list of the accounts that were linked, created or refused: objects with "
        "account (its primary key), result, userId, code (why it was refused)",
        "counts": "how many of each result: linked, created, unchanged, inactive, refused",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--link-only", action="store_true", help="create no user; refuse where there is none"
        )

    def handle(self, *args: Any, dry_run: bool, link_only: bool, **options: Any) -> None:
        callers.check_host_door()
        counts = Counter(dict.fromkeys(host_accounts.RESULTS, 0))
        for item in host_accounts.sync(creates=not link_only, is_rehearsal=dry_run):
            counts[item.result] += 1
            if item.result not in (LINKED, CREATED, REFUSED):
                continue
            row = {
                "account": item.account,
                "result": item.result,
                "userId": item.user_id,
                "code": item.code,
            }
            what = item.code if item.result == REFUSED else item.user_id or "a new user"
            self.tell_row(row, f"{to_text(item.account)}  {item.result}  {what}")
        told = ", ".join(f"{number:,} {result}" for result, number in counts.items())
        ending = " Nothing was stored." if dry_run else ""
        self.report(
            {"accounts": self.rows, "counts": dict(counts)},
            [f"{plural(counts.total(), 'account')}: {told}.{ending}"],
        )
        if counts[REFUSED]:
            raise Found(
                "Some accounts were refused. Verify their addresses in the project, or link them "
                "with chabad_link_host_account."
            )
