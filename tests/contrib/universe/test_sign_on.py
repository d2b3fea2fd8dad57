"""Signing in with a token of the clients, and who is signed in."""

import time

import jwt
from support.merkos import SECRET, token
from support.universe import FrontEnd, check_error

from chabad_auth_django.models import Activity, User


def test_the_answer_has_what_the_clients_read() -> None:
    answer = FrontEnd().sign_in(token("beth", name="Beth"))
    assert answer["Cache-Control"] == "private, no-store"
    user = User.objects.get()
    assert answer.json() == {
        "status": "success",
        "user": {
            "id": str(user.id),
            "email": "beth@example.org",
            "name": "Beth",
            "roles": ["user"],
        },
    }
    # Mongoose programs refuse to change an Activity without an application.
    assert Activity.objects.get().app_id == "chabad-universe"


def test_every_form_of_token_signs_in() -> None:
    times = {"iat": int(time.time()), "exp": int(time.time()) + 60}
    for claims in (
        {"user": {"id": "1", "email": "one@example.org", "name": "One", "role": "admin"}},
        {"user": {"_id": "2", "email": "two@example.org", "organization": "x"}},
        {"sub": "3", "email": "three@example.org", "name": "Three"},
    ):
        sent = jwt.encode(claims | times, SECRET, "HS256")
        user = FrontEnd().sign_in(sent).json()["user"]
        assert isinstance(user["name"], str) and user["name"]
        assert user["roles"] == ["user"]


def test_what_is_no_good_token_is_refused() -> None:
    page = FrontEnd()
    for body in ({}, {"token": None}, {"token": ""}, {"token": 7}, {"token": ["x"]}, [], "x"):
        check_error(page.post("sso/remote/status", body), 400)
    endless = jwt.encode({"sub": "1", "email": "a@example.org"}, SECRET, "HS256")
    unsigned = jwt.encode({"sub": "1", "exp": time.time() + 60}, "x" * 32, "HS256")
    for sent in ("x", "x.y.z", token(age=7200), endless, unsigned):
        check_error(page.post("sso/remote/status", {"token": sent}), 401)
    assert User.objects.count() == 0


def test_the_method_is_looked_at_before_the_body(page: FrontEnd) -> None:
    for caller in (FrontEnd(), page):
        check_error(caller.get("sso/remote/status"), 405)
        check_error(caller.send("PUT", "sso/remote/status", {}), 405)
        assert caller.send("OPTIONS", "sso/remote/status").status_code == 200


def test_the_status_is_never_an_error(page: FrontEnd) -> None:
    assert page.get("sso/status").json()["user"]["email"] == "m-1@example.org"
    for nobody in (FrontEnd(), FrontEnd("x-auth-token=stale"), FrontEnd(bearer="x")):
        answer = nobody.get("sso/status")
        assert (answer.status_code, answer.json()["status"]) == (200, "error")
        assert "user" not in answer.json()
