"""A database that version 0.1.0 wrote goes on: what is carried over, and what is not."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from django.utils.crypto import salted_hmac
from pymongo.database import Database
from support.issuer import SHARED, shared_token
from support.management import run

from chabad_auth_django.exceptions import InvalidToken, NotFound, ValidationError
from chabad_auth_django.models import Deletion, ExternalId, Session, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.lifecycle import creation, deletion, receipts
from chabad_auth_django.services.signing_in import flows

CONFIG = {**SHARED, "EXTERNAL_ID_FIELD": "valuUserId"}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def old(raw: Database) -> Iterator[dict[str, Any]]:
    """What version 0.1.0 stored: a user with an external id and a session, and two deletions."""
    ann, gone, half, ended = (ObjectId() for _ in range(4))
    time = now()
    raw.users.insert_one(
        {
            "_id": ann,
            "email": "ann@example.org",
            "valuUserId": "person-1",
            "authMethods": ["google"],
            "roles": ["user"],
            "permissions": [],
            "createdAt": time,
            "updatedAt": time,
        }
    )
    raw.external_ids.insert_one({"_id": "valuUserId:person-1", "userId": ann, "createdAt": time})
    session = raw.sessions.insert_one(
        {
            "userId": ann,
            "familyHash": sha("family"),
            "tokenHash": sha("secret"),
            "authMethod": "google",
            "createdAt": time,
            "lastUsedAt": time,
            "expiresAt": time + timedelta(days=30),
        }
    ).inserted_id
    # An erasure whose events are still there, and a deletion that a crash left half-way.
    raw.deletions.insert_one({"_id": gone, "state": "deleting", "since": time})
    raw.erasures.insert_one(
        {
            "_id": gone,
            "names": [salted_hmac("erasures", "eve@example.org", algorithm="sha256").hexdigest()],
            "found": {"users": 1, "activities": 1},
            "since": time,
        }
    )
    raw.activities.insert_one({"userId": gone, "eventType": "x", "timestamp": time})
    # The receipt of one that ended, and a record of a deletion that a crash has undone.
    raw.erasures.insert_many(
        [
            {"_id": ended, "names": [], "found": {"users": 1}, "since": time, "finishedAt": time},
            {"_id": ann, "names": [], "found": {"users": 1}, "since": time},
        ]
    )
    raw.deletions.insert_one({"_id": half, "state": "deleting", "since": time})
    raw.users.insert_one({"_id": half, "email": "half@example.org", "roles": ["user"]})
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": [CONFIG]}):
        yield {"ann": ann, "gone": gone, "half": half, "ended": ended, "session": session}


def test_an_external_id_signs_the_same_user_in(old: dict[str, Any]) -> None:
    token = shared_token(email="other@example.org", email_verified=False)
    for _ in range(2):
        assert flows.sign_in_with_token(token=token).user.id == old["ann"]
    kinds = {claim.id.partition(":")[0] for claim in ExternalId.objects(user_id=old["ann"])}
    assert kinds == {"valuUserId", "issuer"}


def test_a_session_that_does_not_say_what_opened_it_ends(old: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken):
        flows.refresh(refresh_token=f"{old['session']}.family.secret")


def test_open_deletions_go_on_and_receipts_stay(old: dict[str, Any], raw: Database) -> None:
    assert {outcome.user_id for outcome in deletion.run()} == {old["gone"], old["half"]}
    assert raw.activities.count_documents({}) == 0
    assert User.find_by_id(old["half"]) is None
    assert Deletion.count_jobs() == raw.erasures.count_documents({}) == 0
    for name, activities in (("gone", 1), ("ended", 0)):
        result = run("chabad_erase_user", str(old[name]), "--yes", "--json")
        assert result.code == 0, result.err
        (receipt,) = result.json["receipts"]
        assert receipt["deleted"].get("activities", 0) == activities
    assert raw.deletions.count_documents({}) == 0


def test_a_receipt_is_found_by_a_name_before_the_next_purge(old: dict[str, Any]) -> None:
    assert receipts.find(name="eve@example.org").user_id == old["gone"]
    assert receipts.read(user_id=old["ended"]).finished_at is not None
    with pytest.raises(NotFound):
        receipts.read(user_id=old["ann"])
    User.create_user(email="eve@example.org")
    with pytest.raises(ValidationError, match=str(old["gone"])):
        creation.find_user(name="eve@example.org")


def test_the_new_indexes_are_missing_until_they_are_deployed(raw: Database) -> None:
    for name in ("blocks", "departed_identities", "audit_log"):
        raw[name].drop()
    assert {missing.collection for missing in indexes.compare().missing} == {
        "blocks",
        "departed_identities",
        "audit_log",
    }
    assert run("chabad_sync_indexes").code == 0
    assert not indexes.compare().missing
    assert Session.objects.count() == 0
