"""Whatever happens to events in whatever order, every count is what plain Python counts."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from pymongo.database import Database
from support.histories import History, settings


@pytest.mark.slow
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_histories(mongodb: str, raw: Database, tmp_path: Path, seed: int, keep: bool) -> None:
    """Fifty of them."""
    chance = random.Random(f"{seed} {keep}")
    with settings(mongodb, keep):
        for number in range(50):
            history = History(raw, tmp_path / str(number), chance, keep)
            history.begin()
            for _ in range(chance.randint(2, 12)):
                history.step()
                history.check()
