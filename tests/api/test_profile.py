"""The profile through the API."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from chabad_auth_django.models import Profile, User

PROFILE = "/api/users/me/profile/"


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"displayName": "D"}, {"displayName": "D"}),
        ({"displayName": " "}, {"displayName": " "}),
        ({"bio": ""}, {"bio": ""}),
        (
            {"avatar": {"url": "https://a.org/"}},
            {"avatar": {"url": "https://a.org/", "thumbnailUrl": "https://a.org/"}},
        ),
        ({"avatar": None}, {"avatar": None}),
        ({"metadata": {"a": {"b": None}}}, {"metadata": {"a": {"b": None}}}),
        ({"metadata": {}}, {"metadata": {}}),
        ({}, {}),
    ],
)
def test_a_change_leaves_everything_else(
    api: APIClient, change: dict[str, Any], shown: dict[str, Any]
) -> None:
    before = api.patch(
        PROFILE,
        {
            "displayName": "d",
            "bio": "b",
            "avatar": {"url": "http://b.org/", "thumbnailUrl": "http://b.org/t"},
            "metadata": {"k": 1},
        },
        format="json",
    ).json()
    answer = api.patch(PROFILE, change, format="json").json()
    assert answer == api.get(PROFILE).json()
    assert answer == {**before, **shown, "updatedAt": answer["updatedAt"]}


def test_an_avatar_is_set_and_removed(api: APIClient) -> None:
    pictures = {"url": "https://a.org/x.png", "thumbnailUrl": "https://a.org/t.png"}
    assert api.put(f"{PROFILE}avatar/", pictures, format="json").json()["avatar"] == pictures
    only = {"url": "https://a.org/y.png"}
    shown = api.put(f"{PROFILE}avatar/", only, format="json").json()["avatar"]
    assert shown == {**only, "thumbnailUrl": only["url"]}
    assert api.delete(f"{PROFILE}avatar/").status_code == 204
    assert api.get(PROFILE).json()["avatar"] is None
    assert api.delete(f"{PROFILE}avatar/").status_code == 204


def test_all_values_together_have_one_limit(api: APIClient) -> None:
    for name, status in (("a", 200), ("b", 400)):
        path = f"{PROFILE}metadata/{name}/"
        assert api.put(path, {"value": "x" * 9_000}, format="json").status_code == status
    assert list(api.get(PROFILE).json()["metadata"]) == ["a"]


def test_a_profile_field_given_as_null_is_removed(api: APIClient, owner: User) -> None:
    path = "/api/users/me/profile/"
    api.patch(path, {"bio": "b", "displayName": "d"}, format="json")
    body = api.patch(path, {"bio": None}, format="json").json()
    assert (body["bio"], body["displayName"]) == (None, "d")
    assert "bio" not in (Profile.read(userId=owner.id) or {})


def test_metadata_is_stored_by_key(api: APIClient) -> None:
    path = "/api/users/me/profile/metadata/city/"
    assert api.get(path).status_code == 404
    assert api.put(path, {"value": {"name": "Kfar"}}, format="json").status_code == 200
    assert api.get(path).json() == {"value": {"name": "Kfar"}}
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
