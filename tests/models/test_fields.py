from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Activity, Profile, User
from chabad_auth_django.models.fields import now, to_utc

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def test_now_has_the_precision_that_is_stored() -> None:
    assert now().microsecond % 1000 == 0
    assert now().tzinfo is UTC


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (NOON, NOON),
        (NOON.replace(tzinfo=None), NOON),
        (NOON.astimezone(timezone(timedelta(hours=-5))), NOON),
        (NOON.replace(microsecond=1_999), NOON.replace(microsecond=1_000)),
        (datetime.min, datetime.min.replace(tzinfo=UTC)),
    ],
    ids=str,
)
def test_to_utc(given: datetime, expected: datetime) -> None:
    assert to_utc(given) == expected
    assert to_utc(given).tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
    ],
    ids=str,
)
def test_a_time_that_has_no_place_in_utc_is_refused(value: datetime) -> None:
    with pytest.raises(ValidationError):
        to_utc(value)
    with pytest.raises(ValidationError):
        Activity(timestamp=value)


@given(st.datetimes(timezones=st.none() | st.timezones()))
def test_to_utc_is_a_datetime_in_utc_or_a_validation_error(value: datetime) -> None:
    try:
        converted = to_utc(value)
    except ValidationError:
        return
    assert to_utc(converted) == converted


@pytest.mark.parametrize("form", [ObjectId, str])
def test_a_user_id_is_an_object_id_however_it_is_set(form: type) -> None:
    id = ObjectId()
    profile = Profile(user_id=form(id))
    assert profile.user_id == id
    profile.user_id = form(id)
    assert type(profile.user_id) is ObjectId


@pytest.mark.parametrize("value", [None, "", "x" * 24, b"0123456789ab", 5, {"$gt": ""}], ids=str)
def test_a_user_id_is_never_made_from_another_value(mongodb: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Profile(user_id=value).validate()
    assert list(caught.value.errors) == ["userId"]


@pytest.mark.parametrize("value", ["", "x" * 24, b"0123456789ab", 5, {"$gt": ""}], ids=str)
def test_a_query_for_a_user_id_refuses_another_value(mongodb: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        list(Profile.objects(user_id=value))


def test_a_query_for_user_ids_takes_either_form(user: User) -> None:
    ids = [str(user.id), ObjectId()]
    assert [profile.user_id for profile in Profile.objects(user_id__in=ids)] == [user.id]
    assert list(Profile.objects(user_id=None)) == []


def test_what_looks_like_a_reference_in_free_form_json_is_shown_as_it_is(
    raw: Any, user: User
) -> None:
    metadata = {"author": {"$ref": "users", "$id": user.id}, "_ref": 1, "_cls": "User"}
    raw.profiles.update_one(
        {"userId": user.id}, {"$set": {"metadata": {"_ref": 1, "_cls": "User"}}}
    )
    assert Profile.find_by_user_id(user.id).metadata == {"_ref": 1, "_cls": "User"}
    raw.profiles.update_one({"userId": user.id}, {"$set": {"metadata.list": [metadata["_ref"]]}})
    assert Profile.find_by_user_id(user.id).metadata["list"] == [1]


def test_bytes_in_free_form_json_are_shown_as_they_are(raw: Any, user: User) -> None:
    raw.profiles.update_one({"userId": user.id}, {"$set": {"metadata": {"photo": [b"ab"]}}})
    assert Profile.find_by_user_id(user.id).metadata == {"photo": [b"ab"]}
    assert Profile.objects.get().metadata == {"photo": [b"ab"]}
