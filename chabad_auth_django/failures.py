"""Logging what failed in code that must not stop its caller."""

import logging
import traceback
from collections.abc import Callable
from typing import Any

from pymongo.errors import ConnectionFailure, ExecutionTimeout, WriteConcernError

logger = logging.getLogger("chabad_auth_django")


def log_failure(function: Callable[..., Any], error: Exception, *, moment: str) -> None:
    """Log that the function raised the error at the moment, and where.

    The text of the error is left out, because it may hold personal data. That MongoDB does not
    answer is no mistake in the code: where it was is left out too.
    """
    is_outage = isinstance(error, (ConnectionFailure, ExecutionTimeout, WriteConcernError))
    frames = [] if is_outage else traceback.format_tb(error.__traceback__)
    where = "".join(["\n", *frames]).rstrip()
    kind = type(error).__qualname__
    logger.error("%s failed %s: %s%s", _name_of(function), moment, kind, where)


def _name_of(function: Any) -> str:
    # A partial and an instance with __call__ have no name.
    function = getattr(function, "func", function)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{function.__module__}.{name}"
