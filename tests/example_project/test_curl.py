"""The curl calls of the README, run as they stand."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chabad_auth_django.contrib.embedded.probe import free_port

ROOT = Path(__file__).resolve().parents[2]

#: A block of commands, and the answer that is shown below it, if any.
BLOCK = re.compile(
    r"^( *)```bash\n(.*?)^ *```\n(?:\n *```\n(.*?)^ *```\n)?", re.DOTALL | re.MULTILINE
)

#: What is another one each time: ids and times.
VARYING = re.compile(r"\b[0-9a-f]{24}\b|\d{4}-\d\d-\d\dT[\d:.]+Z")


def constant(answer: str) -> str:
    return VARYING.sub("*", answer)


def calls() -> list[tuple[str, str]]:
    """Return the commands and answers in the section of the README."""
    section = (ROOT / "README.md").read_text().partition("## Call it")[2].partition("\n## ")[0]
    blocks = [(commands, answer.strip()) for _, commands, answer in BLOCK.findall(section)]
    # The package is installed already.
    return [block for block in blocks if "pip install" not in block[0]]


@pytest.mark.slow
def test_the_calls_answer_as_shown(
    environment: dict[str, str], mongod_runs: Callable[[], bool]
) -> None:
    blocks = calls()
    shown = [answer for _, answer in blocks if answer]
    assert len(shown) == 5 and shown[-1].endswith(" 409")

    address = f"127.0.0.1:{free_port()}"
    ready = f"curl -s --retry 60 --retry-connrefused {address}/api/health/live/ >/dev/null"
    script = "".join(commands for commands, _ in blocks)
    script = script.replace("127.0.0.1:8000", address)
    script = script.replace("runserver &", f"runserver {address} >&2 &\n{ready}")
    result = subprocess.run(
        ["bash", "-eu", "-c", f"trap 'kill %1; wait' EXIT\n{script}"],
        cwd=ROOT,
        env={**environment, "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    answered = [line for line in result.stdout.splitlines() if line.startswith("{")]
    assert [constant(line) for line in answered] == [constant(line) for line in shown], (
        result.stdout + result.stderr
    )
    assert not mongod_runs()
