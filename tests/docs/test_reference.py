"""The pages name what there is: each code of an error, and no command or option that is not there.

The kind: a page and the code say different things. Looked through: the codes of the domain, of HTTP
and of fields; each command with its options on every page but those that tell of earlier versions.
"""

import re
from pathlib import Path

from django.core.management import load_command_class

import chabad_auth_django
from chabad_auth_django.api.openapi.errors import CODES, FIELD_CODES

PACKAGE = Path(chabad_auth_django.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"


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
    for page in {*DOCS.glob("*.md"), DOCS.parent / "README.md"} - {DOCS / "upgrading.md"}:
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
