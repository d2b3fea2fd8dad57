"""The checks of a host project whose accounts sign in, in processes of such projects."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.processes import run_code

CODE = """
import json, os
from django.core.checks import run_checks
from django.test import override_settings
given = json.loads(os.environ["GIVEN"])
with override_settings(CHABAD_AUTH=given):
    found = [str(item.id) for item in run_checks()]
    # Not of what is served, nor that no MongoDB is configured.
    others = ("chabad_auth.W001", "chabad_auth.W003")
    print(json.dumps([id for id in found if id.startswith("chabad_auth.") and id not in others]))
"""

VERIFYING = {"HOST_ID": "tests", "HOST_ADAPTER": "support.host_adapter.Adapter"}


def ids(tmp_path: Path, given: dict[str, Any], module: str = "support.host_settings") -> Any:
    result = run_code(CODE, cwd=tmp_path, DJANGO_SETTINGS_MODULE=module, GIVEN=json.dumps(given))
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["chabad_auth.E056"]),
        ({"AUTH_METHODS": ["google"]}, []),
        ({"HOST_ID": ""}, ["chabad_auth.E052"]),
        ({"HOST_ID": "tests"}, []),
        (VERIFYING, []),
        ({**VERIFYING, "HOST_ADAPTER": "support.nothing.Adapter"}, ["chabad_auth.E057"]),
        ({**VERIFYING, "HOST_ADAPTER": "builtins.dict"}, ["chabad_auth.E057"]),
        ({**VERIFYING, "HOST_RECHECK_SECONDS": 301}, ["chabad_auth.E054"]),
        ({**VERIFYING, "REFRESH_GRACE_SECONDS": -1}, ["chabad_auth.E055"]),
        ({**VERIFYING, "SIGNING_KEY_FALLBACKS": ["short"]}, ["chabad_auth.E051"]),
    ],
    ids=str,
)
def test_what_accounts_need_is_checked(
    tmp_path: Path, given: dict[str, Any], expected: list[str]
) -> None:
    assert ids(tmp_path, given) == expected


def test_with_allauth_addresses_can_be_verified(tmp_path: Path) -> None:
    assert ids(tmp_path, {"HOST_ID": "tests"}, "support.doors_settings") == []


def test_primary_keys_that_may_be_used_again_are_warned_of(tmp_path: Path) -> None:
    found = ids(tmp_path, VERIFYING, "support.undated_settings")
    assert found == ["chabad_auth.W008"]


def test_without_accounts_nothing_is_asked_for(tmp_path: Path) -> None:
    assert ids(tmp_path, {}, "support.settings") == []
