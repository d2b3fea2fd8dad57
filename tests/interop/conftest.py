"""A real Mongoose program beside us, on the database of the test."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bson import json_util

HERE = Path(__file__).parent

#: What Mongoose 9 runs on.
NODE = (20, 19)


class MongooseError(Exception):
    """An error of the program, by its JavaScript name."""

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        super().__init__(f"{name}: {message}")


class Process:
    """The one Node process of the test session, which knows both versions of Mongoose."""

    def __init__(self, uri: str, modules: Path) -> None:
        self._process = subprocess.Popen(
            ["node", str(HERE / "serve.js"), uri, str(modules)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, version: int, code: str, values: dict[str, Any]) -> Any:
        process = self._process
        assert process.stdin and process.stdout
        sent = {"version": version, "code": code, "values": values}
        process.stdin.write(json_util.dumps(sent, json_options=json_util.RELAXED_JSON_OPTIONS))
        process.stdin.write("\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, f"Node has ended with {process.wait()}"
        if error := json.loads(line).get("error"):
            raise MongooseError(**error)
        return json_util.loads(line)["result"]

    def close(self) -> None:
        self._process.communicate()


class Program:
    """A Mongoose program: ``run`` gives the code the models, ``kept`` and the values by name."""

    def __init__(self, process: Process, version: int) -> None:
        self._process = process
        self._version = version
        self.run("for (const name of Object.keys(kept)) delete kept[name]")

    def run(self, code: str, **values: Any) -> Any:
        """Return what the code returns; raise ``MongooseError``."""
        return self._process.run(self._version, code, values)


def _missing() -> str | None:
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            return f"no {name}"
    found = subprocess.check_output(["node", "--version"], text=True).strip()
    is_new = tuple(map(int, found.removeprefix("v").split(".")[:2])) >= NODE
    return None if is_new else f"Node.js {found}"


@pytest.fixture(scope="session")
def process(
    replica_set_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """A Node process with the newest Mongoose 8 and 9, installed by npm for this session."""
    if missing := _missing():
        wanted = ".".join(map(str, NODE))
        pytest.skip(f"Mongoose needs Node.js {wanted} or later and npm; here is {missing}.")
    modules = tmp_path_factory.mktemp("mongoose")
    shutil.copy(HERE / "package.json", modules)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    subprocess.run(["npm", "install", *quiet], cwd=modules, check=True, timeout=300)
    process = Process(replica_set_uri, modules)
    yield process
    process.close()


@pytest.fixture(params=[8, 9], ids="mongoose {}".format)
def mongoose(request: pytest.FixtureRequest, mongodb: str, process: Process) -> Program:
    """A Mongoose program of each version on the empty database of the test."""
    return Program(process, request.param)
