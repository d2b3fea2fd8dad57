"""No cache in front of the API gives one user what another was answered."""

from __future__ import annotations

import json
from pathlib import Path

from api.conftest import Login
from rest_framework.test import APIClient
from support.processes import run_code

from chabad_auth_django.models import User

CODE = """
import json
from django.test import Client
from support.signed_in import access_token
from chabad_auth_django.models import User
clients = []
for name in ("ann", "bob"):
    user = User.create_user(email=f"{name}@example.org", auth_methods=["google"])
    clients.append(Client(headers={"Authorization": "Bearer " + access_token(user.id)}))
found = []
for path in ("users/me/", "users/me/profile/", "users/me/app-data/", "auth/me/", "auth/sessions/"):
    answers = [client.get("/api/" + path) for client in clients * 2]
    tag = answers[0].headers.get("ETag")
    again = [client.get("/api/" + path, headers={"If-None-Match": tag}) for client in clients]
    texts = [answer.content.decode() for answer in answers]
    found.append([path, texts, [answer.status_code for answer in again]])
print(json.dumps(found))
"""


def test_a_cache_of_the_whole_site_serves_nobody_anothers_data(
    mongodb: str, tmp_path: Path
) -> None:
    result = run_code(
        CODE,
        cwd=tmp_path,
        DJANGO_SETTINGS_MODULE="support.cached_settings",
        MONGODB_URI=mongodb,
    )
    assert result.returncode == 0, result.stderr
    for path, (ann, bob, ann_again, bob_again), statuses in json.loads(result.stdout):
        assert ann == ann_again, path
        assert bob == bob_again, path
        if path != "users/me/app-data/":
            assert ann != bob, path
            assert statuses[1] == 200, path


def test_every_answer_says_that_it_is_private(owner: User, login: Login) -> None:
    client = login(owner)
    tag = client.get("/api/users/me/").headers["ETag"]
    for answer in (
        client.get("/api/users/me/"),
        client.get("/api/users/me/", HTTP_IF_NONE_MATCH=tag),
        client.get("/api/users/x/"),
        client.patch("/api/users/me/", {"name": 5}, format="json"),
        APIClient().get("/api/users/me/"),
    ):
        assert answer.headers["Cache-Control"] == "private, no-cache", answer.status_code
        assert {"Authorization", "Cookie"} <= set(answer.headers["Vary"].split(", "))
    assert client.get("/api/users/me/export/").headers["Cache-Control"] == "private, no-store"
