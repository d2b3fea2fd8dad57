"""Print an access token for a user; for trying the API out, and for scripts."""

from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.conf import conf
from chabad_auth_django.management.base import OperatorCommand
from chabad_auth_django.management.users import add_user
from chabad_auth_django.services.signing_in import flows


class Command(OperatorCommand):
    help = "Open a session for the user and print an access token, and nothing else."
    is_audited = True
    json_keys = {
        "accessToken": "for the header 'Authorization: Bearer'",
        "refreshToken": "for auth/refresh/",
        "expiresIn": "seconds that the access token is good for",
        "userId": "the id of the user",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        add_user(parser)
        parser.add_argument(
            "--create",
            action="store_true",
            help="create the user with the e-mail address when there is none",
        )

    def handle(self, *args: Any, user: str, create: bool, **options: Any) -> None:
        signed_in = flows.issue_tokens(
            name=user, create=create, user_agent="manage.py chabad_issue_token"
        )
        result = {
            "accessToken": signed_in.access_token,
            "refreshToken": signed_in.refresh_token,
            "expiresIn": conf.ACCESS_TOKEN_SECONDS,
            "userId": signed_in.user.id,
        }
        if options["as_json"]:
            self.report(result, [])
        else:
            # Also with -v 0: it is all that the command is for.
            self.stdout.write_whole(signed_in.access_token)
