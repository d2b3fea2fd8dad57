"""The reference of the management commands, made from their parsers.

``python -m support.command_reference`` in ``tests`` writes it into ``docs/commands.md``.
"""

import os
from argparse import Action
from collections.abc import Iterator
from pathlib import Path

import django
from django.core.management import get_commands, load_command_class
from django.core.management.base import DjangoHelpFormatter

from chabad_auth_django.management.base import OperatorCommand

PATH = Path(__file__).parents[2] / "docs" / "commands.md"

INTRODUCTION = """\
# The management commands

Made from the parsers of the commands by `cd tests && python -m support.command_reference`; a test
compares it with them.

Name a user by e-mail address, id or external id. `-` reads names from standard input, one in each
line.

| What | Where |
|---|---|
| results | standard output: a table, or with `--json` one object with the keys below |
| messages and questions | standard error |
| the progress bar | standard error, if that is a terminal |
| an error | standard error: one line that says what is wrong and what to do |

Every command can be interrupted and run again. With `-v 0` a command prints only errors and the
object of `--json`. A command that cron runs prints nothing if it did nothing. If a full disk or a
broken pipe does not take the whole output, that is an error, too.

On a terminal, long lines are broken between words. In a pipe they are not broken. Characters that
could control a terminal are replaced. Characters that the encoding of the output does not have are
written as `\\u05d0`.
"""


def command_names() -> list[str]:
    """Return the names of the package's commands."""
    return sorted(name for name, app in get_commands().items() if app == "chabad_auth_django")


def load(name: str) -> OperatorCommand:
    """Return a command of the package."""
    command = load_command_class("chabad_auth_django", name)
    assert isinstance(command, OperatorCommand)
    return command


def generate() -> str:
    """Return the reference as Markdown."""
    return "\n".join([INTRODUCTION, *(line for name in command_names() for line in section(name))])


def section(name: str) -> Iterator[str]:
    """Yield the lines about one command."""
    command = load(name)
    actions = [
        action
        for action in command.create_parser("manage.py", name)._actions
        if not {"--help", *DjangoHelpFormatter.show_last} & set(action.option_strings)
    ]
    yield f"## {name}\n\n{command.help}\n"
    if actions:
        yield "| Argument | Meaning |\n|---|---|"
        for action in actions:
            yield f"| `{usage(action)}` | {cell(action.help)} |"
        yield ""
    yield "| Exit status | |\n|---|---|"
    for status, text in command.all_exit_statuses().items():
        yield f"| {status} | {cell(text)} |"
    yield ""
    if command.all_json_keys():
        yield "| Key of `--json` | |\n|---|---|"
        for key, text in command.all_json_keys().items():
            yield f"| `{key}` | {cell(text)} |"
        yield ""


def usage(action: Action) -> str:
    """Return how the argument is written."""
    value = str(action.metavar or action.dest).upper().replace("_", "-")
    if not action.option_strings:
        return f"{value} …" if action.nargs == "+" else value
    names = ", ".join(action.option_strings)
    return cell(names if action.nargs == 0 else f"{names} {value}")


def cell(text: str | None) -> str:
    """Return the text as it stands in a table."""
    return (text or "").replace("|", "\\|")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "support.settings")
    django.setup()
    PATH.write_text(generate(), encoding="utf-8")
