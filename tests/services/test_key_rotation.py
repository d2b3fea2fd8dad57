"""What was hashed with a key in ``SECRET_KEY_FALLBACKS`` is found."""

import time
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support.exports import exported, imported
from support.issuer import SHARED, shared_token

from chabad_auth_django.exceptions import InvalidToken
from chabad_auth_django.models import Analytics, User
from chabad_auth_django.services.analytics import rollups
from chabad_auth_django.services.lifecycle import deletion, receipts
from chabad_auth_django.services.signing_in import callers


def rotated() -> AbstractContextManager[Any]:
    return override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY])


def test_a_token_from_before_the_deletion_still_makes_no_user(mongodb: str) -> None:
    chabad = {**settings.CHABAD_AUTH, "ISSUERS": [SHARED]}
    with override_settings(CHABAD_AUTH=chabad):
        token = shared_token(iat=int(time.time()) - 5)
        callers.by_issuer_token(token=token).delete()
        with rotated(), pytest.raises(InvalidToken):
            callers.by_issuer_token(token=token)


def test_a_receipt_is_found_by_the_name(mongodb: str, user: User) -> None:
    receipts.delete(subject=receipts.find(name=user.email), advance=lambda count: None)
    with rotated():
        assert receipts.find(name=user.email).user_id == user.id


def test_erased_events_that_are_imported_again_are_counted_once(
    raw: Database[Any], user: User
) -> None:
    Analytics.create_analytics(user_id=user.id, event_name="open", event_category="custom")
    list(rollups.run())
    file = exported(user.id)
    user.delete()
    list(deletion.run())
    assert raw.analytics_rollups.count_documents({"_id": {"$regex": "^erased:"}}) == 1
    with rotated():
        imported(file)
    # What was noted of them when they were erased is taken back.
    assert raw.analytics_rollups.count_documents({"_id": {"$regex": "^erased:"}}) == 0
