"""Take roles and permissions from users."""

from chabad_auth_django.management.commands.chabad_grant import Command as Grant


class Command(Grant):
    help = "Take roles and permissions from users. Running it again changes nothing."
    grant = False
