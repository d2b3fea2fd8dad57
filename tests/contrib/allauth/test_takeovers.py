"""Nobody becomes another's user by an address that they did not prove to own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chabad_auth_django.models import User

Run = Callable[[str], list[Any]]


@pytest.fixture
def administrator(mongodb: str) -> User:
    return User.create_user(email="admin@example.org", roles=["admin"], auth_methods=["google"])


@pytest.fixture(autouse=True)
def unharmed(administrator: User) -> Iterator[None]:
    yield
    administrator.refresh()
    assert administrator.auth_methods == ["google"]
    assert administrator.last_login is None


def test_a_sign_up_that_is_not_confirmed(run: Run) -> None:
    told = run(
        """
before, app = stored(), App()
app.allauth("POST", "auth/signup", email="admin@example.org", password="correct horse")
tell(app.tokens)
tell(api_login("admin@example.org"))
answer = app.log_in("admin@example.org")
tell([answer.status_code, app.tokens, stored() == before])
"""
    )
    assert told == [{}, [403, "email_not_verified"], [401, {}, True]]


def test_an_address_typed_into_a_profile_form(run: Run) -> None:
    told = run(
        """
before = stored()
eve = Account.objects.create_user("eve", "", "correct horse")
browser = Client()
browser.login(username="eve", password="correct horse")
tell(browser.get("/api/users/me/").json()["code"])
eve.email = "admin@example.org"
eve.save()
tell(browser.get("/api/users/me/").json()["code"])
tell(api_login("eve"))
tell(stored() == before)
"""
    )
    assert told == ["email_not_verified", "email_not_verified", [403, "email_not_verified"], True]


def test_an_address_typed_into_a_profile_form_by_a_user_of_ours(run: Run) -> None:
    told = run(
        """
app = App()
app.sign_up("eve@example.org")
Account.objects.update(email="admin@example.org")
other = App()
other.allauth("POST", "auth/login", username=Account.objects.get().username,
    password="correct horse")
tell([app.me().json()["email"], other.me().json()["email"]])
"""
    )
    assert told == [["eve@example.org", "eve@example.org"]]


@pytest.mark.parametrize(
    "address",
    [
        "\uff21dmin@example.org",
        "\u24d0dmin@example.org",
        " admin@example.org",
        "adm\u200bin@example.org",
        "",
    ],
)
def test_an_address_that_looks_like_it_though_mail_reached_it(run: Run, address: str) -> None:
    told = run(
        f"""
from allauth.account.models import EmailAddress
before = stored()
address = {address!r}
eve = Account.objects.create_user("eve", "", "correct horse")
Account.objects.update(email=address)
EmailAddress.objects.create(user=eve, email=address, verified=True, primary=True)
tell(api_login("eve"))
browser = Client()
browser.login(username="eve", password="correct horse")
tell(browser.get("/api/users/me/").json()["code"])
tell(stored() == before)
"""
    )
    assert told == [[403, "email_not_verified"], "email_not_verified", True]


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("Ann@Example.ORG", "ann@example.org"),
        ("ann@m\u00fcnchen.example", "ann@xn--mnchen-3ya.example"),
        ("ann@\uff45xample\u3002org", "ann@example.org"),
    ],
)
def test_another_spelling_of_the_mailbox_that_got_the_mail(
    run: Run, address: str, normal: str
) -> None:
    told = run(
        f"""
from allauth.account.models import EmailAddress
eve = Account.objects.create_user("eve", "", "correct horse")
Account.objects.update(email={address!r})
EmailAddress.objects.create(user=eve, email={address!r}, verified=True, primary=True)
tell(api_login("eve"))
"""
    )
    assert told == [[200, None]]
    assert User.find_by_email(normal) is not None


def test_mail_that_went_to_another_domain_proves_nothing(run: Run) -> None:
    # Django's mailer takes the first for the second.
    owner = User.create_user(email="ann@stra\u00dfe.example", auth_methods=["google"])
    told = run(
        """
from allauth.account.models import EmailAddress
eve = Account.objects.create_user("eve", "ann@stra\u00dfe.example", "correct horse")
EmailAddress.objects.create(user=eve, email=eve.email, verified=True, primary=True)
tell(api_login("eve"))
"""
    )
    assert told == [[403, "email_not_verified"]]
    owner.refresh()
    assert owner.auth_methods == ["google"]
