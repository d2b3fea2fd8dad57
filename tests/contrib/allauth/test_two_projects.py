"""Two projects, each with accounts and a database of SQL of its own, on one MongoDB."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.allauth_host import Host

from chabad_auth_django.models import ExternalId, User

ENTER = """
app = App()
app.sign_up({email!r})
me = app.me().json()
tell([account({email!r}).pk, me["id"], app.tokens["access_token"], api_login({email!r})])
"""
CALL = """
Account.objects.create_user("eve", id={key})
app = App()
app.tokens = {{"access_token": {token!r}}}
tell(app.me().status_code)
"""


@pytest.fixture
def projects(mongodb: str) -> Iterator[list[Host]]:
    hosts = [Host(mongodb, host_id=host_id) for host_id in ("portal", "camp")]
    yield hosts
    for host in hosts:
        host.close()


def enter(project: Host, email: str) -> Any:
    (told,) = project.run(ENTER.format(email=email))
    assert told[3] == [200, None]
    return told


@pytest.mark.slow
def test_equal_primary_keys_are_different_people(projects: list[Host]) -> None:
    portal, camp = projects
    key, ann, token, _ = enter(portal, "ann@example.org")
    other_key, bob, _, _ = enter(camp, "bob@example.org")
    assert key == other_key
    assert ann != bob
    assert {str(user.id): user.email for user in User.objects} == {
        ann: "ann@example.org",
        bob: "bob@example.org",
    }
    # Both sign with one secret key, but the account behind the token is one of the portal.
    assert camp.run(CALL.format(key=key, token=token)) == [401]


@pytest.mark.slow
def test_one_verified_address_is_one_person(projects: list[Host]) -> None:
    ids = {enter(project, "ann@example.org")[1] for project in projects}
    assert len(ids) == 1
    assert ExternalId.objects.count() == 2
