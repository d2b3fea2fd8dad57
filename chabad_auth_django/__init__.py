"""Users and their data on MongoDB, as a reusable Django app."""

import sys
from types import TracebackType

__version__ = "0.3.0"


def _end_in_one_line(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    # Python 3.11 wraps what is raised while a class is made.
    if not isinstance(error.__cause__ or error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    sys.stderr.write("CommandError: Interrupted.\n")
    raise SystemExit(130)


# Most of a short command's time is Django's start, of which this is the first that is ours. A
# command that has begun meets Ctrl-C itself.
if sys.argv[1:] and sys.argv[1].startswith("chabad_"):
    sys.excepthook = _end_in_one_line
