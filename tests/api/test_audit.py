"""The audit trail through the API: what is recorded, and who reads it."""

from typing import Any

import pytest
from bson import ObjectId
from rest_framework.test import APIClient
from support.requests import check_error

from chabad_auth_django.models import AuditEntry, User
from chabad_auth_django.services.signing_in import sessions


def recorded(**query: Any) -> list[tuple[str, str, str | None]]:
    """Return action, outcome and code of the entries that tests did not begin with."""
    found = AuditEntry.collection().find({"actorKind": {"$ne": "system"}, **query}).sort("_id")
    return [(row["action"], row["outcome"], row.get("code")) for row in found]


#: Verb, path below another user and body -> what is recorded.
ACTS: list[tuple[str, str, Any, list[str]]] = [
    ("put", "roles/moderator/", None, ["role.grant"]),
    ("delete", "roles/user/", None, ["role.revoke"]),
    ("put", "permissions/users:read/", None, ["permission.grant"]),
    ("delete", "permissions/users:read/", None, []),
    ("put", "auth-methods/credentials/", None, ["auth_method.add"]),
    ("patch", "", {"email": "new@example.org"}, ["data.change", "email.change"]),
    ("patch", "", {"name": "New"}, ["data.change"]),
    ("patch", "profile/", {"bio": "b"}, ["data.change"]),
    ("post", "preferences/reset/", None, ["data.change"]),
    ("put", "app-data/a/k/", {"dataValue": 1}, ["data.change"]),
    ("post", "activities/", {"eventType": "x"}, []),
    ("get", "export/", None, ["user.export"]),
    ("head", "export/", None, []),
    ("get", "", None, []),
    ("delete", "", None, ["user.delete"]),
    ("post", "erasure/", None, ["user.erase"]),
]


@pytest.mark.parametrize(("verb", "path", "body", "actions"), ACTS)
@pytest.mark.parametrize("key", [{}, {"HTTP_IDEMPOTENCY_KEY": "k"}])
def test_what_is_done_to_another_is_recorded_once(
    login: Any,
    admin: User,
    owner: User,
    verb: str,
    path: str,
    body: Any,
    actions: list[str],
    key: dict[str, str],
) -> None:
    client: APIClient = login(admin)
    for _ in range(1 + bool(key)):
        response = getattr(client, verb)(
            f"/api/users/{owner.id}/{path}", body, format=body and "json", **key
        )
        assert response.status_code < 300
        if verb in ("get", "head"):
            break
    assert recorded() == [(action, "done", None) for action in actions]
    for row in AuditEntry.collection().find({"action": {"$in": actions}, "actorKind": "user"}):
        assert (row["actorId"], row["userId"]) == (str(admin.id), owner.id)


@pytest.mark.parametrize(
    ("verb", "path", "body", "actions"),
    [
        ("patch", "", {"name": "New"}, []),
        ("patch", "profile/", {"bio": "b"}, []),
        ("put", "app-data/a/k/", {"dataValue": 1}, []),
        ("put", "auth-methods/credentials/", None, ["auth_method.add"]),
        ("get", "export/", None, ["user.export"]),
        ("post", "erasure/", None, ["user.erase"]),
    ],
)
def test_of_owners_only_what_matters_to_security_is_recorded(
    api: APIClient, verb: str, path: str, body: Any, actions: list[str]
) -> None:
    response = getattr(api, verb)(f"/api/users/me/{path}", body, format=body and "json")
    assert response.status_code < 300
    assert recorded() == [(action, "done", None) for action in actions]


def test_a_user_that_an_administrator_creates_is_recorded(login: Any, admin: User) -> None:
    client = login(admin)
    id = client.post("/api/users/", {"email": "new@example.org"}, format="json").json()["id"]
    assert recorded(userId=ObjectId(id)) == [("user.create", "done", None)]


def test_ended_sessions_are_recorded(api: APIClient, owner: User) -> None:
    session, _ = sessions.open_session(user_id=owner.id, auth_method="google")
    assert api.delete(f"/api/auth/sessions/{session.id}/").status_code == 204
    assert api.delete(f"/api/auth/sessions/{session.id}/").status_code == 404
    sessions.open_session(user_id=owner.id, auth_method="google")
    assert api.delete("/api/auth/sessions/").status_code == 204
    assert recorded() == [("session.revoke", "done", None)] * 2
    first = AuditEntry.objects(action="session.revoke").order_by("id").first()
    assert first.details == {"session": session.id}


@pytest.mark.parametrize(
    ("verb", "path", "body", "action"),
    [
        ("put", "roles/admin/", None, "role.grant"),
        ("delete", "", None, "user.delete"),
        ("post", "erasure/", None, "user.erase"),
        ("get", "export/", None, "user.export"),
        ("patch", "profile/", {"bio": "b"}, "data.change"),
        ("post", "activities/", {"eventType": "x"}, "data.change"),
    ],
)
@pytest.mark.parametrize("has_permission", [True, False])
def test_a_refused_act_is_recorded(
    login: Any,
    admin: User,
    owner: User,
    verb: str,
    path: str,
    body: Any,
    action: str,
    has_permission: bool,
) -> None:
    if has_permission:
        for resource in ("users", "roles", "profiles", "activities", "exports", "erasures"):
            owner.add_permission(f"{resource}:*")
    url = f"/api/users/{admin.id}/{path}"
    response = getattr(login(owner), verb)(url, body, format=body and "json")
    check_error(response, 403, "permission_denied")
    assert recorded() == [(action, "refused", "permission_denied")]
    (row,) = AuditEntry.collection().find({"outcome": "refused"})
    assert (row["actorId"], row["userId"]) == (str(owner.id), admin.id)


def test_who_may_not_read_is_refused_without_an_entry(
    api: APIClient, admin: User, owner: User
) -> None:
    assert api.get(f"/api/users/{admin.id}/").status_code == 403
    assert api.delete("/api/users/nobody/").status_code == 403
    assert recorded() == [("user.delete", "refused", "permission_denied")]
    assert "userId" not in AuditEntry.collection().find_one({"outcome": "refused"})


def test_who_grants_themselves_what_they_lack_is_recorded(api: APIClient, owner: User) -> None:
    owner.add_permission("permissions:write")
    owner.add_permission("roles:write")
    check_error(api.put("/api/users/me/permissions/*/"), 403, "permission_denied")
    check_error(api.put("/api/users/me/roles/admin/"), 403, "permission_denied")
    check_error(api.patch("/api/users/me/", {"email": "a@b.org"}, format="json"), 403, None)
    assert recorded() == [
        ("permission.grant", "refused", "permission_denied"),
        ("role.grant", "refused", "permission_denied"),
        ("email.change", "refused", "permission_denied"),
    ]


def test_an_attempt_on_oneself_names_oneself(api: APIClient, owner: User) -> None:
    for user in ("me", owner.id):
        check_error(api.put(f"/api/users/{user}/roles/admin/"), 403, "permission_denied")
    refused = AuditEntry.collection().find({"outcome": "refused"})
    assert [row["userId"] for row in refused] == [owner.id] * 2


@pytest.mark.parametrize("path", ["roles/admn/", "permissions/x:y/", "permissions/user:read/"])
def test_what_no_setting_knows_is_not_granted(login: Any, admin: User, path: str) -> None:
    client = login(admin)
    check_error(client.put(f"/api/users/me/{path}"), 400, "unknown_grant")
    admin.refresh()
    assert (admin.roles, admin.permissions) == (["admin"], [])
    # What another program granted can be taken.
    admin.add_role("admn")
    admin.add_permission("x:y")
    assert client.delete(f"/api/users/me/{path}").status_code == 200


def test_a_setting_makes_a_permission_known(login: Any, admin: User, settings: Any) -> None:
    settings.CHABAD_AUTH = {**settings.CHABAD_AUTH, "PERMISSIONS": ["x:y"]}
    assert login(admin).put("/api/users/me/permissions/x:y/").status_code == 200


def test_a_precondition_that_fails_leaves_no_entry(login: Any, admin: User, owner: User) -> None:
    path = f"/api/users/{owner.id}/roles/moderator/"
    assert login(admin).put(path, HTTP_IF_MATCH='"other"').status_code == 412
    assert recorded() == []


def test_the_trail_is_read_in_pages_by_who_may(login: Any, admin: User, owner: User) -> None:
    client = login(admin)
    for permission in ("users:read", "analytics:read", "activities:read"):
        client.put(f"/api/users/{owner.id}/permissions/{permission}/")
    check_error(login(owner).get("/api/audit/"), 403, "permission_denied")
    owner.add_permission("audit:read")
    page = login(owner).get(f"/api/audit/?action=permission.grant&user={owner.id}&limit=2").json()
    assert [row["details"]["permissions"] for row in page["results"]] == [
        ["activities:read"],
        ["analytics:read"],
    ]
    assert page["results"][0]["actor"] == {"kind": "user", "id": str(admin.id), "operator": None}
    rest = login(owner).get(page["next"]).json()
    assert [row["details"]["permissions"] for row in rest["results"]] == [["users:read"]]
    none = f"/api/audit/?actor={owner.id}&until=2020-01-01T00:00:00Z"
    assert login(owner).get(none).json()["results"] == []


@pytest.mark.parametrize("query", ["user=x", "action=x", "since=x", "limit=0", "cursor=x", "x=1"])
def test_a_filter_that_makes_no_sense_is_refused(login: Any, admin: User, query: str) -> None:
    check_error(login(admin).get(f"/api/audit/?{query}"), 400, "invalid")


def test_refused_writes_are_throttled_before_they_fill_the_trail(
    api: APIClient, admin: User, settings: Any
) -> None:
    settings.CHABAD_AUTH = {**settings.CHABAD_AUTH, "THROTTLE_RATES": {"write": "2/min"}}
    statuses = [api.delete(f"/api/users/{admin.id}/").status_code for _ in range(4)]
    assert statuses == [403, 403, 429, 429]
    assert len(recorded()) == 2
