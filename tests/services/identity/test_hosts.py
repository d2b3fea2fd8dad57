"""What the adapter makes of an account, and of what allauth keeps in a Django session."""

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from chabad_auth_django.services.identity.hosts import HostAdapter

PASSWORD = {"method": "password"}
GOOGLE = {"method": "socialaccount", "provider": "google"}
OTHER = {"method": "socialaccount", "provider": "other"}
FACTOR = {"method": "mfa", "type": "totp"}
AGAIN = {"method": "password", "reauthenticated": True}


@pytest.mark.parametrize(
    ("records", "method"),
    [
        ([], "credentials"),
        ([PASSWORD], "credentials"),
        ([GOOGLE], "google"),
        ([OTHER], "credentials"),
        ([GOOGLE, FACTOR], "google"),
        ([GOOGLE, AGAIN], "google"),
        # A social login that was left at its second factor does not count.
        ([GOOGLE, PASSWORD, FACTOR], "credentials"),
    ],
)
def test_the_last_sign_in_tells_the_authentication_method(
    records: list[dict[str, Any]], method: str
) -> None:
    key = SimpleNamespace(value_to_string=lambda account: str(account.pk))
    account = SimpleNamespace(pk=7, _meta=SimpleNamespace(pk=key))
    session = {
        "account_authentication_methods": records,
        "account_authentication_methods_user": "7",
    }
    changed = {**settings.CHABAD_AUTH, "SOCIAL_AUTH_METHODS": {"google": "google"}}
    with override_settings(CHABAD_AUTH=changed):
        assert HostAdapter().auth_method(account=account, session=session) == method
        other = {**session, "account_authentication_methods_user": "8"}
        assert HostAdapter().auth_method(account=account, session=other) == "credentials"


def test_an_account_is_the_same_in_whatever_zone_the_database_gives_its_time() -> None:
    joined = datetime(2026, 1, 1, 12, tzinfo=UTC)
    made, read = (
        HostAdapter().generation(account=SimpleNamespace(date_joined=time))
        for time in (joined, joined.astimezone(timezone(timedelta(hours=2))))
    )
    assert made == read == "2026-01-01T12:00:00+00:00"
    day = SimpleNamespace(date_joined=joined.date())
    assert HostAdapter().generation(account=day) == "2026-01-01"


def test_an_account_is_the_same_after_the_project_has_changed_use_tz() -> None:
    without = SimpleNamespace(date_joined=datetime(2026, 1, 1, 14))
    with override_settings(TIME_ZONE="Asia/Jerusalem"):
        assert HostAdapter().generation(account=without) == "2026-01-01T12:00:00+00:00"


def test_an_account_of_a_model_without_a_field_for_the_address_has_none() -> None:
    account = SimpleNamespace(get_email_field_name=lambda: None)
    assert HostAdapter().email(account=account) is None
