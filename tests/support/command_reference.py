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

from chabad_auth_django.management.base import EXIT_STATUSES, OperatorCommand

PATH = Path(__file__).parents[2] / "docs" / "commands.md"

#: Options that many commands have.
COMMON = ("--dry-run", "--actor TEXT", "--json")

#: The exit statuses that a section leaves out.
USUAL = {**OperatorCommand.exit_statuses, **EXIT_STATUSES}

INTRODUCTION = f"""\
# The management commands

<!-- Made from the parsers of the commands: cd tests && python -m support.command_reference -->

| Option of many commands | Meaning |
|---|---|
| `--dry-run` | change nothing; say what would be done, with the key `dryRun` in the JSON |
| `--actor TEXT` | who runs this, for the audit trail; by default the system's user |
| `--json` | print one JSON object on standard output, with the keys that the section names |
| `-v 0` | print only errors and the object of `--json` |

| Exit status, unless a section says otherwise | |
|---|---|
| 0 | {USUAL[0]} |
| 2 | {USUAL[2]} |
| 130 | {USUAL[130]} |

SIGTERM (exit status 143) and SIGHUP (129) end a command as Ctrl-C does.

Results go to standard output; messages, questions, errors and the progress bar, which only a
terminal gets, to standard error. A command that cron runs prints nothing if it did nothing. Output
that a full disk or a broken pipe cuts off is an error.

A terminal gets long lines broken between words; a pipe gets them whole. Characters that could
control a terminal are replaced, and those that the encoding of the output lacks are written as
`\\u05d0`.
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
    hidden = {"--help", *DjangoHelpFormatter.show_last}
    parser = command.create_parser("manage.py", name)
    actions = [action for action in parser._actions if not hidden & set(action.option_strings)]
    common = [action for action in actions if usage(action) in COMMON]
    yield f"## {name}\n\n{command.help}\n"
    if len(actions) > len(common):
        yield "| Argument | Meaning |\n|---|---|"
        for action in actions:
            if action not in common:
                yield f"| `{usage(action)}` | {cell(action.help)} |"
        yield ""
    if common:
        *first, last = [f"`{usage(action)}`" for action in common]
        yield f"It takes {', '.join(first)}{' and ' if first else ''}{last}.\n"
    statuses = command.all_exit_statuses().items() - USUAL.items()
    if statuses:
        yield "| Exit status | |\n|---|---|"
        for status, text in sorted(statuses):
            yield f"| {status} | {cell(text)} |"
        yield ""
    if command.json_keys:
        yield "| Key of `--json` | |\n|---|---|"
        for key, text in command.json_keys.items():
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
