"""The manners that all management commands share."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from pymongo.errors import OperationFailure, PyMongoError

from chabad_auth_django.exceptions import ChabadAuthError

#: The command could not do its work: bad arguments, no server, no such user.
EXIT_ERROR = 2


class Command(BaseCommand):
    """A command that says in one line what went wrong and exits with ``EXIT_ERROR``."""

    def execute(self, *args: Any, **options: Any) -> Any:
        """Run the command; raise ``CommandError`` for every error that an operator can meet."""
        try:
            return super().execute(*args, **options)
        except ChabadAuthError as error:
            raise CommandError(error.detail, returncode=EXIT_ERROR) from error
        except ImproperlyConfigured as error:
            raise CommandError(str(error), returncode=EXIT_ERROR) from error
        except PyMongoError as error:
            if isinstance(error, OperationFailure):
                reason = str(error).split(", full error:")[0]
                raise CommandError(f"MongoDB refused: {reason}", returncode=EXIT_ERROR) from error
            # The driver's text lists every server it knows; the first sentence says enough.
            reason = str(error).split(", Timeout:")[0]
            raise CommandError(
                f"MongoDB did not answer: {reason}. Check that it runs and has a primary, then "
                "run the same command again.",
                returncode=EXIT_ERROR,
            ) from error
