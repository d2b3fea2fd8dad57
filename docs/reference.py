"""The tables of the site that are made from the code, by their names."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import chabad_auth_django
from chabad_auth_django import contrib
from chabad_auth_django.checks.risks import RISKS
from chabad_auth_django.conf.table import Table

PACKAGE = Path(chabad_auth_django.__file__).parent


def checks() -> Iterator[str]:
    """Yield the rows of the system checks: those in the code, and those of the settings."""
    for app in pkgutil.iter_modules(contrib.__path__, f"{contrib.__name__}."):
        if (PACKAGE / "contrib" / app.name.rpartition(".")[2] / "conf.py").exists():
            importlib.import_module(f"{app.name}.conf")
    found = dict(_checks_in_code())
    for risk in RISKS:
        found[f"chabad_auth.W{risk.number:03}"] = f"{risk.message} {risk.hint}"
    for table in Table.known:
        for setting in table.settings():
            text = f"`CHABAD_AUTH[{setting.name!r}]` must be {setting.rule.expected}."
            found[setting.check_id] = text
    yield "| Id | What it says |"
    yield "|---|---|"
    for name in sorted(found):
        yield f"| `{name}` | {cell(found[name])} |"


def cell(text: str) -> str:
    """Return the text as it stands in a table."""
    return text.replace("|", "\\|")


def _checks_in_code() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and re.fullmatch(
                r"(checks\.)?(Error|Warning)", ast.unparse(node.func)
            ):
                parts = {item.arg: item.value for item in node.keywords}
                if isinstance(name := parts.get("id"), ast.Constant):
                    texts = [node.args[0], *filter(None, [parts.get("hint")])]
                    text = " ".join(map(_text, texts)).removesuffix(" …")
                    yield str(name.value), re.sub(r"…+\.?", "…", text)


def _text(node: ast.expr) -> str:
    """Return a text of the code, with … for what is known when it is shown."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "…"


TABLES: Mapping[str, Callable[[], Iterator[str]]] = {
    "checks": checks,
}
