"""The life of an account of django-allauth, and what our API has of it."""

from collections.abc import Callable
from typing import Any

from chabad_auth_django.models import Activity, Analytics, ExternalId, Session, User

Run = Callable[[str], list[Any]]

SIGNED_UP = """
app = App()
app.sign_up("ann@example.org")
"""


def test_who_signs_up_has_tokens_once_the_address_is_verified(run: Run) -> None:
    told = run(
        """
app = App()
answer = app.allauth("POST", "auth/signup", email="Ann@Example.org", password="correct horse")
tell([answer.status_code, answer.pending, app.tokens, stored()])
answer = app.allauth("POST", "auth/email/verify", key=mailed_code())
tell([answer.status_code, app.tokens["expires_in"]])
tell([app.me().status_code, app.me().json()["email"]])
"""
    )
    assert told == [[401, ["verify_email"], {}, [0, 0, 0, 0]], [200, 900], [200, "ann@example.org"]]


def test_a_login_opens_one_session_and_is_recorded_once(run: Run) -> None:
    run(SIGNED_UP + 'App().log_in("ann@example.org")')
    user, (claim,) = User.objects.get(), ExternalId.objects
    first, second = Session.objects.order_by("created_at")
    for session in (first, second):
        assert (session.auth_method, session.opened_by) == ("credentials", claim.id)
        assert session.host_hash
    for kind in (Activity, Analytics):
        assert [event.session_id for event in kind.objects.order_by("timestamp")] == [
            str(first.id),
            str(second.id),
        ]
    assert user.auth_methods == ["credentials"]


def test_a_login_on_allauths_pages_opens_no_session_and_is_recorded_once(run: Run) -> None:
    told = run(
        SIGNED_UP
        + """
before = stored()
browser = Client()
form = {"login": "ann@example.org", "password": "correct horse"}
tell(browser.post("/accounts/login/", form).status_code)
tell([now - then for now, then in zip(stored(), before)])
tell(browser.get("/api/users/me/").json()["email"])
"""
    )
    assert told == [302, [0, 0, 1, 1], "ann@example.org"]


def test_a_refresh_token_of_ours_is_exchanged_at_allauth(run: Run) -> None:
    told = run(
        SIGNED_UP
        + """
answer = app.allauth("POST", "tokens/refresh", refresh_token=app.tokens["refresh_token"])
tell(answer.status_code)
new = answer.json()["data"]
app.tokens["access_token"] = new["access_token"]
tell(app.me().status_code)
tell(app.allauth("POST", "tokens/refresh", refresh_token=new["refresh_token"] + "x").status_code)
"""
    )
    assert told == [200, 200, 400]


def test_a_logout_at_allauth_ends_our_session(run: Run) -> None:
    told = run(
        SIGNED_UP
        + """
other = App()
other.log_in("ann@example.org")
tell(app.allauth("DELETE", "auth/session").status_code)
tell([app.me().status_code, other.me().status_code, stored()[1]])
"""
    )
    assert told == [401, [401, 200, 1]]


def test_a_password_change_ends_all_other_sessions(run: Run) -> None:
    told = run(
        SIGNED_UP
        + """
other = App()
other.log_in("ann@example.org")
answer = app.allauth(
    "POST", "account/password/change",
    current_password="correct horse", new_password="battery staple",
)
tell(answer.status_code)
tell([app.me().status_code, other.me().status_code])
refresh = [client.tokens["refresh_token"] for client in (app, other)]
tell([app.allauth("POST", "tokens/refresh", refresh_token=it).status_code for it in refresh])
"""
    )
    assert told == [200, [200, 401], [200, 400]]


def test_a_password_reset_ends_all_sessions(run: Run) -> None:
    told = run(
        SIGNED_UP
        + """
thief = App()
thief.log_in("ann@example.org")
owner = App()
owner.allauth("POST", "auth/password/request", email="ann@example.org")
answer = owner.allauth("POST", "auth/password/reset", key=mailed_code(), password="new password")
tell([answer.status_code, owner.tokens])
tell([app.me().status_code, thief.me().status_code])
tell(thief.log_in("ann@example.org").status_code)
tell([owner.log_in("ann@example.org", "new password").status_code, owner.me().status_code])
"""
    )
    assert told == [[401, {}], [401, 401], 400, [200, 200]]


def test_a_verified_change_of_address_follows_at_once(run: Run) -> None:
    told = run(
        SIGNED_UP
        + """
settings.ACCOUNT_CHANGE_EMAIL = True
try:
    app.allauth("POST", "account/email", email="new@example.org")
    tell(app.me().json()["email"])
    app.allauth("POST", "auth/email/verify", key=mailed_code())
    tell(app.me().json()["email"])
finally:
    del settings.ACCOUNT_CHANGE_EMAIL
"""
    )
    assert told == ["ann@example.org", "new@example.org"]
    assert User.objects.get().email == "new@example.org"


def test_another_verified_address_follows_when_it_is_the_primary_one(run: Run) -> None:
    told = run(
        SIGNED_UP
        + """
app.allauth("POST", "account/email", email="new@example.org")
app.allauth("POST", "auth/email/verify", key=mailed_code())
tell(app.me().json()["email"])
app.allauth("PATCH", "account/email", email="new@example.org", primary=True)
tell(app.me().json()["email"])
"""
    )
    assert told == ["ann@example.org", "new@example.org"]


def test_an_address_of_another_user_does_not_follow(run: Run) -> None:
    User.create_user(email="new@example.org", auth_methods=["google"])
    told = run(
        SIGNED_UP
        + """
app.allauth("POST", "account/email", email="new@example.org")
app.allauth("POST", "auth/email/verify", key=mailed_code())
answer = app.allauth("PATCH", "account/email", email="new@example.org", primary=True)
tell([answer.status_code, app.me().json()["email"]])
"""
    )
    assert told == [[200, "ann@example.org"]]


def test_a_session_from_before_the_unlinking_does_not_undo_it(run: Run) -> None:
    told = run(
        SIGNED_UP
        + """
from chabad_auth_django.models import DepartedIdentity, ExternalId
user = User.objects.get()
ExternalId(id='issuer:["other", "1"]', user_id=user.id, email=user.email).save()
browser = Client()
form = {"login": "ann@example.org", "password": "correct horse"}
browser.post("/accounts/login/", form)
(host,) = (claim.id for claim in ExternalId.objects if claim.id.startswith("host"))
identity = f"/api/users/me/identities/{ExternalId.public_id(host)}/"
tell(browser.delete(identity).status_code)
# As its TTL does after a day, when the session of the browser still lives.
DepartedIdentity.objects.delete()
tell([browser.get("/api/users/me/").status_code, ExternalId.objects.count()])
browser.logout()
browser.post("/accounts/login/", form)
tell([browser.get("/api/users/me/").status_code, ExternalId.objects.count()])
"""
    )
    assert told == [204, [401, 1], [200, 2]]


def test_the_sessions_of_a_deleted_account_end_and_its_user_stays(run: Run) -> None:
    told = run(
        SIGNED_UP
        + """
account().delete()
tell([app.me().status_code, stored()[0]])
answer = app.allauth("POST", "tokens/refresh", refresh_token=app.tokens["refresh_token"])
tell(answer.status_code)
"""
    )
    assert told == [[401, 1], 400]


def test_an_account_that_the_adapter_calls_disabled_is_out_at_every_door(run: Run) -> None:
    assert run("""
import sys, types
from chabad_auth_django.services.identity.hosts import HostAdapter
class Adapter(HostAdapter):
    def is_active(self, *, account):
        return account.username != "ann"
sys.modules["suspending"] = types.SimpleNamespace(Adapter=Adapter)
app, browser, other = App(), Client(), App()
app.sign_up("ann@example.org")
Account.objects.update(username="ann")
before = stored()
changed = {**settings.CHABAD_AUTH, "HOST_ADAPTER": "suspending.Adapter"}
with override_settings(CHABAD_AUTH=changed):
    tell(app.me().status_code)
    tell(api_login("ann"))
    assert browser.login(username="ann", password="correct horse")
    tell(browser.get("/api/users/me/").status_code)
    answer = other.log_in("ann@example.org")
    tell([answer.status_code, answer.code, other.tokens])
tell(stored() == before)
    """) == [401, [401, "invalid_credentials"], 401, [401, "invalid_token", {}], True]


def test_what_mongodb_keeps_has_no_secret_and_the_audit_trail_no_value(run: Run) -> None:
    told = run("""
from chabad_auth_django.db import connection
from support.issuer import SHARED, shared_token
chief = User.create_user(email="chief@example.org", roles=["admin"])
secrets = ["correct horse", "battery staple", shared_token(name="Ann Nameless")]
app, other = App(), App()
app.sign_up("ann@example.org")
other.log_in("ann@example.org")
for tokens in (app.tokens, other.tokens):
    for name in ("access_token", "refresh_token"):
        secrets += [tokens[name], *tokens[name].split(".")[1:]]
with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": [SHARED]}):
    def call(method, path, tokens=app.tokens, **body):
        headers = {"Authorization": f"Bearer {tokens['access_token']}", "Idempotency-Key": path}
        return Client().generic(method, f"/api/{path}", json.dumps(body), headers=headers,
                                content_type="application/json")
    login = call("POST", "auth/login/", username="ann@example.org", password="correct horse")
    secrets += login.json()["refreshToken"].split(".")[1:]
    tell(call("POST", "users/me/identities/", token=secrets[2]).status_code)
    tell(call("PATCH", "users/me/", name="Ann Nameless").status_code)
    tell(api_login("ann@example.org", "battery staple"))
refreshed = other.allauth("POST", "tokens/refresh", refresh_token=other.tokens["refresh_token"])
secrets += refreshed.json()["data"]["refresh_token"].split(".")[1:]
secrets.append(app.activate_totp())
app.allauth("POST", "account/password/change", current_password="correct horse",
            new_password="battery staple")
ann = User.find_by_email("ann@example.org")
blocking.block_user(user_id=ann.id, reason="spam", text="wrote to Eve", blocked_by=chief.id)
database = connection.get_database()
kept = {name: str(list(database[name].find())) for name in database.list_collection_names()
        if not name.startswith("system.")}
tell([name for name, text in kept.items() for secret in secrets if secret in text])
tell([value for value in ("@", "Nameless", "Eve", "spam") if value in kept["audit_log"]])
tell(len(kept["audit_log"]) > 100)
""")
    assert told == [201, 200, [401, "invalid_credentials"], [], [], True]


def test_settings_of_accounts_that_make_attacks_easier_are_named(run: Run) -> None:
    assert run("""
import sys, types
from chabad_auth_django.checks.risks import check_risks
from chabad_auth_django.services.identity.hosts import HostAdapter
class Trusting(HostAdapter):
    def is_email_verified(self, *, account, email):
        return True
sys.modules["trusting"] = types.SimpleNamespace(Adapter=Trusting)
def numbers(**changes):
    given = {**settings.CHABAD_AUTH, **changes.pop("chabad", {})}
    with override_settings(CHABAD_AUTH=given, **changes):
        found = [int(message.id[-3:]) for message in check_risks()]
    return [number for number in found if number > 106]
tell(numbers())
tell(numbers(ACCOUNT_RATE_LIMITS={"signup": "5/m"}))
tell(numbers(chabad={"HOST_ADAPTER": "trusting.Adapter"}))
tell(numbers(chabad={"HOST_ADAPTER": "trusting.Adapter", "AUTH_METHODS": ["cdsso"],
                     "SOCIAL_AUTH_METHODS": {}}))
""") == [[109, 110], [110], [108, 109, 110], [109, 110]]


def test_a_way_of_signing_in_that_is_not_allowed_gives_no_token(run: Run) -> None:
    told = run(
        SIGNED_UP
        + """
with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "AUTH_METHODS": ["google"]}):
    tell(app.me().status_code)
    before, app = stored(), App()
    answer = app.log_in("ann@example.org")
    tell([answer.status_code, answer.code, app.tokens, stored() == before])
    tell(app.allauth("GET", "auth/session").status_code)
"""
    )
    assert told == [403, [403, "credentials_disabled", {}, True], 401]


def test_an_outage_is_answered_as_one(run: Run) -> None:
    away = "mongodb://127.0.0.1:1/test_x?serverSelectionTimeoutMS=200"
    told = run(
        SIGNED_UP
        + f"""
with override_settings(CHABAD_AUTH={{**settings.CHABAD_AUTH, "MONGODB_URI": {away!r}}}):
    answer = App().log_in("ann@example.org")
    tell([answer.status_code, answer.code, answer["Retry-After"]])
    answer = app.allauth("POST", "tokens/refresh", refresh_token=app.tokens["refresh_token"])
    tell([answer.status_code, answer.code, answer["Retry-After"]])
    tell(app.allauth("DELETE", "auth/session").status_code)
"""
    )
    assert told == [[503, "unavailable", "5"], [503, "unavailable", "5"], 401]
