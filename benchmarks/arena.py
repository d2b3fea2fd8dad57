"""Where the contestants meet: a server of its own, with what is stored before the works begin."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymongo
from pymongo.database import Database

from benchmarks import http_run, in_process
from benchmarks.data import Data, Row, Scale, load
from benchmarks.measure import PROJECT, Result
from benchmarks.processes import Contestant, Worker, environment, servers, workers
from chabad_auth_django.contrib.embedded.server import Mongod

#: Gigabytes of cache of the MongoDB server.
CACHE = 1

Say = Callable[[str], object]


@dataclass(frozen=True)
class Arena:
    """What a part of the benchmark needs."""

    contestants: Sequence[Contestant]
    environment: Mapping[str, str]
    workers: Mapping[str, Worker]
    database: Database[Row]
    data: Data
    scale: Scale
    say: Say

    @property
    def project(self) -> Worker:
        """The worker of the project."""
        return self.workers[PROJECT]

    def run_in_process(self) -> list[Result]:
        """Do the works in the workers."""
        return in_process.run(
            self.workers, self.database, self.data, self.scale, self._roll_up, self.say
        )

    def run_http(self) -> list[Result]:
        """Send requests to the servers."""
        users = {"reader": self.data.reader, "writer": self.data.writer}
        users["newcomer"] = self.data.newcomer
        tokens = {
            name: self.project.call("issue_token", {"user_id": str(user)})[1]
            for name, user in users.items()
        }
        with servers(self.contestants, self.environment) as addresses:
            running = http_run.Servers(addresses, tokens, self.database, self.data)
            return http_run.run(running, self.scale, self._roll_up, self.say)

    def _roll_up(self) -> None:
        # As cron does, every few minutes.
        self.project.call("roll_up", {})


@contextmanager
def prepare(contestants: Sequence[Contestant], scale: Scale, say: Say) -> Iterator[Arena]:
    """Start everything, and store what the works find; stop and remove it all in the end."""
    with tempfile.TemporaryDirectory(prefix="chabad-auth-benchmarks-") as folder:
        server = Mongod(
            Path(folder, "mongodb-data"), cache_size_gb=CACHE, database="chabad_auth_benchmarks"
        )
        uri = server.start()
        client: pymongo.MongoClient[Row] = pymongo.MongoClient(uri, tz_aware=True)
        variables = environment(
            MONGODB_URI=uri,
            EXAMPLE_DATA_DIR=folder,
            DJANGO_DEBUG="0",
            DJANGO_SECRET_KEY=secrets.token_urlsafe(64),
            DJANGO_ALLOWED_HOSTS="127.0.0.1",
            BENCHMARK_SIGNING_KEY=secrets.token_urlsafe(64),
        )
        try:
            with client, workers(contestants, variables) as running:
                database = client.get_default_database()
                say(f"storing {scale.activities:,} activities and {scale.analytics:,} events")
                data = load(database, scale)
                arena = Arena(contestants, variables, running, database, data, scale, say)
                say("creating the indexes")
                arena.project.call("deploy", {})
                say("rolling up the events")
                arena.project.call("roll_up", {})
                yield arena
        finally:
            server.stop()
