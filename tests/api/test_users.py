"""Users through the API: created, changed, granted, deleted."""

from typing import Any

import pytest
from rest_framework.test import APIClient
from support.requests import check_error

from chabad_auth_django.models import Activity, Preferences, Profile, User
from chabad_auth_django.services.lifecycle import deletion, purging, receipts


def test_an_administrator_creates_a_user_with_profile_and_preferences(
    login: Any, admin: User
) -> None:
    body = {"email": " New@Example.ORG ", "name": "New", "authMethods": ["google"]}
    response = login(admin).post("/api/users/", body, format="json")
    assert (response.status_code, response.json()["email"]) == (201, "new@example.org")
    assert Profile.find_by_user_id(response.json()["id"])
    assert Preferences.find_by_user_id(response.json()["id"])


def test_an_e_mail_address_belongs_to_one_user(login: Any, admin: User, owner: User) -> None:
    client = login(admin)
    created = client.post("/api/users/", {"email": "OWNER@example.org"}, format="json")
    changed = client.patch("/api/users/me/", {"email": owner.email}, format="json")
    for response in (created, changed):
        assert (response.status_code, response.json()["code"]) == (409, "duplicate_email")
        assert owner.email not in response.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("email=OWNER@example.org", ["owner"]),
        ("role=admin", ["admin"]),
        ("authMethod=google", ["owner", "admin"]),
        ("valuUserId=v1", ["owner"]),
        ("merkosUserId=m1", []),
        ("createdSince=2020-01-01T00:00:00Z", ["owner", "admin"]),
        ("createdUntil=2020-01-01T00:00:00Z", []),
    ],
)
def test_users_are_found_by_filters(
    login: Any, owner: User, admin: User, query: str, found: list[str]
) -> None:
    owner.valu_user_id = "v1"
    owner.save()
    rows = login(admin).get(f"/api/users/?{query}").json()["results"]
    assert [row["email"].split("@")[0] for row in rows] == found


def test_the_complete_profile_comes_in_one_answer(api: APIClient, owner: User) -> None:
    body = api.get("/api/users/me/?expand=profile,preferences").json()
    assert body["profile"]["userId"] == body["preferences"]["userId"] == str(owner.id)
    assert api.get("/api/users/me/?expand=sessions").status_code == 400


def test_the_last_authentication_method_stays(api: APIClient) -> None:
    response = api.delete("/api/users/me/auth-methods/google/")
    assert (response.status_code, response.json()["code"]) == (409, "last_auth_method")
    assert api.put("/api/users/me/auth-methods/credentials/").status_code == 200
    assert api.delete("/api/users/me/auth-methods/google/").json()["authMethods"] == ["credentials"]
    unknown = api.put("/api/users/me/auth-methods/telepathy/")
    assert unknown.status_code == 400
    assert unknown.json()["errors"]["authMethods"][0]["detail"].startswith(
        "Expected one of bearer-token, "
    )


def test_a_deleted_user_leaves_nothing(api: APIClient, owner: User) -> None:
    api.post("/api/users/me/activities/", {"eventType": "x"}, format="json")
    api.post(
        "/api/users/me/analytics/", {"eventName": "x", "eventCategory": "custom"}, format="json"
    )
    api.put("/api/users/me/app-data/a/k/", {"dataValue": 1}, format="json")
    response = api.delete("/api/users/me/")
    assert (response.status_code, response.content) == (204, b"")
    assert set(purging.count_documents(user_id=owner.id).values()) == {0}
    assert User.find_by_email(owner.email) is None


def test_a_user_with_many_events_is_gone_at_once_and_purged_later(
    api: APIClient,
    owner: User,
    login: Any,
    admin: User,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(receipts, "REQUEST_PURGE_SECONDS", 0.1)
    Activity.collection().insert_many([{"userId": owner.id} for _ in range(5_000)])
    defaults = settings.CHABAD_AUTH
    # So that it is not enough.
    settings.CHABAD_AUTH = {**defaults, "PURGE_BATCH_SIZE": 1}
    response = api.delete("/api/users/me/")
    settings.CHABAD_AUTH = defaults
    assert response.status_code == 202
    assert response.json() == {"id": str(owner.id), "state": "purging"}
    assert api.get("/api/users/me/").status_code == 401
    client = login(admin)
    assert client.get(f"/api/users/{owner.id}/").status_code == 404
    assert client.delete(f"/api/users/{owner.id}/").status_code == 404
    assert client.post("/api/users/", {"email": owner.email}, format="json").status_code == 201
    assert purging.count_documents(user_id=owner.id)["activities"] > 0
    assert [outcome.finished for outcome in deletion.run()] == [True]
    assert set(purging.count_documents(user_id=owner.id).values()) == {0}


@pytest.mark.parametrize("path", ["roles/admin/", ""])
def test_the_last_administrator_can_be_neither_demoted_nor_deleted(
    admin: User, login: Any, path: str
) -> None:
    response = login(admin).delete(f"/api/users/me/{path}")
    check_error(response, 409, "last_administrator")
    admin.refresh()
    assert admin.has_permission("*")


def test_the_last_permission_for_everything_cannot_be_taken(mongodb: str, login: Any) -> None:
    ann = User.create_user(email="ann@example.org", permissions=["*"])
    check_error(login(ann).delete("/api/users/me/permissions/*/"), 409, "last_administrator")


def test_a_mailbox_is_one_user_in_each_spelling(login: Any, admin: User, owner: User) -> None:
    client, spellings = login(admin), ["Eve@MÜNCHEN.de", "eve@xn--mnchen-3ya.de", "eve@münchen.de."]
    User.collection().update_one({"_id": owner.id}, {"$set": {"email": "eve@münchen.de"}})
    for email in spellings:
        created = client.post("/api/users/", {"email": email}, format="json")
        changed = client.patch("/api/users/me/", {"email": email}, format="json")
        for response in (created, changed):
            assert (response.status_code, response.json()["code"]) == (409, "duplicate_email")
        rows = client.get("/api/users/", {"email": email}).json()["results"]
        assert [row["id"] for row in rows] == [str(owner.id)]
    patched = client.patch(f"/api/users/{owner.id}/", {"email": spellings[0]}, format="json")
    assert (patched.status_code, patched.json()["email"]) == (200, "eve@xn--mnchen-3ya.de")
    assert client.post("/api/users/", {"email": "eve@☃.net"}, format="json").status_code == 400
