"""What all management commands have in common: errors, output, questions."""

import io
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import Any, ClassVar, NoReturn, TypeVar

import pymongo
from bson import ObjectId
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser, SystemCheckError
from pymongo.errors import PyMongoError

from chabad_auth_django.exceptions import ChabadAuthError
from chabad_auth_django.failures import log_failure
from chabad_auth_django.management.arguments import HelpFormatter, typed
from chabad_auth_django.management.describing import DESCRIBED, describe
from chabad_auth_django.management.output import Line, Progress, to_json
from chabad_auth_django.management.process_signals import catch_signals, exit_status
from chabad_auth_django.management.terminal import Messages, Terminal, printable
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import heartbeats
from chabad_auth_django.services.identity import audit
from chabad_auth_django.services.identity.audit import Actor

#: The command did its work, and found something that the operator asked it to look for.
EXIT_FOUND = 1

#: The command could not do its work: bad arguments, no server, no such user.
EXIT_ERROR = 2

#: Ctrl-C, as a shell reports it.
EXIT_INTERRUPTED = 130

#: The exit status of every command, where it does not say otherwise.
EXIT_STATUSES: Mapping[int, str] = {
    EXIT_ERROR: "it could not do its work, or not all of it; one line on standard error says why",
    EXIT_INTERRUPTED: "interrupted by Ctrl-C; run it again to continue",
}

#: Seconds that storing the heartbeat may take.
BEAT_TIMEOUT = 2.0

T = TypeVar("T")

# Where the project configures no log, Python would write the tracebacks of PyMongo's own threads on
# standard error.
logging.getLogger("pymongo").addHandler(logging.NullHandler())


class NotDone(CommandError):
    """The command could not do its work; it ends with ``EXIT_ERROR``."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=EXIT_ERROR)


class Found(CommandError):
    """The command did its work and found what it looks for; it ends with ``EXIT_FOUND``."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=EXIT_FOUND)


class OperatorCommand(BaseCommand):
    """A command that reports an error in one line and exits with ``EXIT_ERROR``."""

    #: What further exit statuses mean; ``EXIT_STATUSES`` has those of every command.
    exit_statuses: ClassVar[Mapping[int, str]] = {0: "done"}

    #: The keys of the object that ``--json`` prints, with their meaning; none: no such option.
    json_keys: ClassVar[Mapping[str, str]] = {}

    #: Whether it takes ``--dry-run``. The JSON object has the key ``dryRun`` then.
    has_dry_run: ClassVar[bool] = False

    #: What an operator should do after an interruption.
    go_on: ClassVar[str] = "The same command goes on from here."

    #: Whether it does what the audit trail records, and so asks who runs it.
    is_audited: ClassVar[bool] = False

    #: Whether cron runs it: it leaves a heartbeat, and is silent there when it did nothing.
    is_scheduled: bool = False

    stdout: Terminal
    stderr: Messages
    _parser: CommandParser | None = None
    _as_json = False
    _is_quiet = False
    _is_dry_run = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fit_streams(self.stdout._out, self.stderr._out)

    @classmethod
    def all_exit_statuses(cls) -> dict[int, str]:
        """Return each exit status with its meaning."""
        return dict(sorted({**EXIT_STATUSES, **cls.exit_statuses}.items()))

    @classmethod
    def all_json_keys(cls) -> dict[str, str]:
        """Return each key of the object that ``--json`` prints, with its meaning."""
        dry_run = {"dryRun": "whether nothing was changed"} if cls.has_dry_run else {}
        return {**cls.json_keys, **dry_run}

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, which ends the command with ``EXIT_ERROR`` for bad arguments."""
        statuses = "; ".join(
            f"{status} {text}" for status, text in self.all_exit_statuses().items()
        )
        kwargs.setdefault("epilog", f"Exit status: {statuses}.")
        kwargs.setdefault("formatter_class", HelpFormatter)
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.error = partial(_refuse, parser)  # type: ignore[method-assign]
        if self.has_dry_run:
            parser.add_argument(
                "--dry-run", action="store_true", help="change nothing; say what would be done"
            )
        if self.is_audited:
            parser.add_argument(
                "--actor",
                metavar="TEXT",
                help="who runs this, for the audit trail; by default the system's user",
            )
        if self.json_keys:
            keys = ", ".join(self.all_json_keys())
            parser.add_argument(
                "--json",
                action="store_true",
                dest="as_json",
                help=f"print one JSON object on standard output, with the keys {keys}",
            )
        self._parser = parser
        return parser

    def execute(self, *args: Any, **options: Any) -> Any:
        """Run the command; raise ``CommandError`` for every error that an operator can meet."""
        self._fit_streams(
            options.pop("stdout", None) or self.stdout._out,
            options.pop("stderr", None) or self.stderr._out,
        )
        self._as_json = options.get("as_json", False)
        self._is_quiet = options.get("verbosity") == 0
        self._is_dry_run = options.get("dry_run", False)
        self._failures: list[str] = []
        self.rows: list[Mapping[str, Any]] = []
        name = type(self).__module__.rpartition(".")[2]
        started_at, status = now(), EXIT_ERROR
        try:
            result = self._execute(name, *args, **options)
            self._report_failures()
            status = 0
        except CommandError as error:
            status = error.returncode
            # A name in it may hold a line break, or a control sequence of terminals.
            raise CommandError(printable(str(error)), returncode=status) from error.__cause__
        finally:
            self.stdout.give_up()
            if self.is_scheduled and not self._is_dry_run:
                # Where MongoDB does not answer, the old heartbeat tells that the command is late.
                with (
                    suppress(PyMongoError, ImproperlyConfigured, KeyboardInterrupt),
                    pymongo.timeout(BEAT_TIMEOUT),
                ):
                    heartbeats.record(command=name, started_at=started_at, status=status)
        return result

    def _execute(self, name: str, /, *args: Any, **options: Any) -> Any:
        try:
            is_process = getattr(self, "_called_from_command_line", False)
            actor = Actor.command(name, operator=options.get("actor"))
            rehearsal = audit.rehearsal() if self._is_dry_run else nullcontext()
            if self.stdout._out is None:
                raise NotDone("Nothing was done: standard output is closed.")
            # A parent may have closed it, too.
            sys.stdin = sys.stdin or io.TextIOWrapper(io.BytesIO())
            if self._parser:
                options |= typed(self._parser, options)
            with catch_signals(is_process=is_process), audit.acting_as(actor), rehearsal:
                result = super().execute(*args, **options)
            self.stdout.flush()
            return result
        except Found as found:
            if not self._failures:
                raise
            self.say(str(found))
        except KeyboardInterrupt as error:
            # A KeyboardInterrupt that leaves an exec() makes "python -m" end by SIGINT in place of
            # the exit code, until the next exec() begins.
            exec("")  # noqa: S102
            text = f"Interrupted. {self.go_on}"
            raise CommandError(text, returncode=exit_status(error)) from None
        except SystemCheckError as error:
            raise NotDone(
                "The system checks found errors: 'manage.py check' shows them. Nothing was done."
            ) from error
        except (UnicodeDecodeError, UnicodeEncodeError) as error:
            text = f"An argument or standard input is no text in {error.encoding}."
            raise NotDone(text) from error
        except DESCRIBED as error:
            raise NotDone(describe(error)) from error

    def _fit_streams(self, stdout: Any, stderr: Any) -> None:
        style = self.stderr.style_func
        self.stdout, self.stderr = Terminal(stdout), Messages(stderr)
        self.stderr.style_func = style

    def check(self, *args: Any, **kwargs: Any) -> None:
        """Run the system checks; hide their warnings from cron, which would mail them."""
        shown = self.stderr
        if self._is_quiet or (self.is_scheduled and not self.stdout.isatty()):
            self.stderr = Messages(io.StringIO())
        try:
            super().check(*args, **kwargs)
        finally:
            self.stderr = shown

    def report(
        self, result: Mapping[str, Any], lines: Iterable[Line], *, is_idle: bool = False
    ) -> None:
        """Write the result: as JSON with ``all_json_keys``, or the lines for people.

        ``is_idle``: a scheduled command found nothing to do, which cron need not mail.
        """
        if self._as_json:
            result = {**result, "dryRun": self._is_dry_run}
            self.stdout.write_whole(to_json({key: result[key] for key in self.all_json_keys()}))
        elif not (is_idle and self.is_scheduled and not self.stdout.isatty()):
            for item in lines:
                self.tell(item)

    @property
    def is_heard(self) -> bool:
        """Whether a report is shown at all."""
        return self._as_json or not self._is_quiet

    def tell(self, item: Line) -> None:
        """Write something for people at once; nothing with ``--json`` or ``-v 0``."""
        if self._as_json or self._is_quiet:
            return
        for line in [item] if isinstance(item, str) else item.lines(self.stdout.width):
            self.stdout.write(printable(line))

    def tell_row(self, row: Mapping[str, Any], line: str) -> None:
        """Keep the row in ``rows`` with ``--json``; else write its line and keep nothing."""
        if self._as_json:
            self.rows.append(row)
        self.tell(line)

    def say(self, item: Line) -> None:
        """Write a message on standard error."""
        for line in [item] if isinstance(item, str) else item.lines(self.stderr.width):
            self.stderr.write(printable(line), style_func=str)

    def progress(self, label: str, total: int) -> Progress:
        """Return a progress bar on standard error."""
        return Progress(self.stderr, label, total, hidden=self._is_quiet)

    def each(self, names: Iterable[str], find: Callable[[str], T | None]) -> Iterator[T]:
        """Yield what ``find`` returns, unless it is ``None``; tell at the end what it refused.

        The name ``-`` stands for the lines of standard input; empty ones and ``#`` are passed over.
        """
        for name in names:
            for item in _lines() if name == "-" else [name]:
                found = None
                with self.passing_over():
                    found = find(item)
                if found is not None:
                    yield found

    @contextmanager
    def passing_over(self, user_id: ObjectId | None = None) -> Iterator[None]:
        """Tell in the end what was refused or failed here, and go on with the next user."""
        try:
            yield
        except ChabadAuthError as error:
            self.pass_over(error, user_id)
        except DESCRIBED:
            raise
        except Exception as error:
            log_failure(type(self), error, moment="for one of the users")
            self.pass_over(error, user_id)

    def pass_over(self, error: Exception, user_id: ObjectId | None = None) -> None:
        """Tell in the end what went wrong with a user."""
        text = describe(error)
        self._failures.append(text if user_id is None else f"{user_id}: {text}")

    def ask(self, question: str) -> str:
        """Return the operator's answer; raise ``NotDone`` without a terminal."""
        if not sys.stdin.isatty():
            raise NotDone(
                "Nothing was done: there is no terminal to ask on. See --help for the option that "
                "answers."
            )
        self.stderr.write(printable(question), style_func=str, ending=" ")
        self.stderr.flush()
        answer = sys.stdin.readline()
        if not answer:
            raise NotDone("Nothing was done: there was no answer.")
        return answer.strip()

    def confirm(self, question: str, expected: str) -> None:
        """Ask for a typed confirmation; raise ``NotDone`` unless it is the expected one."""
        if self.ask(f"{question} To confirm, type {expected}:") != expected:
            raise NotDone("Nothing was done: not confirmed.")

    def _report_failures(self) -> None:
        if len(self._failures) == 1:
            raise NotDone(self._failures[0])
        if self._failures:
            for failure in self._failures:
                self.say(failure)
            raise NotDone(
                f"Passed over: {len(self._failures):,}. All others are done. Correct what is told "
                "above, and run the command for them again."
            )


def _refuse(parser: CommandParser, message: str) -> NoReturn:
    line = f"{message.removesuffix('.')}. '{parser.prog.strip()} --help' says what it takes."
    line = printable(line)
    if parser.called_from_command_line:
        Messages(sys.stderr).write(f"CommandError: {line}")
        parser.exit(EXIT_ERROR)
    raise NotDone(line)


def _lines() -> Iterator[str]:
    for line in sys.stdin:
        # Spreadsheets save a text with a byte order mark.
        if (name := line.removeprefix("\ufeff").strip()) and not name.startswith("#"):
            yield name
