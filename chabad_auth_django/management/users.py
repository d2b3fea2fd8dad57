"""Commands about users who are named on the command line."""

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, TypeVar

from bson import ObjectId
from django.core.management.base import CommandParser

from chabad_auth_django.management.base import OperatorCommand
from chabad_auth_django.models import User
from chabad_auth_django.services.lifecycle import creation

#: How a user is named.
NAME_HELP = "an e-mail address, an id or an external id"

T = TypeVar("T")


def add_user(parser: CommandParser) -> None:
    """Declare the argument that names one user."""
    parser.add_argument("user", metavar="USER", help=NAME_HELP)


def once(find: Callable[[str], T], id_of: Callable[[T], ObjectId]) -> Callable[[str], T | None]:
    """Return ``find`` as a function that returns ``None`` for a user whom it has found before."""
    found: set[ObjectId] = set()

    def find_once(name: str) -> T | None:
        item = find(name)
        if id_of(item) in found:
            return None
        found.add(id_of(item))
        return item

    return find_once


class UsersCommand(OperatorCommand):
    """A command that does the same to each user whom it names."""

    is_audited = True

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the argument that names one or more users."""
        parser.add_argument(
            "users",
            nargs="+",
            metavar="USER",
            help=f"{NAME_HELP}; - reads them from standard input, one in each line",
        )

    def each_user(
        self, names: list[str], change: Callable[[User], dict[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        """Yield ``id`` and ``email`` of each user, with what ``change`` returns of the user.

        A user who is named twice is changed once.
        """
        find = once(lambda name: creation.find_user(name=name), attrgetter("id"))

        def row(name: str) -> dict[str, Any] | None:
            if user := find(name):
                # The errors of a user who was found need not say whose they are.
                with self.passing_over(user.id):
                    return {"id": user.id, "email": user.email, **change(user)}
            return None

        return self.each(names, row)
