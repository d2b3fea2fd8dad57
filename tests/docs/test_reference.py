"""The pages name each code of an error, and only commands and functions that exist."""

import ast
import importlib
import pkgutil
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

from django.core.management import load_command_class

import chabad_auth_django
from chabad_auth_django import services
from chabad_auth_django.api.openapi.errors import CODES, FIELD_CODES

PACKAGE = Path(chabad_auth_django.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"
PAGES = {*DOCS.glob("*.md"), DOCS.parent / "README.md"} - {DOCS / "upgrading.md"}


def test_each_code_has_its_status_its_moment_and_what_to_do() -> None:
    errors, fields = (DOCS / "errors.md").read_text(encoding="utf-8").split("## Codes of fields")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| \S.* \| \S.* \|$", errors, re.MULTILINE)
    assert {code: int(status) for code, status in rows} == CODES
    assert re.findall(r"^\| `(\w+)` \| \S.* \|$", fields, re.MULTILINE) == list(FIELD_CODES)


def test_pages_name_no_command_or_option_that_is_not_there() -> None:
    commands = {
        path.stem: ".".join(path.relative_to(PACKAGE.parent).parts[:-3])
        for path in PACKAGE.rglob("management/commands/chabad_*.py")
    }
    named = 0
    for page in PAGES:
        for text in page.read_text(encoding="utf-8").splitlines():
            for name, arguments in re.findall(r"(?:manage\.py |`)(chabad_\w+)( [^|&;`>#]*)?", text):
                if name.startswith(("chabad_auth", "chabad_admin")):
                    continue
                assert name in commands, (page.name, text)
                parser = load_command_class(commands[name], name).create_parser("", name)
                options = set(re.findall(r"(?<!\S)--[\w-]+", arguments))
                assert options <= parser._option_string_actions.keys(), (page.name, text)
                named += 1
    assert named > 100


def test_the_list_of_checks_has_each_check_that_a_page_names() -> None:
    listed = "".join(runpy.run_path(str(DOCS / "reference.py"))["checks"]())
    for page in PAGES:
        named = re.findall(r"chabad_\w+\.[EW]\d+", page.read_text(encoding="utf-8"))
        assert [name for name in named if f"`{name}`" not in listed] == [], page.name


def test_the_python_api_lists_no_member_that_is_not_there() -> None:
    text = (DOCS / "python-api.md").read_text(encoding="utf-8")
    listed = re.findall(r"automodule:: ([\w.]+)\n +:members: (.+)", text)
    assert len(listed) > 15
    for module, members in listed:
        there = vars(importlib.import_module(module))
        assert [name for name in members.split(", ") if name not in there] == [], module


def test_examples_and_texts_name_no_function_that_is_not_there() -> None:
    modules = {
        module.name.rpartition(".")[2]: importlib.import_module(module.name)
        for module in pkgutil.walk_packages(services.__path__, f"{services.__name__}.")
        if not module.ispkg
    }
    named = 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        names = [*of_examples(text)]
        for module, name in re.findall(r"`(?:services\.\w+\.)?(\w+)\.(\w+)", text):
            # An instance of a Document may have this name.
            if module in modules and module != "app_data":
                names.append((modules[module], name))
        missing = [name for name in names if not hasattr(*name)]
        assert not missing, (page.name, missing)
        named += len(names)
    assert named > 40


def of_examples(text: str) -> Iterator[tuple[Any, str]]:
    """Yield what the examples of a page import from this package, and use of it."""
    for block in re.findall(r"^ *```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
        tree = ast.parse(re.sub(r"\{\s*\.\.\.,", "{", dedent(block)))
        imported = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chabad_auth"):
                module = importlib.import_module(str(node.module))
                for alias in node.names:
                    yield module, alias.name
                    imported[alias.name] = getattr(module, alias.name, None)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in imported:
                yield imported[ast.unparse(node.value)], node.attr
