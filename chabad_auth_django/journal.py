"""Events for the operator: lines in the log, and counts.

A line has the name of its event and its fields as attributes of the log record, ``event`` and
``fields``, for a formatter that writes JSON. None of them is personal data: ids of users, sessions
and requests, codes, names of settings and of classes, and routes with their parameters left out.
"""

import logging
from collections.abc import Callable, Mapping

#: Outages, and failures that were recovered from.
API = logging.getLogger("chabad_auth_django.api")

#: Sign-ins, refusals and other signs of an attack.
SECURITY = logging.getLogger("chabad_auth_django.security")

#: Changes of users.
LIFECYCLE = logging.getLogger("chabad_auth_django.lifecycle")

#: Called with the name of what is counted, how many, and the labels.
Counter = Callable[[str, float, Mapping[str, str]], object]

#: The counters; empty where no exporter is installed.
counters: list[Counter] = []


def count(name: str, amount: float = 1, /, **labels: str) -> None:
    """Pass the count to every counter; one that fails, as on a full disk, stops no request."""
    for counter in counters:
        try:
            counter(name, amount, labels)
        except Exception as error:
            cause = type(error).__qualname__
            tell(API, "not_counted", "{name} was not counted: {cause}", name=name, cause=cause)


def tell(
    logger: logging.Logger,
    event: str,
    message: str,
    /,
    *,
    level: int = logging.WARNING,
    **fields: object,
) -> None:
    """Log the event; the message has the fields in braces, as for ``str.format``."""
    if logger.isEnabledFor(level):
        extra = {"event": event, "fields": {name: str(value) for name, value in fields.items()}}
        logger.log(level, "%s", message.format(**fields), extra=extra, stacklevel=2)
