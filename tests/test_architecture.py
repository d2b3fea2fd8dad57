"""What ruff and import-linter do not look at; their rules are in pyproject.toml."""

from pathlib import Path

import chabad_auth_django

ROOT = Path(chabad_auth_django.__file__).parent

MAX_LINES = 350


def test_no_file_is_long() -> None:
    lines = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in ROOT.rglob("*.py")
    }
    assert {str(path): count for path, count in lines.items() if count > MAX_LINES} == {}
