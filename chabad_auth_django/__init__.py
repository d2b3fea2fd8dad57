"""Users and their data on MongoDB, as a reusable Django app."""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

__version__ = "0.3.0"


def end_in_one_line(number: int, frame: FrameType | None) -> None:
    """Say that Ctrl-C ended the start of a command, and exit."""
    # No exception: one that is raised in the midst of an import may be swallowed or wrapped. There
    # is nothing to clean up yet.
    os.write(2, b"CommandError: Interrupted.\n")
    os._exit(130)


# Most of a short command's time is Django's start, of which this is the first that is ours. A
# command of ours that has begun meets Ctrl-C itself; one of a host with such a name may not.
if (
    sys.argv[1:]
    and sys.argv[1].startswith("chabad_")
    and Path(__file__).with_name("management").joinpath("commands", f"{sys.argv[1]}.py").exists()
    and threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, end_in_one_line)
