"""Create a user, with its Profile and Preferences."""

from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.management.base import NotDone, OperatorCommand
from chabad_auth_django.models import User
from chabad_auth_django.services.lifecycle import creation
from chabad_auth_django.services.signing_in import ways

#: What an operator must hear who thinks that the new user may come in.
NO_WAY = (
    "There is no way yet: no account of this project can sign in, and no issuer in CHABAD_AUTH. "
    "See docs/accounts.md."
)


class Command(OperatorCommand):
    help = (
        "Create a user with its profile and preferences. On a terminal it asks for what is "
        "missing; with --no-input it needs --email. The second run for one e-mail address is "
        "refused."
    )
    has_dry_run = True
    is_audited = True
    json_keys = {
        "id": "of the user; null with --dry-run",
        "email": "as it is stored",
        "roles": "a list",
        "permissions": "a list",
        "signIn": "a list of sentences, how the user can sign in the first time",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", help="the e-mail address")
        parser.add_argument("--name", help="the name that is shown")
        parser.add_argument(
            "--auth-method",
            action="append",
            default=[],
            help="how the user signs in, one of AUTH_METHODS; may be given several times",
        )
        parser.add_argument("--role", action="append", default=[], help="beside the default role")
        parser.add_argument("--permission", action="append", default=[], help="may be repeated")
        parser.add_argument("--valu-user-id", help="the user's id at Valu")
        parser.add_argument("--merkos-user-id", help="the user's id at Merkos")
        parser.add_argument(
            "--force", action="store_true", help="give roles and permissions no setting knows, too"
        )
        parser.add_argument("--no-input", action="store_true", help="ask nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask for what is missing, and run the service."""
        email, name = options["email"], options["name"]
        if email is None:
            if options["no_input"]:
                raise NotDone("--no-input needs --email.")
            email = self.ask_email()
            name = name or self.ask("Name (may be empty):") or None
        fields = {
            "email": email,
            "name": name,
            "auth_methods": list(dict.fromkeys(options["auth_method"])),
            "roles": list(dict.fromkeys([*self.roles(), *options["role"]])),
            "permissions": list(dict.fromkeys(options["permission"])),
        }
        external = {
            "valuUserId": options["valu_user_id"],
            "merkosUserId": options["merkos_user_id"],
        }
        given = {field: value for field, value in external.items() if value is not None}
        service = creation.check_account if options["dry_run"] else creation.create_account
        user = service(external=given, force=options["force"], **fields)
        verb = "Would create" if options["dry_run"] else f"Created {user.id}"
        sign_in = ways.describe(user=user)
        lines = [f"{verb}: {user.email}, roles {', '.join(user.roles)}", "To sign in:"]
        lines += [f"  {way}" for way in sign_in or [NO_WAY]]
        lines.append(f"  For scripts: 'chabad_issue_token {user.email}' prints a token.")
        result = {
            "id": None if options["dry_run"] else user.id,
            "email": user.email,
            "roles": user.roles,
            "permissions": user.permissions,
            "signIn": sign_in,
        }
        self.report(result, lines)

    def roles(self) -> list[str]:
        """Return the roles that the user gets anyway."""
        return list(User().roles)

    def ask_email(self) -> str:
        """Ask for the e-mail address until it is a valid one."""
        while True:
            email = self.ask("E-mail address:")
            try:
                User.check(email=email)
            except ValidationError as error:
                self.say(error.errors["email"])
            else:
                return email
