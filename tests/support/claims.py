"""Claims about what the package survives: one line each with its figure, at the end of the run.

A plugin of pytest. ``--write-report`` puts the lines into ``docs/reliability.md``.
"""

import os
import platform
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
import pytest

REPORT = Path(__file__).parents[2] / "docs" / "reliability.md"

START, END = "<!-- figures -->\n", "<!-- end of figures -->\n"

Claim = Callable[[str, str, bool], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("survival")
    group.addoption("--long", action="store_true", help="the long form: hundreds of trials")
    group.addoption(
        "--load-seconds", type=int, help="how long the load lasts (1,800 with --long, else 10)"
    )
    group.addoption(
        "--write-report", action="store_true", help="write the figures into docs/reliability.md"
    )


@pytest.fixture(scope="session")
def long(pytestconfig: pytest.Config) -> bool:
    """Whether this is the long form, not the quick one."""
    return bool(pytestconfig.getoption("long"))


@pytest.fixture(scope="session")
def trials(long: bool) -> int:
    """How often a test that kills at random does so."""
    return 100 if long else 30


@pytest.fixture
def claim(record_property: Callable[[str, object], None]) -> Claim:
    """Report a claim with its figure, and fail unless it holds."""

    def report(text: str, figure: str, holds: bool) -> None:
        record_property("claim", (text, figure, holds))
        assert holds, f"{text}: {figure}"

    return report


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    claims = list(_claims(terminalreporter))
    if claims:
        terminalreporter.section("claims")
    for text, figure, holds in claims:
        word = "holds" if holds else "FAILS"
        terminalreporter.write_line(f"{word}  {text}: {figure}", green=holds, red=not holds)
    if config.getoption("write_report") and exitstatus == 0:
        _write([(text, figure) for text, figure, _ in claims])


def _claims(terminalreporter: Any) -> Iterator[tuple[str, str, bool]]:
    for outcome in ("passed", "failed"):
        for test in terminalreporter.getreports(outcome):
            if test.when == "call":
                yield from (value for name, value in test.user_properties if name == "claim")


def _write(claims: list[tuple[str, str]]) -> None:
    before, _, rest = REPORT.read_text(encoding="utf-8").partition(START)
    after = rest.partition(END)[2]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=REPORT.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    lines = [
        f"Commit {commit}, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, Django {django.get_version()}.\n",
        "| Claim | Figure |",
        "|---|---|",
        *(f"| {text} | {figure} |" for text, figure in claims),
    ]
    figures = "\n".join(lines)
    REPORT.write_text(f"{before}{START}\n{figures}\n\n{END}{after}", encoding="utf-8")
