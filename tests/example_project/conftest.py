"""The example project as its user runs it: real processes, a data folder of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chabad_auth_django.contrib.embedded.folder import DataFolder

MANAGE = Path(__file__).resolve().parents[2] / "example_project" / "manage.py"

#: What pytest or a developer may have set, and a user of the example has not.
NOT_INHERITED = {
    "MONGODB_URI",
    "DJANGO_SETTINGS_MODULE",
    "DJANGO_DEBUG",
    "DJANGO_SECRET_KEY",
    "DJANGO_ALLOWED_HOSTS",
    "DJANGO_NUM_PROXIES",
}

Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def servers_of_its_own(our_server: None) -> None:
    """Skip all where TEST_MONGODB_URI names a server: the project starts one."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a process of the example project."""
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return inherited | {"EXAMPLE_DATA_DIR": str(tmp_path), "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def command() -> list[str]:
    """The start of a command line; every warning is an error."""
    return [sys.executable, "-W", "error", str(MANAGE)]


@pytest.fixture
def manage(environment: dict[str, str], command: list[str]) -> Manage:
    """Run ``manage.py`` to its end: ``manage("check", MONGODB_URI=uri)``."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments],
            env=environment | variables,
            capture_output=True,
            encoding="utf-8",
            timeout=600,
        )

    return run


@pytest.fixture
def mongod_runs(tmp_path: Path) -> Callable[[], bool]:
    """Tell whether a server runs on the data folder."""
    return DataFolder(tmp_path / "mongodb-data").in_use
