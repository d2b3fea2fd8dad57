"""A real Mongoose program in one Node process, which runs what it is sent."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from bson import json_util

#: The program, and what npm installs for it.
FOLDER = Path(__file__).parent.parent / "interop"

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
            ["node", "--no-warnings", str(FOLDER / "serve.js"), uri, str(modules)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, version: int, code: str, values: dict[str, Any]) -> Any:
        """Return what the code returns; raise ``MongooseError``."""
        process = self._process
        assert process.stdin and process.stdout
        sent = {"version": version, "code": code, "values": values}
        options = json_util.RELAXED_JSON_OPTIONS
        process.stdin.write(json_util.dumps(sent, json_options=options) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, f"Node has ended with {process.wait()}"
        if error := json.loads(line).get("error"):
            raise MongooseError(**error)
        return json_util.loads(line)["result"]

    def close(self) -> None:
        """End the process; it ends by itself, too, when this one does."""
        self._process.communicate()


class Program:
    """A Mongoose program: ``run`` gives the code the models, the values by name, and ``kept``.

    What the code puts into ``kept`` is there in the next call, for instance an old copy.
    """

    def __init__(self, process: Process, version: int) -> None:
        self._process = process
        self._version = version
        self.run("for (const name of Object.keys(kept)) delete kept[name]")

    def run(self, code: str, **values: Any) -> Any:
        """Return what the code returns; raise ``MongooseError``."""
        return self._process.run(self._version, code, values)


def missing() -> str | None:
    """Return what is missing on this machine, if anything is."""
    wanted = ".".join(map(str, NODE))
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            return f"Mongoose needs Node.js {wanted} or later and npm: there is no {name}."
    found = subprocess.check_output(["node", "--version"], text=True).strip()
    is_new = tuple(map(int, found.removeprefix("v").split(".")[:2])) >= NODE
    return None if is_new else f"Mongoose needs Node.js {wanted} or later: here is {found}."


def install(folder: Path) -> None:
    """Install the newest Mongoose 8 and 9 into the folder."""
    shutil.copy(FOLDER / "package.json", folder)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    subprocess.run(["npm", "install", *quiet], cwd=folder, check=True, timeout=300)
