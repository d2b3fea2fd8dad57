"""Who calls: what names the user, and what ends that."""

from typing import Any

import pytest
from support.merkos import token
from support.signed_in import access_token
from support.universe import COOKIE, FrontEnd, check_error, set_cookies

from chabad_auth_django.models import Activity, Session, User
from chabad_auth_django.services.signing_in import flows


def named(front_end: FrontEnd) -> str | None:
    """Return the e-mail address of the user whom the request names."""
    answer = front_end.get("auth/me")
    if answer.status_code == 200:
        return str(answer.json()["identity"]["email"])
    check_error(answer, 401)
    assert "identity" not in answer.json()
    return None


def test_a_bearer_and_each_cookie_name_the_user() -> None:
    ours = access_token(User.create_user(email="b@example.org", auth_methods=["google"]).id)
    for sent, address in ((token("a"), "a@example.org"), (ours, "b@example.org")):
        assert named(FrontEnd(bearer=sent)) == address
        assert named(FrontEnd(f"{COOKIE}={sent}")) == address
        assert named(FrontEnd(f"universe_auth_token={sent}")) == address
    assert named(FrontEnd()) is None
    assert named(FrontEnd("another=" + ours)) is None


def test_an_invalid_bearer_falls_through_to_the_cookie() -> None:
    for bearer in ("nonsense", "", token(age=7200), token()[:-3], "0" * 24 + ".a.b"):
        assert named(FrontEnd(f"{COOKIE}={token('a')}", bearer=bearer)) == "a@example.org"
        assert named(FrontEnd(bearer=bearer)) is None


def test_all_cookies_of_one_name_are_looked_at(page: FrontEnd) -> None:
    ours = page.cookies[0]
    for cookies in (
        [ours, f"{COOKIE}=stale"],
        [f"{COOKIE}=stale", ours],
        [f"{COOKIE}={token(age=7200)}", ours, "theme=dark"],
        [ours, f"{COOKIE}={token()}"],
        [f'universe_auth_token="{token()}"', ours],
    ):
        assert named(FrontEnd(*cookies)) == "m-1@example.org", cookies


def test_cookies_of_different_users_name_nobody(page: FrontEnd) -> None:
    for planted in (f"{COOKIE}={token('thief')}", f"universe_auth_token={token('thief')}"):
        for cookies in ([*page.cookies, planted], [planted, *page.cookies]):
            check_error(FrontEnd(*cookies).get("auth/me"), 401, "different_users")
    many = [f"{COOKIE}={number}" for number in range(20)]
    check_error(FrontEnd(*many, *page.cookies).get("auth/me"), 401, "different_users")
    # Signing out heals it.
    assert FrontEnd(*page.cookies, planted).post("auth/logout").status_code == 200


def test_a_bearer_that_names_a_user_counts_before_the_cookies(page: FrontEnd) -> None:
    assert named(FrontEnd(*page.cookies, bearer=token("b"))) == "b@example.org"


def test_who_is_blocked_or_deleted_or_signed_out_is_nobody(page: FrontEnd, me: User) -> None:
    flows.sign_out(user_id=me.id, session_id=Session.objects.get().id)
    assert named(page) is None
    page.sign_in()
    assert named(page) == "m-1@example.org"
    me.delete()
    assert named(page) is None


def test_the_cookie_holds_a_secret_of_ours(page: FrontEnd, raw: Any) -> None:
    sent = token("b")
    answer = FrontEnd().sign_in(sent)
    cookie = set_cookies(answer)[0]
    assert cookie.value != sent
    assert cookie["httponly"]
    assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "Lax")
    assert 3500 < int(cookie["max-age"]) <= 3600
    stored = str(list(raw.sessions.find()))
    assert not any(part in stored for part in cookie.value.split(".")[1:])
    session = Session.objects.order_by("-id").first()
    assert 3500 < (session.expires_at - session.created_at).total_seconds() <= 3600
    # It is no refresh token, and trying it as one ends it.
    refreshed = FrontEnd().post("auth/refresh/", {"refreshToken": cookie.value})
    assert refreshed.status_code == 401
    assert named(FrontEnd(f"{COOKIE}={cookie.value}")) is None


def test_a_refresh_token_is_no_cookie() -> None:
    user = User.create_user(email="b@example.org", auth_methods=["google"])
    signed_in = flows.issue_tokens(name=user.email)
    assert named(FrontEnd(f"{COOKIE}={signed_in.refresh_token}")) is None
    assert flows.refresh(refresh_token=signed_in.refresh_token).user.id == user.id


def test_a_sign_in_lasts_two_weeks_at_most() -> None:
    answer = FrontEnd().sign_in(token(lifetime=30 * 24 * 60 * 60))
    assert set_cookies(answer)[0]["max-age"] == str(14 * 24 * 60 * 60)


def test_after_a_logout_the_tokens_from_before_name_nobody() -> None:
    before = token(age=1)
    page = FrontEnd()
    page.sign_in(before)
    assert named(FrontEnd(f"{COOKIE}={before}")) == "m-1@example.org"
    assert page.post("auth/logout").status_code == 200
    assert Session.objects.count() == 0
    assert named(page) is None
    assert named(FrontEnd(f"{COOKIE}={before}")) is None
    assert named(FrontEnd(bearer=before)) is None
    check_error(FrontEnd().post("sso/remote/status", {"token": before}), 401)
    assert named(FrontEnd(bearer=token(age=-2))) == "m-1@example.org"


@pytest.mark.parametrize("path", ["auth/logout", "sso/logout"])
def test_a_logout_ends_the_session_and_deletes_the_cookies(path: str, configure: Any) -> None:
    page = FrontEnd()
    page.sign_in()
    options = {"content_type": ""} if path == "sso/logout" else {}
    with configure(UNIVERSE_COOKIE_DOMAINS=[".example.org"]):
        answer = page.post(path, **options)
    assert answer.status_code == 200
    assert answer.json() == ({"success": True} if "auth" in path else {"status": "success"})
    assert Session.objects.count() == 0
    deleted = {(cookie.key, cookie["domain"]) for cookie in set_cookies(answer)}
    names = (COOKIE, "universe_auth_token")
    assert deleted == {(name, domain) for name in names for domain in ("", ".example.org")}
    for cookie in set_cookies(answer):
        assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", "0", "/")
    # Also for nobody, and for a session that has ended.
    assert page.post(path, **options).status_code == 200
    assert FrontEnd().post(path, **options).status_code == 200


def test_a_portal_in_a_frame_of_another_site_has_a_partitioned_cookie(configure: Any) -> None:
    with configure(UNIVERSE_EMBEDDED=True):
        answer = FrontEnd().sign_in()
        output = set_cookies(answer)[0].OutputString()
        assert "SameSite=None; Secure; Partitioned" in output
        deleted = [cookie.OutputString() for cookie in set_cookies(FrontEnd().post("auth/logout"))]
    assert sum("Partitioned" in output for output in deleted) == 2 == len(deleted) / 2


def test_a_page_that_is_signed_in_is_no_new_sign_in(page: FrontEnd, configure: Any) -> None:
    for _ in range(20):
        answer = page.post("sso/remote/status", {"token": token()})
        assert answer.status_code == 200
        assert set_cookies(answer) == []
    assert Activity.objects.count() == 1
    check_error(page.post("sso/remote/status", {"token": token(age=7200)}), 401)
    with configure(THROTTLE_RATES={"sign_in": "10/min"}):
        tries = [FrontEnd().post("sso/remote/status", {"token": "no"}) for _ in range(11)]
        assert [answer.status_code for answer in tries] == [401] * 10 + [429]
        assert page.post("sso/remote/status", {"token": token()}).status_code == 200


def test_somebody_else_signs_in_with_the_cookie_of_another_one(page: FrontEnd) -> None:
    answer = page.post("sso/remote/status", {"token": token("b")})
    assert answer.json()["user"]["email"] == "b@example.org"
    assert COOKIE in [cookie.key for cookie in set_cookies(answer) if cookie.value]
