"""What is counted where it happens. Labels have few values, and nobody's data.

With the environment's ``PROMETHEUS_MULTIPROC_DIR`` the processes of a server share their counts in
the files of that folder.
"""

from collections.abc import Mapping

from prometheus_client import Counter, Histogram
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

REQUESTS = Counter(
    "chabad_auth_requests",
    "Requests to the API by what came of them; code is that of the error, or ok.",
    ("method", "route", "status", "code"),
)
REQUEST_SECONDS = Histogram(
    "chabad_auth_request_seconds", "Time of requests to the API.", ("method", "route")
)
RETRIES = Counter(
    "chabad_auth_transaction_retries", "Transactions that ran again after they met another one."
)
EVENTS = Counter(
    "chabad_auth_events",
    "Events that clients sent; the result is accepted, duplicate or rejected.",
    ("collection", "result"),
)
SIGN_INS = Counter(
    "chabad_auth_sign_ins",
    "Sign-ins and refreshes; the result is ok or the code of the refusal.",
    ("method", "result"),
)
COMMANDS = Counter(
    "chabad_auth_mongodb_commands",
    "Commands to MongoDB; the outcome is ok or failed.",
    ("command", "outcome"),
)
COMMAND_SECONDS = Histogram(
    "chabad_auth_mongodb_command_seconds", "Time of commands to MongoDB.", ("command",)
)

_COUNTERS = {
    "requests": REQUESTS,
    "transaction_retries": RETRIES,
    "events": EVENTS,
    "sign_ins": SIGN_INS,
}


def count(name: str, amount: float, labels: Mapping[str, str]) -> None:
    """Count what the journal tells."""
    if name == "request_seconds":
        REQUEST_SECONDS.labels(**labels).observe(amount)
        return
    counter = _COUNTERS[name]
    (counter.labels(**labels) if labels else counter).inc(amount)


class CommandCounter(CommandListener):
    """Count the commands of our client."""

    def started(self, event: CommandStartedEvent) -> None:
        """Wait for the end."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Count a command that was answered."""
        _count_command(event, "ok")

    def failed(self, event: CommandFailedEvent) -> None:
        """Count a command that failed."""
        _count_command(event, "failed")


def _count_command(event: CommandSucceededEvent | CommandFailedEvent, outcome: str) -> None:
    COMMANDS.labels(event.command_name, outcome).inc()
    COMMAND_SECONDS.labels(event.command_name).observe(event.duration_micros / 1e6)
