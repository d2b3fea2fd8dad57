"""Who takes part: each is a process that does works, and a server that answers requests."""

from __future__ import annotations

from benchmarks.measure import BASE, PROJECT
from benchmarks.processes import Contestant, python_contestant

PYTHON: list[Contestant] = [
    python_contestant(
        PROJECT,
        "chabad_auth_django",
        works="benchmarks.contestants.project",
        wsgi="config.wsgi",
        settings="benchmarks.settings",
    ),
    python_contestant(
        BASE,
        "raw PyMongo",
        works="benchmarks.contestants.raw.works",
        wsgi="benchmarks.contestants.raw.wsgi",
    ),
]
