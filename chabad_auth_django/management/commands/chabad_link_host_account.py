"""Link an account of this Django project to a user."""

from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.management.base import NotDone, OperatorCommand
from chabad_auth_django.management.output import to_text
from chabad_auth_django.management.users import add_user
from chabad_auth_django.services.identity import hosts, identities
from chabad_auth_django.services.lifecycle import creation
from chabad_auth_django.services.signing_in import callers


class Command(OperatorCommand):
    help = (
        "Link an account of this Django project to a user, who then signs in with it, whatever "
        "its e-mail address. Running it again changes nothing."
    )
    is_audited = True
    json_keys = {
        "id": "the user's id",
        "email": "the user's e-mail address",
        "hostId": "the HOST_ID of this project",
        "account": "the primary key of the account",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        add_user(parser)
        parser.add_argument("account", metavar="PK", help="the primary key of the account")

    def handle(self, *args: Any, user: str, account: str, **options: Any) -> None:
        owner = creation.find_user(name=user)
        callers.check_host_door()
        found = hosts.adapter().get_account(primary_key=account)
        if found is None:
            raise NotDone(f"This project has no account with the primary key {account!r}.")
        identity = identities.of_host_account(account=found)
        linked = identities.link(user=owner, identity=identity)
        self.report(
            {
                "id": linked.id,
                "email": linked.email,
                "hostId": identity.issuer,
                "account": identity.subject,
            },
            [f"{to_text(linked.email)}  signs in with account {to_text(identity.subject)} now."],
        )
