"""Counting what is sent to MongoDB."""

from typing import Any

from pymongo.monitoring import CommandListener


class CommandCounter(CommandListener):
    """Keep each command that a client sends, in order."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def clear(self) -> None:
        self.sent.clear()

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.sent]

    def started(self, event: Any) -> None:
        self.sent.append((event.command_name, dict(event.command)))

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass
