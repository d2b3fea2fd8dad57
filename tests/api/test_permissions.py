"""Who may do what: one line for each path and verb of the API."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from django.core.cache import cache
from rest_framework.test import APIClient
from support.cases import each
from support.endpoints import PATTERNS, served

from chabad_auth_django.models import AppData, Profile, User

Login = Callable[[User | None], APIClient]

RANGE = "?start=2026-01-01T00:00:00Z&end=2026-02-01T00:00:00Z"
ACTIVITY = {"eventType": "opened"}
ANALYTICS = {"eventName": "opened", "eventCategory": "custom"}

CALLERS = ("anonymous", "owner", "other", "moderator", "admin")

#: Name of the path and verb -> body, query, and the status for each of the callers above.
EXPECTED: dict[tuple[str, str], tuple[Any, str, tuple[int, int, int, int, int]]] = {
    ("auth-login", "post"): ({}, "", (400, 400, 400, 400, 400)),
    ("auth-refresh", "post"): ({"refreshToken": "x"}, "", (401, 401, 401, 401, 401)),
    ("auth-logout", "post"): (None, "", (401, 204, 204, 204, 204)),
    ("auth-me", "get"): (None, "", (401, 200, 200, 200, 200)),
    ("auth-rules", "get"): (None, "", (401, 200, 200, 200, 200)),
    ("auth-sessions", "get"): (None, "", (401, 200, 200, 200, 200)),
    ("auth-sessions", "delete"): (None, "", (401, 204, 204, 204, 204)),
    ("auth-session", "delete"): (None, "", (401, 404, 404, 404, 404)),
    ("users", "get"): (None, "", (401, 403, 403, 200, 200)),
    ("users", "post"): ({"email": "new@example.org"}, "", (401, 403, 403, 403, 201)),
    ("user", "get"): (None, "", (401, 200, 403, 200, 200)),
    ("user", "patch"): ({"name": "N"}, "", (401, 200, 403, 403, 200)),
    ("user", "delete"): (None, "", (401, 204, 403, 403, 204)),
    ("user-block", "get"): (None, "", (401, 403, 403, 403, 404)),
    ("user-block", "put"): ({"reason": "abuse"}, "", (401, 403, 403, 403, 201)),
    ("user-block", "delete"): (None, "", (401, 403, 403, 403, 404)),
    ("user-identities", "get"): (None, "", (401, 200, 403, 403, 200)),
    ("user-identities", "post"): ({"token": "x"}, "", (401, 400, 403, 403, 403)),
    ("user-identity", "delete"): (None, "", (401, 404, 403, 403, 404)),
    ("user-export", "get"): (None, "", (401, 200, 403, 403, 200)),
    ("user-erasure", "get"): (None, "", (401, 404, 403, 403, 404)),
    ("user-erasure", "post"): (None, "", (401, 202, 403, 403, 202)),
    ("user-role", "put"): (None, "", (401, 403, 403, 403, 200)),
    ("user-role", "delete"): (None, "", (401, 403, 403, 403, 200)),
    ("user-permission", "put"): (None, "", (401, 403, 403, 403, 200)),
    ("user-permission", "delete"): (None, "", (401, 403, 403, 403, 200)),
    ("user-auth-method", "put"): (None, "", (401, 200, 403, 403, 200)),
    ("user-auth-method", "delete"): (None, "", (401, 200, 403, 403, 200)),
    ("profile", "get"): (None, "", (401, 200, 403, 403, 200)),
    ("profile", "patch"): ({"bio": "b"}, "", (401, 200, 403, 403, 200)),
    ("profile-avatar", "put"): ({"url": "https://a.org/"}, "", (401, 200, 403, 403, 200)),
    ("profile-avatar", "delete"): (None, "", (401, 204, 403, 403, 204)),
    ("profile-metadata", "get"): (None, "", (401, 200, 403, 403, 200)),
    ("profile-metadata", "put"): ({"value": 1}, "", (401, 200, 403, 403, 200)),
    ("profile-metadata", "delete"): (None, "", (401, 204, 403, 403, 204)),
    ("preferences", "get"): (None, "", (401, 200, 403, 403, 200)),
    ("preferences", "patch"): ({"theme": "dark"}, "", (401, 200, 403, 403, 200)),
    ("preferences-reset", "post"): (None, "", (401, 200, 403, 403, 200)),
    ("favorite-app", "put"): (None, "", (401, 200, 403, 403, 200)),
    ("favorite-app", "delete"): (None, "", (401, 200, 403, 403, 200)),
    ("widget", "put"): ({"enabled": True}, "", (401, 200, 403, 403, 200)),
    ("widget", "delete"): (None, "", (401, 200, 403, 403, 200)),
    ("user-activities", "get"): (None, "", (401, 200, 403, 200, 200)),
    ("user-activities", "post"): (ACTIVITY, "", (401, 201, 403, 403, 201)),
    ("user-analytics", "get"): (None, "", (401, 200, 403, 200, 200)),
    ("user-analytics", "post"): (ANALYTICS, "", (401, 201, 403, 403, 201)),
    ("user-event-counts", "get"): (None, RANGE, (401, 200, 403, 200, 200)),
    ("user-category-counts", "get"): (None, RANGE, (401, 200, 403, 200, 200)),
    ("user-timeseries", "get"): (None, RANGE, (401, 200, 403, 200, 200)),
    ("app-data", "get"): (None, "", (401, 200, 403, 403, 200)),
    ("app-data-app", "get"): (None, "", (401, 200, 403, 403, 200)),
    ("app-data-app", "delete"): (None, "", (401, 200, 403, 403, 200)),
    ("app-data-value", "get"): (None, "", (401, 200, 403, 403, 200)),
    ("app-data-value", "put"): ({"dataValue": 1}, "", (401, 200, 403, 403, 200)),
    ("app-data-value", "patch"): ({"dataValue": {}}, "", (401, 200, 403, 403, 200)),
    ("app-data-value", "delete"): (None, "", (401, 204, 403, 403, 204)),
    ("activities", "get"): (None, "", (401, 403, 403, 200, 200)),
    ("analytics", "get"): (None, "", (401, 403, 403, 200, 200)),
    ("event-counts", "get"): (None, RANGE, (401, 403, 403, 200, 200)),
    ("category-counts", "get"): (None, RANGE, (401, 403, 403, 200, 200)),
    ("timeseries", "get"): (None, RANGE, (401, 403, 403, 200, 200)),
    ("active-users", "get"): (None, RANGE, (401, 403, 403, 200, 200)),
    ("retention", "get"): (None, RANGE, (401, 403, 403, 200, 200)),
    ("audit", "get"): (None, "", (401, 403, 403, 403, 200)),
    ("health-live", "get"): (None, "", (200, 200, 200, 200, 200)),
    ("health-ready", "get"): (None, "", (200, 200, 200, 200, 200)),
    ("schema", "get"): (None, "", (200, 200, 200, 200, 200)),
}

#: Served without a stated answer here: pages for people, which have tests of their own.
PAGES = {("docs", "get"), ("index", "get")}

#: What stands for the names in a path.
NAMES = {
    "identity": "0" * 24,
    "session": "0" * 24,
    "role": "moderator",
    "permission": "users:read",
    "method": "credentials",
    "key": "settings",
    "app": "cteen",
    "widget": "clock",
}

#: The endpoints below a user: what is decided there must not tell whether the user exists.
BELOW_A_USER = [key for key in EXPECTED if "<str:user>" in str(PATTERNS[key[0]].pattern)]


#: The statuses, for each of the callers, of verbs that a path does not serve.
PUBLIC = (405, 405, 405, 405, 405)
SIGNED_IN = (401, 405, 405, 405, 405)
OWNERS = (401, 405, 403, 403, 405)
READERS = (401, 405, 403, 405, 405)
ADMINISTRATORS = (401, 403, 403, 403, 405)

#: Name of the path -> those of a read, and of a write.
UNSERVED = {
    "auth-login": (PUBLIC, PUBLIC),
    "auth-refresh": (PUBLIC, PUBLIC),
    "auth-logout": (SIGNED_IN, SIGNED_IN),
    "auth-me": (SIGNED_IN, SIGNED_IN),
    "auth-rules": (SIGNED_IN, SIGNED_IN),
    "auth-sessions": (SIGNED_IN, SIGNED_IN),
    "auth-session": (SIGNED_IN, SIGNED_IN),
    "users": (ADMINISTRATORS, ADMINISTRATORS),
    "user": (READERS, OWNERS),
    "user-block": (ADMINISTRATORS, ADMINISTRATORS),
    "user-identities": (OWNERS, OWNERS),
    "user-identity": (OWNERS, OWNERS),
    "user-export": (OWNERS, OWNERS),
    "user-erasure": (OWNERS, OWNERS),
    "user-role": (OWNERS, ADMINISTRATORS),
    "user-permission": (OWNERS, ADMINISTRATORS),
    "user-auth-method": (READERS, OWNERS),
    "profile": (OWNERS, OWNERS),
    "profile-avatar": (OWNERS, OWNERS),
    "profile-metadata": (OWNERS, OWNERS),
    "preferences": (OWNERS, OWNERS),
    "preferences-reset": (OWNERS, OWNERS),
    "favorite-app": (OWNERS, OWNERS),
    "widget": (OWNERS, OWNERS),
    "user-activities": (READERS, OWNERS),
    "user-analytics": (READERS, OWNERS),
    "user-event-counts": (READERS, OWNERS),
    "user-category-counts": (READERS, OWNERS),
    "user-timeseries": (READERS, OWNERS),
    "app-data": (OWNERS, OWNERS),
    "app-data-app": (OWNERS, OWNERS),
    "app-data-value": (OWNERS, OWNERS),
    "activities": (ADMINISTRATORS, ADMINISTRATORS),
    "analytics": (ADMINISTRATORS, ADMINISTRATORS),
    "event-counts": (ADMINISTRATORS, ADMINISTRATORS),
    "category-counts": (ADMINISTRATORS, ADMINISTRATORS),
    "timeseries": (ADMINISTRATORS, ADMINISTRATORS),
    "active-users": (ADMINISTRATORS, ADMINISTRATORS),
    "retention": (ADMINISTRATORS, ADMINISTRATORS),
    "audit": (ADMINISTRATORS, ADMINISTRATORS),
    "health-live": (PUBLIC, PUBLIC),
    "health-ready": (PUBLIC, PUBLIC),
    "schema": (PUBLIC, PUBLIC),
}

VERBS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def users(mongodb: str) -> dict[str, User | None]:
    made = [
        User(
            email=f"{name}@example.org",
            roles=["user" if name in ("owner", "other") else name],
            auth_methods=["google", "credentials"],
        )
        for name in CALLERS[1:]
    ]
    User.objects.insert(made)
    furnish(made[0])
    return dict(zip(CALLERS, [None, *made], strict=True))


@pytest.fixture
def clients(users: dict[str, User | None], login: Login) -> dict[str, APIClient]:
    """A client of each caller, for requests that end no session."""
    return {caller: login(user) for caller, user in users.items()}


def furnish(owner: User) -> None:
    """Store what the paths below a user name."""
    AppData.upsert_app_data(owner.id, "cteen", "settings", {})
    Profile(user_id=owner.id).set_metadata("settings", 1)


def path_of(name: str, user: str) -> str:
    values = {**NAMES, "user": user}
    path = re.sub(r"<\w+:(\w+)>", lambda match: values[match[1]], str(PATTERNS[name].pattern))
    return f"/api/{path}"


def call(client: APIClient, name: str, verb: str, user: str) -> Any:
    body, query, _ = EXPECTED[name, verb]
    return getattr(client, verb)(
        path_of(name, user) + query, body, format=None if body is None else "json"
    )


def test_every_endpoint_has_an_expectation() -> None:
    assert set(served()) - PAGES == set(EXPECTED)
    assert UNSERVED.keys() == PATTERNS.keys() - {name for name, _ in PAGES}


@pytest.mark.parametrize(("name", "verb"), EXPECTED)
def test_each_caller_gets_the_stated_answer(
    users: dict[str, User | None], login: Login, name: str, verb: str
) -> None:
    statuses = {}
    for caller in ("anonymous", "other", "moderator", "owner", "admin"):
        owner = users["owner"]
        assert owner is not None
        if caller == "admin" and verb == "delete":
            # The owner has just deleted it.
            owner.delete() if User.find_by_id(owner.id) else None
            owner = users["owner"] = User.create_user(
                email="again@example.org", auth_methods=["google", "credentials"]
            )
            furnish(owner)
        statuses[caller] = call(login(users[caller]), name, verb, str(owner.id)).status_code
    assert tuple(statuses[caller] for caller in CALLERS) == EXPECTED[name, verb][2]


@each("name", UNSERVED)
def test_a_verb_that_is_not_served_tells_nothing_more(
    users: dict[str, User | None], clients: dict[str, APIClient], name: str
) -> None:
    owner = users["owner"]
    assert owner is not None
    for verb in VERBS:
        if (name, verb) in EXPECTED or (name, verb) in PAGES:
            continue
        cache.clear()  # signing in is throttled
        answers = [
            getattr(clients[caller], verb)(path_of(name, str(owner.id))) for caller in CALLERS
        ]
        expected = UNSERVED[name][0 if verb == "get" else 1]
        assert tuple(answer.status_code for answer in answers) == expected, verb
        assert all(answer.json().keys() == {"code", "detail"} for answer in answers)


@each("name", UNSERVED)
def test_head_and_options_are_answered_as_a_read_is(
    users: dict[str, User | None], clients: dict[str, APIClient], name: str
) -> None:
    owner = users["owner"]
    assert owner is not None
    path = path_of(name, str(owner.id))
    for caller in CALLERS:
        client = clients[caller]
        if (name, "get") in EXPECTED:
            query = EXPECTED[name, "get"][1]
            read, head = client.get(path + query), client.head(path + query)
            assert (head.status_code, head.get("ETag")) == (read.status_code, read.get("ETag"))
            assert b"".join(head) == b""
            refusal = read.status_code if read.status_code in (401, 403) else None
        else:
            unserved = UNSERVED[name][0][CALLERS.index(caller)]
            refusal = unserved if unserved in (401, 403) else None
        assert client.options(path).status_code == (refusal or 200)


@each(("name", "verb"), BELOW_A_USER)
def test_another_user_cannot_tell_whether_somebody_exists(
    users: dict[str, User | None], clients: dict[str, APIClient], name: str, verb: str
) -> None:
    client = clients["other"]
    owner = users["owner"]
    assert owner is not None
    ids = [str(owner.id), str(owner.id).upper(), str(ObjectId()), "0" * 24, "nobody", "%00", "..."]
    answers = [call(client, name, verb, user) for user in ids]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1
    assert len({str(sorted(answer.headers.items())) for answer in answers}) == 1


def test_a_changed_role_counts_at_once(login: Login, owner: User) -> None:
    client = login(owner)
    assert client.get("/api/users/").status_code == 403
    owner.add_role("moderator")
    assert client.get("/api/users/").status_code == 200
    owner.remove_role("moderator")
    assert client.get("/api/users/").status_code == 403


@pytest.mark.parametrize("path", ["roles/admin/", "permissions/*/", "permissions/users:write/"])
def test_nobody_grants_what_they_do_not_have(login: Login, owner: User, path: str) -> None:
    owner.add_permission("roles:write")
    owner.add_permission("permissions:write")
    response = login(owner).put(f"/api/users/me/{path}")
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    owner.refresh()
    assert owner.roles == ["user"]
    assert owner.permissions == ["roles:write", "permissions:write"]


def test_who_may_grant_grants_what_they_have(login: Login, owner: User) -> None:
    owner.add_permission("permissions:*")
    owner.add_permission("users:read")
    other = User.create_user(email="other@example.org")
    path = f"/api/users/{other.id}/permissions/users:read/"
    assert login(owner).put(path).json()["permissions"] == ["users:read"]


def test_no_privilege_is_taken_through_anothers_account(
    login: Login, owner: User, admin: User
) -> None:
    # A sign-in finds the account by its e-mail address.
    owner.add_permission("users:*")
    client = login(owner)
    mine = {"email": "mine@example.org"}
    refused = client.patch(f"/api/users/{admin.id}/", mine, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    other = User.create_user(email="other@example.org")
    assert client.patch(f"/api/users/{other.id}/", mine, format="json").status_code == 200
    assert client.patch(f"/api/users/{ObjectId()}/", mine, format="json").status_code == 404
    assert client.patch("/api/users/me/", {"email": "a@b.org"}, format="json").status_code == 200


@pytest.mark.parametrize(
    ("role_permissions", "status"),
    [(["a:read"], 200), (["a:*"], 403), (["*"], 403), (["a:read", "b:read"], 403), ([], 200)],
)
def test_a_role_is_granted_only_by_who_has_all_that_it_grants(
    login: Login, owner: User, settings: Any, role_permissions: list[str], status: int
) -> None:
    owner.add_permission("roles:write")
    owner.add_permission("a:read")
    client = login(owner)
    settings.CHABAD_AUTH = {**settings.CHABAD_AUTH, "ROLE_PERMISSIONS": {"r": role_permissions}}
    assert client.put("/api/users/me/roles/r/").status_code == status


def test_nothing_is_served_to_the_token_of_a_deleted_user(login: Login, owner: User) -> None:
    client = login(owner)
    owner.delete()
    closed = [
        (name, verb)
        for (name, verb), (_, _, statuses) in EXPECTED.items()
        if statuses[0] == 401 and not name.startswith("auth-re")
    ]
    statuses = {
        (name, verb, user): call(client, name, verb, user).status_code
        for name, verb in closed
        for user in ("me", str(owner.id))
    }
    assert len(closed) > 50
    assert {case: status for case, status in statuses.items() if status != 401} == {}


#: Query -> a permission that lets read what it names, beside the one for the path.
EXPANDED = {
    "users/{user}/?expand=profile": ("users:read", "profiles:read"),
    "users/{user}/?expand=preferences": ("users:read", "preferences:read"),
    "users/{user}/?expand=profile,preferences": ("users:read", "*"),
    "users/{user}/activities/?expand=user": ("activities:read", "users:read"),
    "users/{user}/analytics/?expand=user": ("analytics:read", "users:read"),
    "activities/?expand=user": ("activities:read", "users:read"),
    "analytics/?expand=user": ("analytics:read", "users:read"),
}


@pytest.mark.parametrize("query", EXPANDED)
def test_what_is_shown_beside_takes_its_own_permission(
    users: dict[str, User | None], login: Login, query: str
) -> None:
    owner, other = users["owner"], users["other"]
    assert owner and other
    path = "/api/" + query.format(user=owner.id)
    needed, beside = EXPANDED[query]
    other.add_permission(needed)
    assert login(other).get(path.partition("?")[0]).status_code == 200
    assert login(other).get(path).status_code == 403
    other.add_permission(beside)
    assert login(other).get(path).status_code == 200
    if "{user}" in query:
        assert login(owner).get(path).status_code == 200
