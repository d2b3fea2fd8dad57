"""Reading a caller's own resource with the command that reads the caller.

The token says who calls before MongoDB is asked. So what the request reads first can come with the
caller, who is judged before anything is done with it.
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

    #: What came with the caller; ``None`` where nothing did.
    beside: Found | None = None

    def first_read(self) -> Read | None:
        """Return what the request reads first, and reads by ``read_first``; ``None``: nothing.

        Of the user ``user_id`` alone. Raises what is wrong with the request.
        """
        return None

    def begin_read(self, user_id: ObjectId) -> Read | None:
        """Return what to read with the caller, who has this id, where it is the caller's own."""
        if self.kwargs.get("user") not in ("me", str(user_id)):
            return None
        # The cached property of a view would ask who calls.
        vars(self)["user_id"] = user_id
        # Whoever calls must not learn more of it than that they may not call.
        with suppress(ValidationError, InvalidRequest):
            return self.first_read()
        return None

    def read_first(self) -> Found:
        """Return what ``first_read`` finds: what came with the caller, or by a further command.

        Once: whoever reads again gets what is stored then.
        """
        found, self.beside = self.beside, None
        return found or cast(Read, self.first_read()).send()
