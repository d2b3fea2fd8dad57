"""The tables of the site that are made from the code leave nothing out.

The kind: the API answers a code that no page explains. Looked through: the codes of the domain, of
HTTP and of fields. An explanation of a code that no longer exists fails too.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from chabad_auth_django.api.openapi.errors import CODES, FIELD_CODES, HTTP_CODES

DOCS = Path(__file__).parents[2] / "docs"


def test_each_code_has_its_status_its_moment_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    error_codes, reference = map(importlib.import_module, ("error_codes", "reference"))
    assert error_codes.ADVICE.keys() == CODES.keys()
    assert error_codes.MOMENTS.keys() == HTTP_CODES.keys()
    assert error_codes.FIELDS.keys() == set(FIELD_CODES)
    rows = {row.split("`")[1]: row.split(" | ") for row in list(reference.errors())[2:]}
    assert {code: int(row[1]) for code, row in rows.items()} == CODES
    assert all(len(row) == 4 and all(row) for row in rows.values())
    assert len(list(reference.field_errors())) == 2 + len(FIELD_CODES)
    for name in ("error_codes", "reference"):
        del sys.modules[name]
