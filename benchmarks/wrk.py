"""Load through ``wrk``."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

SCRIPT = Path(__file__).with_name("wrk.lua")

CONNECTIONS = 16

#: Threads of wrk, where each connection need not have one of its own.
THREADS = 2


def is_there() -> bool:
    """Tell whether ``wrk`` can be run."""
    return shutil.which("wrk") is not None


def version() -> str:
    """Return the version of ``wrk``."""
    output = subprocess.run(["wrk", "-v"], capture_output=True, text=True).stdout
    return output.split(" [")[0].removeprefix("wrk ").strip()


def load(
    url: str,
    headers: Mapping[str, str],
    *,
    seconds: int,
    method: str = "GET",
    body: str = "",
    run: str = "",
    thread_for_each: bool = False,
) -> tuple[float, int]:
    """Send requests over 16 connections, one after another on each; return rate and number.

    In the URL and the body ``@run`` stands for ``run`` and ``@thread`` for the number of wrk's
    thread, in the body ``@request`` for the number of the thread's request; both from 1.
    Raises ``AssertionError`` if a request fails or is answered by an error.
    """
    threads = CONNECTIONS if thread_for_each else THREADS
    options = ["-t", str(threads), "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--timeout", "20s"]
    for name, value in headers.items():
        options += ["-H", f"{name}: {value}"]
    command = ["wrk", *options, "-s", str(SCRIPT), url, "--", method, url, body, run]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    summary = json.loads(output.splitlines()[-1])
    if summary["failed"] or not summary["requests"]:
        raise AssertionError(f"{method} {url}: {summary['failed']} failed.\n{output}")
    return summary["requests"] / summary["seconds"], summary["requests"]
