"""A data folder whose servers do not outlive the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from contrib.processes import kill_mongods


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A folder that does not exist yet, with a space in its path."""
    folder = tmp_path / "data folder"
    yield folder
    kill_mongods(folder)
