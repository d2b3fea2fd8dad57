"""The check that asks the server."""

import json
from pathlib import Path

from support.processes import run_code

from chabad_auth_django.checks.database import check_database
from chabad_auth_django.models import ExternalId, User
from chabad_auth_django.models.external_id import HOST, ISSUER

LINKED = """
import json
from django.core.checks import run_checks
from django.test import override_settings
found = {}
for name in ("site", "si", "s.te", 'si"te'):
    with override_settings(CHABAD_AUTH={"HOST_ID": name}):
        found[name] = "chabad_auth.W007" in [item.id for item in run_checks(databases=["default"])]
print(json.dumps(found))
"""


def test_a_standalone_server_is_named(either_server: str) -> None:
    found = {message.id for message in check_database(databases=["default"])}
    assert ("chabad_auth.W013" in found) == ("replicaSet" not in either_server)
    assert check_database(databases=["other"]) == check_database() == []


def test_unverified_accounts_are_named_until_one_of_this_project_is_linked(
    mongodb: str, tmp_path: Path
) -> None:
    def warned() -> dict[str, bool]:
        settings = "support.host_settings"
        result = run_code(
            LINKED, cwd=tmp_path, DJANGO_SETTINGS_MODULE=settings, MONGODB_URI=mongodb
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    user = User.create_user(email="ann@example.org")
    key = ExternalId.account_key(ISSUER, "site", "1")
    ExternalId(id=key, user_id=user.id).save()
    assert set(warned().values()) == {True}
    ExternalId(id=ExternalId.account_key(HOST, "site", "1", ""), user_id=user.id).save()
    assert warned() == {"site": False, "si": True, "s.te": True, 'si"te': True}
