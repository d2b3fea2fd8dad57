"""A token from before a deletion or an unlinking makes no user and links to none."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from support.issuer import SHARED, shared_token

from chabad_auth_django.exceptions import InvalidToken
from chabad_auth_django.models import Deletion, DepartedIdentity, ExternalId, User
from chabad_auth_django.services.identity import identities, unlinking
from chabad_auth_django.services.lifecycle import deletion
from chabad_auth_django.services.signing_in import callers, flows

DAY = 24 * 60 * 60


@pytest.fixture(autouse=True)
def server(either_server: str) -> Iterator[None]:
    """Each kind of server in turn, with an issuer."""
    issuers = [{**SHARED, "EXTERNAL_ID_FIELD": "valuUserId"}]
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": issuers}):
        yield


def token(**changes: Any) -> str:
    return shared_token(exp=int(time.time()) + 40 * DAY, **changes)


def by_bearer(**changes: Any) -> User:
    return callers.by_issuer_token(token=token(**changes))


def test_a_bearer_makes_a_new_user_only_where_it_is_younger_than_the_deletion() -> None:
    before = int(time.time()) - 5
    first = by_bearer(iat=before)
    assert by_bearer(iat=before - 30 * DAY).id == first.id
    first.delete()
    for iat in (before, before - 30 * DAY, None):
        with pytest.raises(InvalidToken):
            by_bearer(iat=iat)
    assert User.objects.count() == 0
    # Time goes on: the token of the next sign-in is of a later second.
    DepartedIdentity.objects.update(departed_at=first.created_at)
    assert by_bearer(iat=int(time.time()) + 1).id != first.id


def test_a_token_from_before_a_deletion_that_a_purge_has_ended_makes_nobody() -> None:
    first = by_bearer()
    # As a crash on a standalone server leaves it.
    User.collection().delete_one({"_id": first.id})
    Deletion.open_jobs([first.id], state="deleting")
    list(deletion.run())
    with pytest.raises(InvalidToken):
        by_bearer(iat=int(time.time()) - 5)
    assert (User.objects.count(), ExternalId.objects.count()) == (0, 0)


def test_a_bearer_that_is_older_than_what_is_remembered_makes_nobody() -> None:
    first = by_bearer()
    first.delete()
    # As its TTL does after a day.
    DepartedIdentity.objects.delete()
    for iat in (int(time.time()) - DAY - 60, None, -(10**30), -1):
        with pytest.raises(InvalidToken):
            by_bearer(iat=iat)
    assert flows.sign_in_with_token(token=token(iat=None)).user.id != first.id
    assert by_bearer(iat=None).email == first.email


def test_a_bearer_finds_a_user_whom_another_program_gave_its_external_id() -> None:
    user = User.create_user(email="other@example.org")
    User.collection().update_one({"_id": user.id}, {"$set": {"valuUserId": "person-1"}})
    assert by_bearer(iat=None, email=None, email_verified=None).id == user.id


def test_a_token_from_before_the_unlinking_links_nothing() -> None:
    user = by_bearer()
    other = ExternalId(id='issuer:["other", "1"]', user_id=user.id, email=user.email)
    ExternalId.insert_documents([other])
    # As after a logout, of which whoever keeps a copy of the token wants to be free.
    identities.refuse_earlier_tokens(user_id=user.id)
    claim = next(
        row for row in identities.list_identities(user_id=user.id) if "person" in row["_id"]
    )
    unlinking.unlink(user_id=user.id, public_id=ExternalId.public_id(claim["_id"]))
    for iat in (int(time.time()) - 5, None):
        for enter in (
            by_bearer,
            lambda **changes: flows.sign_in_with_token(token=token(**changes)),
        ):
            with pytest.raises(InvalidToken):
                enter(iat=iat)
    assert len(identities.list_identities(user_id=user.id)) == 1
    # The owner signs in there again.
    DepartedIdentity.objects.update(departed_at=user.created_at)
    assert by_bearer(iat=int(time.time()) + 1).id == user.id
