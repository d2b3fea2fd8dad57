"""The rules that keep the package easy to find one's way in."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import chabad_auth_django

PACKAGE = "chabad_auth_django"
ROOT = Path(chabad_auth_django.__file__).parent

#: Each module imports only from its own line and those above.
LAYERS = [
    {"conf", "exceptions", "failures"},
    {"signals"},
    {"validators"},
    {"db"},
    {"models"},
    {"services"},
    {"receivers", "checks", "api", "management"},
    {"apps"},
    # Optional parts: nothing in the core knows of them.
    {"contrib"},
]

#: Each says there why: settings modules import it and need no driver; it belongs to an extra.
LATE_IMPORTS = {Path("contrib/embedded/__init__.py"), Path("contrib/embedded/folder.py")}

#: What can be imported only in a project that has the models of another app.
NEEDS_APPS = {f"{PACKAGE}.contrib.allauth.tokens"}

MAX_LINES = 350

FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def offenders(found: Mapping[Any, Sequence[object]]) -> dict[Any, Sequence[object]]:
    """Return the files or modules where anything was found."""
    return {where: what for where, what in found.items() if what}


def layer(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield what is imported from the package, without the package's name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == PACKAGE and not rest.startswith("__"):
                yield rest


def test_every_module_has_its_layer() -> None:
    names = {path.parts[0].removesuffix(".py") for path in FILES} - {"__init__"}
    assert names <= set().union(*LAYERS)


def test_imports_run_one_way() -> None:
    wrong = {path: list(_imported_from_above(path)) for path in FILES}
    assert offenders(wrong) == {}


def _imported_from_above(path: Path) -> Iterator[str]:
    names = imported(parse(path))
    if path == Path("__init__.py"):
        yield from names
        return
    own = layer(path.parts[0].removesuffix(".py"))
    yield from (name for name in names if layer(name.partition(".")[0]) > own)


def test_no_import_is_relative() -> None:
    relative = {
        path: [
            node.lineno
            for node in ast.walk(parse(path))
            if isinstance(node, ast.ImportFrom) and node.level
        ]
        for path in FILES
    }
    assert offenders(relative) == {}


def test_no_import_hides_in_a_function() -> None:
    hidden = {
        path: [
            node.lineno
            for function in ast.walk(parse(path))
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            for node in ast.walk(function)
            if isinstance(node, (ast.Import, ast.ImportFrom))
        ]
        for path in FILES
        if path not in LATE_IMPORTS
    }
    assert offenders(hidden) == {}


def test_no_file_is_long() -> None:
    lines = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path: count for path, count in lines.items() if count > MAX_LINES} == {}


def test_nothing_prints() -> None:
    prints = {
        path: [
            call.lineno
            for call in ast.walk(parse(path))
            if isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id == "print"
        ]
        for path in FILES
    }
    assert offenders(prints) == {}


def test_every_module_that_holds_code_says_what_for() -> None:
    trees = {path: parse(path) for path in FILES}
    assert [path for path, tree in trees.items() if tree.body and not ast.get_docstring(tree)] == []


def test_everything_public_is_documented() -> None:
    assert offenders({name: list(_undocumented(name)) for name in modules()}) == {}


def modules() -> list[str]:
    found = pkgutil.walk_packages([str(ROOT)], f"{PACKAGE}.")
    return sorted({module.name for module in found} - NEEDS_APPS)


def _undocumented(module_name: str) -> Iterator[str]:
    for owner, value in vars(importlib.import_module(module_name)).items():
        if owner.startswith("_") or getattr(value, "__module__", None) != module_name:
            continue
        if inspect.isfunction(value) and not value.__doc__:
            yield owner
        if inspect.isclass(value):
            # Generated for a dataclass without one: its signature, "Name(field: type)".
            generated = (value.__doc__ or "").startswith(f"{owner}(")
            if not value.__doc__ or generated:
                yield owner
            yield from (f"{owner}.{method}" for method in undocumented_methods(value))


def undocumented_methods(owner: type) -> Iterator[str]:
    """Yield the public methods and properties without a docstring of their own or inherited."""
    for name, value in vars(owner).items():
        if name.startswith("_"):
            continue
        if isinstance(value, (classmethod, staticmethod)):
            value = value.__func__
        is_code = inspect.isfunction(value) or isinstance(value, property)
        if is_code and not inspect.getdoc(getattr(owner, name)):
            inherited = (inspect.getdoc(getattr(base, name, None)) for base in owner.__mro__[1:])
            if not any(inherited):
                yield name
