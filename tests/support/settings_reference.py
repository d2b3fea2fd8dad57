"""The tables of settings in the documentation, made from ``conf``.

``python -m support.settings_reference`` in ``tests`` writes each where a page in ``docs`` has
``<!-- settings: app_label -->``, up to the next ``<!-- end -->``.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chabad_auth_django import contrib
from chabad_auth_django.conf.table import Setting, Table

DOCS = Path(__file__).parents[2] / "docs"

PLACE = re.compile(r"(?<=<!-- settings: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def tables() -> dict[str, type[Table]]:
    """Return the tables of the core and of every contrib app, by app label."""
    for app in pkgutil.iter_modules(contrib.__path__, f"{contrib.__name__}."):
        if any(module.name == "conf" for module in pkgutil.iter_modules(_path(app.name))):
            importlib.import_module(f"{app.name}.conf")
    return {table.app_label: table for table in Table.known}


def _path(name: str) -> list[str]:
    return list(importlib.import_module(name).__path__)


def generate(page: str) -> str:
    """Return the text of a page with its tables as they are now."""
    known = tables()
    return PLACE.sub(lambda place: f"{place[1]}{place[2]}{table(known[place[1]])}", page)


def table(settings: type[Table]) -> str:
    """Return the Markdown of one table."""
    return "\n".join(["| Setting | Default | Meaning |", "|---|---|---|", *_rows(settings), ""])


def _rows(settings: type[Table]) -> Iterator[str]:
    for setting in settings.settings():
        help = setting.help.replace("|", "\\|")
        yield f"| `{setting.name}` | {_default(setting)} | {help} |"


def _default(setting: Setting[Any]) -> str:
    value = setting.default
    if setting.shown_default:
        return setting.shown_default
    if value is None:
        return "none"
    if setting.name.endswith("_BYTES"):
        return f"{value // 1024} KiB"
    if isinstance(value, (list, tuple)) and value:
        return ", ".join(f"`{item}`" for item in value)
    return f"`{value}`"


if __name__ == "__main__":
    for path in DOCS.glob("*.md"):
        page = path.read_text(encoding="utf-8")
        if (made := generate(page)) != page:
            path.write_text(made, encoding="utf-8")
