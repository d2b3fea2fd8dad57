"""``python -m benchmarks``: measure, print, and write what was found; see README.md."""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path

import pymongo

from benchmarks import contestants, http_run, in_process, report
from benchmarks.data import FULL, QUICK, load
from benchmarks.measure import PROJECT
from benchmarks.processes import environment, servers, workers
from chabad_auth_django.contrib.embedded.server import Mongod

IN_PROCESS, HTTP = PARTS = ("in-process", "http")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=PARTS)
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    parts = [options.only] if options.only else PARTS
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {text}", file=sys.stderr, flush=True)

    taking_part = contestants.find(say)
    titles = {contestant.name: contestant.title for contestant in taking_part}
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        server = Mongod(Path(folder, "mongodb-data"), cache_size_gb=1, database="benchmarks")
        uri = server.start()
        try:
            variables = environment(
                MONGODB_URI=uri,
                EXAMPLE_DATA_DIR=folder,
                DJANGO_DEBUG="0",
                DJANGO_SECRET_KEY=secrets.token_urlsafe(64),
                DJANGO_ALLOWED_HOSTS="127.0.0.1",
                BENCHMARK_SIGNING_KEY=secrets.token_urlsafe(64),
            )
            with (
                pymongo.MongoClient(uri, tz_aware=True) as client,
                workers(taking_part, variables) as running,
            ):
                database = client.get_default_database()
                say("loading")
                data = load(database, scale)
                say("indexes")
                running[PROJECT].call("deploy", {})
                say("rolling up")
                running[PROJECT].call("roll_up", {})
                if IN_PROCESS in parts:
                    results = in_process.run(running, database, data, scale, say)
                    print(report.as_text(report.table(results, titles)))
                if HTTP in parts:
                    say("rolling up")
                    running[PROJECT].call("roll_up", {})
                    tokens = [
                        running[PROJECT].call("issue_token", {"user_id": str(user)})[1]
                        for user in (data.reader, data.writer)
                    ]
                    with servers(taking_part, variables) as addresses:
                        served = http_run.Servers(addresses, *tokens, database, data)
                        results = http_run.run(served, scale, say)
                    if results:
                        print(report.as_text(report.table(results, titles)))
                say("done")
        finally:
            server.stop()


main()
