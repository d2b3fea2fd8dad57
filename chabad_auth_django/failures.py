"""Logging what failed in code that must not stop its caller."""

import logging
import traceback
from collections.abc import Callable
from typing import Any

logger = logging.getLogger("chabad_auth_django")


def log_failure(function: Callable[..., Any], error: Exception, *, moment: str) -> None:
    """Log that the function raised the error at the moment, and where.

    The text of the error is left out, because it may hold personal data.
    """
    logger.error(
        "%s failed %s: %s\n%s",
        _name_of(function),
        moment,
        type(error).__qualname__,
        "".join(traceback.format_tb(error.__traceback__)).rstrip(),
    )


def _name_of(function: Any) -> str:
    # A partial and an instance with __call__ have no name.
    function = getattr(function, "func", function)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{function.__module__}.{name}"
