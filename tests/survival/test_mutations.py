"""Breaking the package on purpose makes the tests fail."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.claims import Claim

SCRIPT = Path(__file__).with_name("mutations.py")


def test_each_mutation_is_caught(long: bool, claim: Claim) -> None:
    if not long:
        pytest.skip("each mutation takes a run of its own")
    result = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    lines = result.stdout.splitlines()
    caught = [line for line in lines if line.startswith("caught")]
    assert result.returncode == 0, result.stdout + result.stderr
    claim(
        "the package broken on purpose makes a test fail",
        f"{len(caught)} of {len(lines)} mutations caught",
        bool(lines) and caught == lines,
    )
