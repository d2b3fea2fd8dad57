"""The second factor of an account of django-allauth is asked for at every door."""

from collections.abc import Callable
from typing import Any

Run = Callable[[str], list[Any]]

WITH_TOTP = """
app = App()
app.sign_up("ann@example.org")
secret = app.activate_totp()
before = stored()
"""


def test_a_password_alone_opens_nothing_and_stores_nothing(run: Run) -> None:
    told = run(
        WITH_TOTP
        + """
tell(api_login("ann@example.org"))
app = App()
answer = app.log_in("ann@example.org")
tell([answer.status_code, answer.pending, app.tokens])
browser = Client()
answer = browser.post("/accounts/login/", {"login": "ann@example.org", "password": "correct horse"})
tell([answer.status_code, answer["Location"], browser.get("/api/users/me/").status_code])
tell(stored() == before)
"""
    )
    assert told == [
        [403, "second_factor_required"],
        [401, ["mfa_authenticate"], {}],
        [302, "/accounts/2fa/authenticate/", 401],
        True,
    ]


def test_the_first_factor_ends_the_other_sessions(run: Run) -> None:
    told = run(
        """
app, thief = App(), App()
app.sign_up("ann@example.org")
thief.log_in("ann@example.org")
tell([app.me().status_code, thief.me().status_code])
secret = app.activate_totp()
tell([app.me().status_code, thief.me().status_code])
stolen = thief.tokens["refresh_token"]
tell(thief.allauth("POST", "tokens/refresh", refresh_token=stolen).status_code)
other = App()
other.log_in("ann@example.org")
other.allauth("POST", "auth/2fa/authenticate", code=totp_code(secret))
app.allauth("POST", "auth/reauthenticate", password="correct horse")
tell(app.allauth("POST", "account/authenticators/recovery-codes").status_code)
tell([app.me().status_code, other.me().status_code])
"""
    )
    assert told == [[200, 200], [200, 401], 400, 200, [200, 200]]


def test_removing_a_factor_ends_the_other_sessions(run: Run) -> None:
    told = run(
        """
app, thief = App(), App()
app.sign_up("ann@example.org")
secret = app.activate_totp()
thief.log_in("ann@example.org")
thief.allauth("POST", "auth/2fa/authenticate", code=totp_code(secret))
tell([app.me().status_code, thief.me().status_code])
tell(app.allauth("DELETE", "account/authenticators/totp").status_code)
tell([app.me().status_code, thief.me().status_code])
"""
    )
    assert told == [[200, 200], 200, [200, 401]]


def test_a_login_of_djangos_admin_opens_nothing(run: Run) -> None:
    told = run(
        WITH_TOTP
        + """
Account.objects.update(is_staff=True)
browser = Client()
form = {"username": account().username, "password": "correct horse"}
tell(browser.post("/admin/login/?next=/admin/", form).status_code)
answer = browser.get("/api/users/me/")
tell([answer.status_code, answer.json()["code"], stored() == before])
"""
    )
    assert told == [302, [403, "second_factor_required", True]]


def test_the_code_of_an_authenticator_app_signs_in(run: Run) -> None:
    told = run(
        WITH_TOTP
        + """
app = App()
app.log_in("ann@example.org")
tell(app.allauth("POST", "auth/2fa/authenticate", code="000000").status_code)
tell(app.allauth("POST", "auth/2fa/authenticate", code=totp_code(secret)).status_code)
tell([app.me().status_code, [now - then for now, then in zip(stored(), before)]])
"""
    )
    assert told == [400, 200, [200, [0, 1, 1, 1]]]


def test_a_code_on_allauths_pages_opens_the_api_to_the_session(run: Run) -> None:
    told = run(
        WITH_TOTP
        + """
browser = Client()
browser.post("/accounts/login/", {"login": "ann@example.org", "password": "correct horse"})
tell(browser.post("/accounts/2fa/authenticate/", {"code": totp_code(secret)}).status_code)
tell(browser.get("/api/users/me/").status_code)
"""
    )
    assert told == [302, 200]


def test_a_factor_that_the_account_has_lost_opens_nothing_any_more(run: Run) -> None:
    told = run(
        WITH_TOTP
        + """
browser = Client()
browser.post("/accounts/login/", {"login": "ann@example.org", "password": "correct horse"})
browser.post("/accounts/2fa/authenticate/", {"code": totp_code(secret)})
tell(app.allauth("DELETE", "account/authenticators/totp").status_code)
app.activate_totp()
answer = browser.get("/api/users/me/")
tell([answer.status_code, answer.json()["code"]])
"""
    )
    assert told == [200, [403, "second_factor_required"]]


def test_a_recovery_code_signs_in_once(run: Run) -> None:
    told = run(
        WITH_TOTP
        + """
answer = app.allauth("GET", "account/authenticators/recovery-codes")
code = answer.json()["data"]["unused_codes"][0]
for _ in range(2):
    app = App()
    app.log_in("ann@example.org")
    answer = app.allauth("POST", "auth/2fa/authenticate", code=code)
    tell([answer.status_code, app.me().status_code])
"""
    )
    assert told == [[200, 200], [400, 401]]


def test_recovery_codes_without_a_factor_that_they_replace_are_not_asked_for(run: Run) -> None:
    told = run(
        """
app = App()
app.sign_up("ann@example.org")
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
RecoveryCodes.activate(account())
tell(api_login("ann@example.org"))
tell([App().log_in("ann@example.org").status_code, app.me().status_code])
"""
    )
    assert told == [[200, None], [200, 200]]


def test_the_second_factor_of_another_account_in_the_same_session_does_not_count(run: Run) -> None:
    told = run(
        """
eve = App()
eve.sign_up("eve@example.org")
hers = eve.activate_totp()
app = App()
app.sign_up("ann@example.org")
app.activate_totp()
browser = Client()
browser.post("/accounts/login/", {"login": "eve@example.org", "password": "correct horse"})
browser.post("/accounts/2fa/authenticate/", {"code": totp_code(hers)})
records = dict(browser.session)
tell(browser.get("/api/users/me/").json()["email"])

# Django's own login, with a session that allauth has used before.
browser = Client()
session = browser.session
for name in ("account_authentication_methods", "account_authentication_methods_user"):
    session[name] = records[name]
session.save()
browser.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
Account.objects.update(is_staff=True)
form = {"username": account().username, "password": "correct horse"}
tell(browser.post("/admin/login/?next=/admin/", form).status_code)
tell("account_authentication_methods" in browser.session)
tell(browser.get("/api/users/me/").json()["code"])
"""
    )
    assert told == ["eve@example.org", 302, True, "second_factor_required"]
