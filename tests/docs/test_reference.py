"""The page of errors leaves no code out.

The kind: the API answers a code that no page explains. Looked through: the codes of the domain, of
HTTP and of fields. An explanation of a code that no longer exists fails too.
"""

from __future__ import annotations

import re
from pathlib import Path

from chabad_auth_django.api.openapi.errors import CODES, FIELD_CODES

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def test_each_code_has_its_status_its_moment_and_what_to_do() -> None:
    errors, fields = PAGE.read_text(encoding="utf-8").split("## Codes of fields")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| \S.* \| \S.* \|$", errors, re.MULTILINE)
    assert {code: int(status) for code, status in rows} == CODES
    assert re.findall(r"^\| `(\w+)` \| \S.* \|$", fields, re.MULTILINE) == list(FIELD_CODES)
