"""The rules that keep the package easy to find one's way in."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

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

MAX_LINES = 350

FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))

each_file = pytest.mark.parametrize("path", FILES, ids=str)


def parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


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


@each_file
def test_imports_run_one_way(path: Path) -> None:
    if path == Path("__init__.py"):
        assert list(imported(parse(path))) == []
        return
    own = layer(path.parts[0].removesuffix(".py"))
    wrong = [name for name in imported(parse(path)) if layer(name.partition(".")[0]) > own]
    assert wrong == []


@each_file
def test_no_import_is_relative(path: Path) -> None:
    imports = [node for node in ast.walk(parse(path)) if isinstance(node, ast.ImportFrom)]
    assert [node.lineno for node in imports if node.level] == []


@each_file
def test_no_import_hides_in_a_function(path: Path) -> None:
    hidden = {
        node.lineno
        for function in ast.walk(parse(path))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert not hidden or path in LATE_IMPORTS


@each_file
def test_no_file_is_long(path: Path) -> None:
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@each_file
def test_nothing_prints(path: Path) -> None:
    calls = [node for node in ast.walk(parse(path)) if isinstance(node, ast.Call)]
    names = [call.func.id for call in calls if isinstance(call.func, ast.Name)]
    assert "print" not in names


@each_file
def test_every_module_that_holds_code_says_what_for(path: Path) -> None:
    tree = parse(path)
    assert not tree.body or ast.get_docstring(tree)


def modules() -> list[str]:
    found = pkgutil.walk_packages([str(ROOT)], f"{PACKAGE}.")
    return sorted(module.name for module in found)


@pytest.mark.parametrize("name", modules())
def test_everything_public_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    undocumented = []
    for owner, value in vars(module).items():
        if owner.startswith("_") or getattr(value, "__module__", None) != name:
            continue
        if inspect.isfunction(value) and not value.__doc__:
            undocumented.append(owner)
        if inspect.isclass(value):
            # Generated for a dataclass without one: its signature, "Name(field: type)".
            generated = (value.__doc__ or "").startswith(f"{owner}(")
            if not value.__doc__ or generated:
                undocumented.append(owner)
            undocumented += [f"{owner}.{method}" for method in undocumented_methods(value)]
    assert undocumented == []


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
