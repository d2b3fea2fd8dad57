"""Create a user who may do everything."""

from chabad_auth_django.management.commands.chabad_create_user import Command as CreateUser
from chabad_auth_django.services.identity import users


class Command(CreateUser):
    help = (
        "Create a user with the role that grants everything. On a terminal it asks for what is "
        "missing; with --no-input it needs --email. To make an existing user an administrator run "
        "'chabad_grant USER --role admin'."
    )

    def roles(self) -> list[str]:
        """Return the default roles and the administrator's."""
        return [*super().roles(), users.admin_role()]
