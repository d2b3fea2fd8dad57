"""Whatever the API tells a person can be told in Hebrew."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import chabad_auth_django

PACKAGE = Path(chabad_auth_django.__file__).parent
HEBREW = PACKAGE / "locale" / "he" / "LC_MESSAGES"

#: Modules whose texts reach end users; the logs are English.
READ = (
    *("exceptions.py", "validators.py", "api/**/*.py", "models/*.py", "contrib/universe/**/*.py"),
    *("services/data/*.py", "services/identity/*.py", "services/signing_in/*.py"),
)
LOGS = ("outcomes.py", "checks.py")

#: What makes a text for people of its arguments, and the names that such texts have.
MAKERS = {"Reason", "Text", "_wrong", "ErrorDetail", "error", "body"}
ERRORS = {"NotFound", "UserNotFound", "PermissionDenied", "ParseError", "ValidationError"}
NAMES = {"default_detail", "message", "_DETAILS"}


def catalog() -> Catalog:
    with (HEBREW / "django.po").open("rb") as file:
        return read_po(file)


def texts_in_code() -> Iterator[str]:
    for path in {path for pattern in READ for path in PACKAGE.glob(pattern)}:
        if path.name in LOGS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign):
                if any(getattr(target, "id", "") in NAMES for target in node.targets):
                    yield from constants(node.value)
            elif isinstance(node, ast.AnnAssign):
                if getattr(node.target, "id", "") in NAMES and node.value:
                    yield from constants(node.value)
            elif isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in MAKERS | ERRORS:
                    named = [item.value for item in node.keywords if item.arg == "errors"]
                    for argument in [*node.args, *named]:
                        yield from constants(argument)


def constants(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        # A code is no sentence.
        if isinstance(node.value, str) and node.value.endswith((".", "}")):
            yield node.value
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from constants(value)
    elif isinstance(node, ast.List):
        for item in node.elts:
            yield from constants(item)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_for_people_has_a_hebrew_translation() -> None:
    hebrew = catalog()
    found = set(texts_in_code())
    assert len(found) > 90
    assert sorted(text for text in found if text not in hebrew) == []


def test_a_translation_has_the_values_of_its_text() -> None:
    for message in catalog():
        if isinstance(message.id, str) and message.id:
            assert fields(message.id) == fields(str(message.string)), message.id


def test_the_compiled_catalogue_is_that_of_the_texts() -> None:
    with (HEBREW / "django.mo").open("rb") as file:
        assert by_id(read_mo(file)) == by_id(catalog())


def by_id(texts: Catalog) -> dict[str, list[str]]:
    return {str(list(text.id)): list(text.string) for text in texts if text.id}
