"""Signing in with an OpenID provider: its keys are served, and allauth checks its tokens."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.issuer import AUDIENCE, ISSUER, JwksServer, Key, claims

from chabad_auth_django.models import Activity, Analytics, Session, User

Run = Callable[[str], list[Any]]
Social = Callable[..., list[Any]]

SOCIAL = """
settings.SOCIALACCOUNT_PROVIDERS = {{"openid_connect": {{"APPS": [{{
    "provider_id": {provider!r}, "name": "Rabbis", "client_id": {audience!r},
    "settings": {{
        "server_url": {url!r},
        "openid_configuration_overrides": {{"issuer": {issuer!r}, "jwks_uri": {url!r}}},
    }},
}}]}}}}

def social(app, process="login"):
    token = {{"client_id": {audience!r}, "id_token": {token!r}}}
    return app.allauth(
        "POST", "auth/provider/token", provider={provider!r}, process=process, token=token
    )

app = App()
"""


@pytest.fixture(scope="module")
def key() -> Key:
    return Key("one")


@pytest.fixture
def provider(key: Key) -> Iterator[JwksServer]:
    server = JwksServer()
    server.keys = [key]
    yield server
    server.close()


@pytest.fixture
def social(run: Run, provider: JwksServer, key: Key) -> Social:
    """Run code that can sign in with the provider as Ann."""

    def call(code: str, name: str = "rabbis", **changes: Any) -> list[Any]:
        setup = SOCIAL.format(
            provider=name,
            audience=AUDIENCE,
            issuer=ISSUER,
            url=provider.url,
            token=key.sign(claims(**changes)),
        )
        return run(setup + code)

    return call


ENTER = """
answer = social(app)
tell([answer.status_code, answer.code, answer.pending, stored()])
"""


def test_it_signs_in_by_the_method_that_it_stands_for(social: Social) -> None:
    told = social(ENTER + 'tell(app.me().json()["email"])')
    assert told == [[200, None, [], [1, 1, 1, 1]], "ann@example.org"]
    assert User.objects.get().auth_methods == ["chabad-org"]
    session = Session.objects.get()
    assert session.auth_method == "chabad-org"
    for kind in (Activity, Analytics):
        assert [event.session_id for event in kind.objects] == [str(session.id)]


def test_a_provider_that_no_setting_names_stands_for_credentials(social: Social) -> None:
    social(ENTER, name="others")
    assert User.objects.get().auth_methods == ["credentials"]


def test_its_session_may_be_the_only_way_in(social: Social) -> None:
    told = social(
        """
with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "AUTH_METHODS": ["chabad-org"]}):
    answer = social(app)
    tell([answer.status_code, app.me().status_code])
    tell(api_login("ann@example.org"))
"""
    )
    assert told == [[200, 200], [403, "credentials_disabled"]]


def test_a_method_that_is_not_allowed_gives_no_token(social: Social) -> None:
    told = social(
        """
with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "AUTH_METHODS": ["credentials"]}):
    answer = social(app)
tell([answer.status_code, answer.code, app.tokens, stored()])
"""
    )
    assert told == [[403, "auth_method_disabled", {}, [0, 0, 0, 0]]]


def test_an_address_that_it_has_not_verified_is_confirmed_first(social: Social) -> None:
    told = social(
        ENTER
        + """
answer = app.allauth("POST", "auth/email/verify", key=mailed_code())
tell([answer.status_code, stored()])
""",
        email_verified=False,
    )
    assert told == [[401, None, ["verify_email"], [0, 0, 0, 0]], [200, [1, 1, 1, 1]]]
    assert User.objects.get().auth_methods == ["chabad-org"]


def test_connecting_it_adds_the_method_at_once(social: Social) -> None:
    told = social(
        """
app.sign_up("ann@example.org")
tell(User.objects.get().auth_methods)
app.allauth("POST", "auth/reauthenticate", password="correct horse")
tell(social(app, process="connect").status_code)
tell(User.objects.get().auth_methods)
"""
    )
    assert told == [["credentials"], 200, ["credentials", "chabad-org"]]


REMOVE = """
(item,) = app.allauth("GET", "account/providers").json()["data"]
removed = {"provider": item["provider"]["id"], "account": item["uid"]}
tell(app.allauth("DELETE", "account/providers", **removed).status_code)
"""

#: As staff do in Django's admin.
DELETE = """
from allauth.socialaccount.models import SocialAccount
SocialAccount.objects.all().delete()
tell(200)
"""


@pytest.mark.parametrize(("remove", "of_who_removes"), [(REMOVE, 200), (DELETE, 401)])
def test_removing_it_ends_the_other_sessions(
    social: Social, remove: str, of_who_removes: int
) -> None:
    told = social(
        """
app.sign_up("ann@example.org")
app.allauth("POST", "auth/reauthenticate", password="correct horse")
social(app, process="connect")
thief = App()
social(thief)
tell([app.me().status_code, thief.me().status_code])
"""
        + remove
        + "tell([app.me().status_code, thief.me().status_code])"
    )
    assert told == [[200, 200], 200, [of_who_removes, 401]]


def test_deleting_the_account_leaves_the_sessions_of_other_accounts(social: Social) -> None:
    told = social(
        """
from chabad_auth_django.services.signing_in import flows
social(app)
vouched = flows.issue_tokens(name="ann@example.org")
account().delete()
tell([app.me().status_code, str(flows.refresh(refresh_token=vouched.refresh_token).user)])
"""
    )
    assert told == [[401, "ann@example.org"]]
