"""Who takes part: each is a process that does works, and a server that answers requests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import BASE, PROJECT
from benchmarks.processes import Contestant, python_contestant

PYTHON = [
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
    python_contestant(
        "plain",
        "mongoengine + DRF",
        works="benchmarks.contestants.plain.works",
        wsgi="config.wsgi",
        settings="benchmarks.contestants.plain.settings",
    ),
]

MONGOOSE = Path(__file__).with_name("mongoose")


def find(say: Callable[[str], object]) -> list[Contestant]:
    """Return those who can take part here; say what to install for the others."""
    modules = _install_node_modules(say)
    if modules is None:
        return PYTHON
    mongoose = [
        Contestant(
            name,
            title,
            # In process there is no difference.
            worker=["node", str(MONGOOSE / "worker.js")] if name == "express" else [],
            server=["node", str(MONGOOSE / f"{name}.js")],
            environment={"NODE_PATH": str(modules), "NODE_ENV": "production"},
        )
        for name, title in (("express", "Mongoose + Express"), ("fastify", "Mongoose + Fastify"))
    ]
    return [*PYTHON, *mongoose]


def _install_node_modules(say: Callable[[str], object]) -> Path | None:
    if not (shutil.which("node") and shutil.which("npm")):
        say("Mongoose is left out: install Node.js, with npm.")
        return None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "chabad-auth-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(MONGOOSE / "package.json", folder)
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline"]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if installed.returncode:
        say(f"Mongoose is left out: npm install failed in {folder}.")
        return None
    return folder / "node_modules"
