"""What a result was made on, and with."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import wrk
from benchmarks.arena import CACHE, Arena
from benchmarks.contestants import MONGOOSE
from benchmarks.processes import ROOT, THREADS, WORKERS

PACKAGES = (
    "Django",
    "djangorestframework",
    "mongoengine",
    "pymongo",
    "orjson",
    "PyJWT",
    "granian",
)


def describe(arena: Arena) -> dict[str, str]:
    """Return what a reader must know, each under its name."""
    server = arena.database.client.server_info()["version"]
    packages = [f"{name} {version(name)}" for name in PACKAGES]
    described = {
        "Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "Commit": _commit(),
        "Rounds": f"{arena.scale.rounds}, over HTTP {arena.scale.http_rounds}",
        "Processor": f"{_processor()}, {os.cpu_count()} cores",
        "Memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "Load average before": f"{os.getloadavg()[0]:.2f}",
        "System": platform.platform(),
        "MongoDB": f"{server}, a replica set of one, {CACHE} GB of cache",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Packages": ", ".join(packages),
    }
    if any(contestant.name == "express" for contestant in arena.contestants):
        pinned = json.loads((MONGOOSE / "package.json").read_text())["dependencies"]
        node = [f"{name} {number}" for name, number in pinned.items()]
        described["Node.js"] = ", ".join([_output(["node", "--version"]), *node])
    return described


def describe_http(arena: Arena) -> dict[str, str]:
    """Return what a reader must know of the servers."""
    _, middleware = arena.project.call("middleware", {})
    return {
        "Servers": f"in Python granian, {WORKERS} workers of {THREADS} threads each; "
        f"in Node.js {WORKERS} processes",
        "Load": f"wrk {wrk.version()}, {wrk.CONNECTIONS} connections, "
        f"{arena.scale.seconds} s in each round",
        "Middleware": ", ".join(f"`{name.rpartition('.')[2]}`" for name in middleware),
    }


def _commit() -> str:
    commit = _output(["git", "rev-parse", "--short", "HEAD"])
    # The results that this run replaces are no change of the code.
    changed = _output(["git", "status", "--porcelain", "--", ".", *_RESULTS])
    return f"{commit or 'unknown'}{', with changes' if changed else ''}"


_RESULTS = [f":!benchmarks/{name}" for name in ("RESULTS.md", "results.json", "results.svg")]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _output(command: Sequence[str]) -> str:
    if not shutil.which(command[0]):
        return ""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()
