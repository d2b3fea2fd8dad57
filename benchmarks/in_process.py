"""Doing the works of ``works.WORKS`` in the contestants' processes, in turns."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.database import Database

from benchmarks.comparing import check_equal, stored
from benchmarks.data import QUICK, Data, Row, Scale
from benchmarks.measure import Result
from benchmarks.processes import Worker
from benchmarks.works import WORKS, Work

#: What is said while the works are done.
Say = Callable[[str], object]


def run(
    workers: Mapping[str, Worker],
    database: Database[Row],
    data: Data,
    scale: Scale,
    before_round: Callable[[], object],
    say: Say,
) -> list[Result]:
    """Check that all do the same, then do every work in each round; return the results."""
    for work in WORKS:
        say(f"checking: {work.title}")
        _check(work, workers, database, data)
    seconds = [{name: list[float]() for name in workers} for _ in WORKS]
    # The first round is for warming up.
    for number in range(scale.rounds + 1):
        say(f"round {number} of {scale.rounds}")
        before_round()
        for work, taken in zip(WORKS, seconds, strict=True):
            for name in list(workers)[:: -1 if number % 2 else 1]:
                order = work.order(database, data, scale)
                total, _ = workers[name].call(work.function, *order.calls)
                if number:
                    taken[name].append(total / len(order.calls))
    return [
        Result(work.title, work.budget, False, taken)
        for work, taken in zip(WORKS, seconds, strict=True)
    ]


def _check(work: Work, workers: Mapping[str, Worker], database: Database[Row], data: Data) -> None:
    since = datetime.now(UTC) - timedelta(seconds=1)
    answers: dict[str, Any] = {}
    documents: dict[str, Any] = {}
    for name, worker in workers.items():
        order = work.order(database, data, replace(QUICK, ingested=100))
        _, answer = worker.call(work.function, *order.calls)
        answers[name] = json.loads(answer) if isinstance(answer, str) else answer
        documents[name] = stored(database, order.stored(), since)
    check_equal(f"{work.title}, answer", answers)
    check_equal(f"{work.title}, documents", documents)
