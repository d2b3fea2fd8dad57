"""Reading a caller's own resource with the command that reads the caller.

The token names the caller before MongoDB is asked, so one command can read both. The view uses the
resource only after the caller was accepted.
"""

from contextlib import suppress
from typing import Any, cast

from bson import ObjectId
from rest_framework.exceptions import ValidationError as InvalidRequest

from chabad_auth_django.db.reads import Found, Read
from chabad_auth_django.exceptions import ValidationError


class ReadsFirst:
    """A view that may say what a request reads first."""

    kwargs: dict[str, Any] = {}

    #: The resource that was read with the caller; ``None`` if none was.
    beside: Found | None = None

    def first_read(self) -> Read | None:
        """Return the query that ``read_first`` sends, or ``None``; raise what is wrong.

        It may read documents of the user ``user_id`` only.
        """
        return None

    def begin_read(self, user_id: ObjectId) -> Read | None:
        """Return what to read with the caller, who has this id, where it is the caller's own."""
        if self.kwargs.get("user") not in ("me", str(user_id)):
            return None
        # The cached property of a view would ask who calls.
        vars(self)["user_id"] = user_id
        # A caller who is refused must not learn what else is wrong with the request.
        with suppress(ValidationError, InvalidRequest):
            return self.first_read()
        return None

    def read_first(self) -> Found:
        """Return what ``first_read`` finds, which may have come with the caller.

        A second call reads again.
        """
        found, self.beside = self.beside, None
        return found or cast(Read, self.first_read()).send()
