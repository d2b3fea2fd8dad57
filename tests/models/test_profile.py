from datetime import datetime
from typing import Any

import pytest
from bson import ObjectId
from django.test import override_settings
from pymongo.database import Database

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Profile, User


@pytest.fixture
def profile(user: User) -> Profile:
    return Profile.find_by_user_id(user.id)


def test_a_new_profile_is_stored_with_exactly_the_fields_of_the_specification(
    raw: Database, user: User
) -> None:
    raw.profiles.delete_many({})
    Profile.create_profile(
        user.id,
        display_name="Ann",
        bio="Hi",
        avatar={"url": "https://x.org/a.png", "thumbnail_url": "https://x.org/t.png"},
        metadata={"a": 1},
    )
    stored = raw.profiles.find_one()
    assert {name: type(value) for name, value in stored.items()} == {
        "__v": int,
        "_id": ObjectId,
        "userId": ObjectId,
        "displayName": str,
        "bio": str,
        "avatar": dict,
        "metadata": dict,
        "createdAt": datetime,
        "updatedAt": datetime,
    }
    assert stored["avatar"] == {"url": "https://x.org/a.png", "thumbnailUrl": "https://x.org/t.png"}


def test_the_profile_made_with_a_user_is_empty(raw: Database, user: User) -> None:
    stored = raw.profiles.find_one()
    assert set(stored) == {"_id", "userId", "metadata", "createdAt", "updatedAt", "__v"}
    assert (stored["userId"], stored["metadata"]) == (user.id, {})


def test_the_longest_values_are_stored(raw: Database, profile: Profile) -> None:
    profile.display_name, profile.bio = "é" * 100, "é" * 500
    profile.save()
    stored = raw.profiles.find_one()
    assert (len(stored["displayName"]), len(stored["bio"])) == (100, 500)


@pytest.mark.parametrize("url", ["https://x.org/a.png", "http://x.org", "https://x.org/a?b=c#d"])
def test_an_avatar_is_set_with_and_without_its_thumbnail(
    raw: Database, profile: Profile, url: str
) -> None:
    thumbnail = "https://x.org/t.png"
    profile.update_avatar(url, thumbnail_url=thumbnail)
    assert raw.profiles.find_one()["avatar"] == {"url": url, "thumbnailUrl": thumbnail}
    profile.update_avatar(url)
    assert raw.profiles.find_one()["avatar"] == {"url": url, "thumbnailUrl": url}
    assert (profile.avatar.url, profile.avatar.thumbnail_url) == (url, url)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "ftp://x.org/a.png",
        "//x.org/a.png",
        "/a.png",
        "https://",
        "",
        "https://x.org/" + "a" * 2048,
        "https://x.org/\0",
        "https://x.org/\ud800",
        "https://x.org/a\nb",
        None,
        5,
        b"\xff",
        {"$gt": ""},
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_an_avatar_that_is_no_http_url_is_refused(
    raw: Database, profile: Profile, url: Any
) -> None:
    with pytest.raises(ValidationError) as caught:
        profile.update_avatar(url)
    assert list(caught.value.errors) == ["avatar"]
    if url is not None:
        with pytest.raises(ValidationError):
            profile.update_avatar("https://x.org/a.png", thumbnail_url=url)
    assert "avatar" not in raw.profiles.find_one()


def test_clear_avatar_removes_it(raw: Database, profile: Profile) -> None:
    profile.update_avatar("https://x.org/a.png")
    profile.clear_avatar()
    assert profile.avatar is None
    assert "avatar" not in raw.profiles.find_one()
    profile.clear_avatar()


def test_metadata_is_set_read_and_removed(raw: Database, profile: Profile) -> None:
    profile.set_metadata("a", {"replaced": 1})
    profile.set_metadata("a", {"b": [1, None]})
    profile.set_metadata("c", False)
    assert profile.get_metadata("a") == {"b": [1, None]}
    assert profile.get_metadata("c", default=5) is False
    profile.delete_metadata("a")
    profile.delete_metadata("nothing")
    assert raw.profiles.find_one()["metadata"] == profile.metadata == {"c": False}
    assert (profile.get_metadata("a"), profile.get_metadata("a", 5)) == (None, 5)


def test_metadata_has_a_limit_in_bytes_over_all_keys(raw: Database, profile: Profile) -> None:
    profile.set_metadata("a", "x" * 10_000)
    with pytest.raises(ValidationError) as caught:
        profile.set_metadata("b", "x" * 10_000)
    assert list(caught.value.errors) == ["metadata"]
    assert list(raw.profiles.find_one()["metadata"]) == list(profile.metadata) == ["a"]
    profile.set_metadata("a", "y" * 15_000)


def test_metadata_never_takes_more_keys_than_save_accepts(mongodb: str, profile: Profile) -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "JSON_MAX_KEYS": 3}):
        for key in "abc":
            profile.set_metadata(key, 1)
        with pytest.raises(ValidationError):
            profile.set_metadata("d", 1)
        profile.bio = "Hi"
        profile.save()
