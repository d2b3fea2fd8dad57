"""Sending the requests of ``http_works`` to the contestants' servers, in turns."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.database import Database

from benchmarks import wrk
from benchmarks.comparing import answered, check_equal, stored
from benchmarks.data import Data, Row, Scale, insert_app_data
from benchmarks.http_works import Request, requests
from benchmarks.measure import PROJECT, Result

PREFIX = "/api/users/me/"

#: The commands that are counted: those that read and write data, and end transactions.
COMMANDS = (
    *("find", "getMore", "aggregate", "count", "distinct"),
    *("insert", "update", "delete", "findAndModify", "bulkWrite"),
    *("commitTransaction", "abortTransaction"),
)


@dataclass(frozen=True)
class Servers:
    """The contestants' servers, and a token of each user of ``Data``, under its name there."""

    addresses: Mapping[str, str]
    tokens: Mapping[str, str]
    database: Database[Row]
    data: Data

    def headers(self, request: Request) -> dict[str, str]:
        """Return the headers of a request, as a proxy that ends TLS passes them on."""
        token = self.tokens[request.user]
        return {"Authorization": f"Bearer {token}", "X-Forwarded-Proto": "https"}

    def prepare(self) -> str:
        """Return the name of a new run, whose keys are stored with version 1."""
        run = uuid.uuid4().hex
        keys = [f"key-{number + 1}" for number in range(wrk.CONNECTIONS)]
        insert_app_data(self.database, self.data.writer, run, *keys)
        return run

    def send(self, request: Request, name: str, run: str) -> tuple[int, Any]:
        """Send a request once; return the status and the JSON, without the server's address."""
        address = self.addresses[name]
        text = f"{request.method}\n{request.path}\n{request.body}"
        for number in ("@thread", "@request"):
            text = text.replace(number, "1")
        method, path, body = text.replace("@run", run).split("\n")
        headers = {**self.headers(request), "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(address, timeout=60)
        connection.request(method, PREFIX + path, body or None, headers)
        response = connection.getresponse()
        content = response.read().decode()
        connection.close()
        if not 200 <= response.status < 300:
            raise AssertionError(f"{request.title}: {name} answers {response.status} {content}")
        return response.status, json.loads(content.replace(address, ""))

    def load(self, request: Request, name: str, seconds: int) -> float:
        """Send requests for some seconds; return how many were answered in a second.

        Raises ``AssertionError`` where one fails, or has not done what it should.
        """
        run = self.prepare()
        rate, count = wrk.load(
            f"http://{self.addresses[name]}{PREFIX}{request.path}",
            self.headers(request),
            seconds=seconds,
            method=request.method,
            body=request.body,
            run=run,
            thread_for_each=request.changes_versions,
        )
        if request.collection:
            done = self._done(request, run)
            if done < count:
                raise AssertionError(f"{request.title}: {name} has done {done} of {count}.")
        return rate

    def _done(self, request: Request, run: str) -> int:
        collection = self.database[request.collection]
        if request.documents:
            return collection.count_documents({"appId": run}) // request.documents
        return sum(row["version"] - 1 for row in collection.find({"appId": run}, {"version": 1}))


def check(servers: Servers, request: Request) -> None:
    """Send a request once to each; raise ``AssertionError`` unless all do the same.

    Nor may the project send more commands to MongoDB than the budget allows.
    """
    # Others send some, too; not each time.
    sent = min(_count_commands(servers, request) for _ in range(3))
    if sent > request.commands:
        raise AssertionError(
            f"{request.title}: {sent} commands to MongoDB, {request.commands} are allowed."
        )
    since = datetime.now(UTC) - timedelta(seconds=1)
    answers: dict[str, Any] = {}
    documents: dict[str, Any] = {}
    for name in servers.addresses:
        run = servers.prepare()
        status, value = servers.send(request, name, run)
        if request.collection:
            value = answered(value)
            found = stored(servers.database, {request.collection: {"appId": run}}, since)
            documents[name] = json.loads(json.dumps(found, default=str).replace(run, ""))
        answers[name] = json.loads(json.dumps([status, value]).replace(run, ""))
    check_equal(f"{request.title}, answer", answers)
    if documents:
        check_equal(f"{request.title}, documents", documents)


def _count_commands(servers: Servers, request: Request) -> int:
    run = servers.prepare()
    before = _commands(servers.database)
    servers.send(request, PROJECT, run)
    return _commands(servers.database) - before


def _commands(database: Database[Row]) -> int:
    """Return how many commands on data the server has had so far."""
    metrics = database.client.admin.command("serverStatus")["metrics"]["commands"]
    return sum(metrics[name]["total"] for name in COMMANDS if name in metrics)


def run(
    servers: Servers, scale: Scale, before_round: Callable[[], object], say: Callable[[str], object]
) -> list[Result]:
    """Check that all do the same, then send every request in each round; return the results.

    Without wrk they are only checked.
    """
    names = list(servers.addresses)
    wanted = requests(servers.data)
    for request in wanted:
        say(f"checking: {request.title}")
        check(servers, request)
    if not wrk.is_there():
        return []
    if scale.warm_up:
        say("warming up")
        before_round()
        for request in wanted:
            for name in names:
                servers.load(request, name, scale.warm_up)
    rates = [{name: list[float]() for name in names} for _ in wanted]
    for number in range(scale.http_rounds):
        say(f"round {number + 1} of {scale.http_rounds}")
        before_round()
        for request, found in zip(wanted, rates, strict=True):
            for name in names[:: -1 if number % 2 else 1]:
                found[name].append(servers.load(request, name, scale.seconds))
    return [
        Result(request.title, request.budget, True, found)
        for request, found in zip(wanted, rates, strict=True)
    ]
