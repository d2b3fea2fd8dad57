"""Knock at every door in every state, in a host project's process; print what each answers.

``python -m support.doors`` prints one JSON object: door -> state -> an object with ``status``,
``code``, ``stored`` (whether the knock changed what MongoDB holds), ``whose`` (``same`` or
``another`` user) and, of a refusal, the ``body``.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User as Account  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from support.issuer import AUDIENCE, ISSUER, JwksServer, Key, claims  # noqa: E402

from chabad_auth_django.db import connection  # noqa: E402
from chabad_auth_django.models import User  # noqa: E402
from chabad_auth_django.services.identity import blocking  # noqa: E402

#: Two keys that an issuer publishes under one id, one after the other.
KEYS = [Key("one"), Key("one")]

PASSWORD = "secret"
ADDRESS = "ann@example.org"


@dataclass
class World:
    """One person: an account of the host, an account at the issuer, and what they hold."""

    jwks: JwksServer
    key: Key
    account: Any
    email: str = ADDRESS
    verified: bool = True
    password: str = PASSWORD
    subject: str = "person-1"
    age: int = 0

    def token(self, **changes: Any) -> str:
        """Return a token of the issuer for the person."""
        values = {
            "sub": self.subject,
            "email": self.email,
            "email_verified": self.verified,
            "iat": int(time.time()) - self.age,
        }
        return self.key.sign(claims(**values | changes))


def post(path: str, body: dict[str, Any]) -> Any:
    return Client().post(f"/api/{path}", json.dumps(body), content_type="application/json")


def me(client: Client) -> Any:
    return client.get("/api/users/me/")


def bearer(token: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {token}"})


def by_password(world: World) -> Any:
    body = {"username": world.account.username, "password": world.password}
    return post("auth/login/", body)


def by_issuer(world: World) -> Any:
    return post("auth/login/", {"token": world.token()})


def by_issuer_bearer(world: World) -> Any:
    return me(bearer(world.token()))


def host_session(world: World) -> Client:
    client = Client()
    # As the login form of Django's admin does.
    client.login(username=world.account.username, password=world.password)
    return client


class Door:
    """A way in; ``hold`` gets, in a good state, what the client keeps; ``knock`` uses it."""

    def hold(self, world: World) -> Any:
        """Return what a client has from before."""
        return None

    def knock(self, world: World, held: Any) -> Any:
        """Return the answer."""
        raise NotImplementedError


class Password(Door):
    def knock(self, world: World, held: Any) -> Any:
        return by_password(world)


class IssuerLogin(Door):
    def knock(self, world: World, held: Any) -> Any:
        return by_issuer(world)


class IssuerBearer(Door):
    def knock(self, world: World, held: Any) -> Any:
        return by_issuer_bearer(world)


class HostSession(Door):
    def hold(self, world: World) -> Any:
        return host_session(world)

    def knock(self, world: World, held: Any) -> Any:
        return me(held or host_session(world))


class Headless(Door):
    """allauth's own API for apps, whose answer has tokens of ours."""

    def knock(self, world: World, held: Any) -> Any:
        body = {"username": world.account.username, "password": world.password}
        response = Client().post(
            "/_allauth/app/v1/auth/login", json.dumps(body), content_type="application/json"
        )
        if response.status_code != 200:
            return response
        return me(bearer(response.json()["meta"]["access_token"]))


class Bearer(Door):
    def __init__(self, enter: Callable[[World], Any]) -> None:
        self.enter = enter

    def hold(self, world: World) -> Any:
        return self.enter(world).json()

    def knock(self, world: World, held: Any) -> Any:
        tokens = held or self.enter(world).json()
        return me(bearer(tokens.get("accessToken", "x")))


class Refresh(Bearer):
    def knock(self, world: World, held: Any) -> Any:
        tokens = held or self.enter(world).json()
        return post("auth/refresh/", {"refreshToken": tokens.get("refreshToken", "x")})


DOORS: dict[str, Door] = {
    "password": Password(),
    "issuer login": IssuerLogin(),
    "issuer bearer": IssuerBearer(),
    "host session": HostSession(),
    "allauth headless": Headless(),
    "bearer by password": Bearer(by_password),
    "refresh by password": Refresh(by_password),
    "bearer by issuer": Bearer(by_issuer),
    "refresh by issuer": Refresh(by_issuer),
}


def verify(account: Any, email: str, *, verified: bool = True) -> None:
    """Let the account have the address, as allauth keeps it."""
    account.email = email
    account.save()
    EmailAddress.objects.filter(user=account).delete()
    if email:
        EmailAddress.objects.create(user=account, email=email, verified=verified, primary=True)


def unverified(world: World, email: str) -> None:
    world.email, world.verified = email, False
    verify(world.account, email, verified=False)


@contextmanager
def changed(**values: Any) -> Iterator[None]:
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, **values}):
        yield


def our_user() -> User:
    return User.objects.get(email=ADDRESS)


def new_account_with_the_key(world: World) -> None:
    key = world.account.pk
    world.account.delete()
    world.account = Account.objects.create_user("bob", password=PASSWORD, id=key)
    verify(world.account, "bob@example.org")


def second_factor(world: World) -> None:
    TOTP.activate(world.account, generate_totp_secret())


def change_password(world: World) -> None:
    world.account.set_password("another")
    world.account.save()


def disable(world: World) -> None:
    Account.objects.filter(pk=world.account.pk).update(is_active=False)


def rotate_key(world: World) -> None:
    world.key = KEYS[1]
    world.jwks.keys = [world.key]


def delete_user(world: World) -> None:
    # The issuer's token is one from before, whenever the second ends.
    world.age = 60
    our_user().delete()


def end_sessions(world: World) -> None:
    connection.get_database().sessions.delete_many({})


#: State -> (what makes it so, whether the client comes with what it got before).
STATES: dict[str, tuple[Callable[[World, ExitStack], Any], bool]] = {
    "verified, nobody has it": (lambda world, stack: None, False),
    "linked": (lambda world, stack: None, True),
    "unverified: nobody's": (lambda w, s: unverified(w, "new@example.org"), False),
    "unverified: another's": (lambda w, s: unverified(w, "eve@example.org"), False),
    "unverified: an administrator's": (lambda w, s: unverified(w, "admin@example.org"), False),
    "unverified: NFKC": (lambda w, s: unverified(w, "\uff21dmin@example.org"), False),
    "unverified: case": (lambda w, s: unverified(w, "ADMIN@Example.ORG"), False),
    "unverified: IDNA": (lambda w, s: unverified(w, "admin@xn--mnchen-3ya.example"), False),
    "no address": (lambda w, s: unverified(w, ""), False),
    "blocked": (lambda w, s: blocking.block_user(user_id=our_user().id, reason="x"), True),
    "host account disabled": (lambda w, s: disable(w), True),
    "host account deleted": (lambda w, s: Account.objects.filter(pk=w.account.pk).delete(), True),
    "password changed": (lambda w, s: change_password(w), True),
    "key given to another account": (lambda w, s: new_account_with_the_key(w), True),
    "second project with the key": (
        lambda w, s: (s.enter_context(changed(HOST_ID="other")), verify(w.account, "b@b.org")),
        True,
    ),
    "second factor not given": (lambda w, s: second_factor(w), False),
    "method not allowed": (
        lambda w, s: s.enter_context(changed(AUTH_METHODS=["chabad-org"])),
        True,
    ),
    "session ended": (lambda w, s: end_sessions(w), True),
    "issuer removed": (lambda w, s: s.enter_context(changed(ISSUERS=[])), True),
    "issuer's key rotated": (lambda w, s: rotate_key(w), True),
    "issuer down": (lambda w, s: setattr(w.jwks, "status", 500), True),
    "SECRET_KEY rotated": (
        lambda w, s: s.enter_context(
            override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY])
        ),
        True,
    ),
    "user deleted": (lambda w, s: delete_user(w), True),
}


def content() -> dict[str, int]:
    """Return how much of what a sign-in stores there is."""
    database = connection.get_database()
    names = ("users", "sessions", "external_ids", "activities", "analytics", "profiles")
    return {name: database[name].count_documents({}) for name in names}


def prepare(jwks: JwksServer) -> World:
    """Return a new person in an otherwise equal world."""
    database = connection.get_database()
    for name in database.list_collection_names():
        database[name].delete_many({})
    Account.objects.all().delete()
    User.create_user(email="admin@example.org", roles=["admin"])
    User.create_user(email="admin@münchen.example", roles=["admin"])
    User.create_user(email="eve@example.org")
    database.users.insert_one({"email": "", "roles": ["user"], "authMethods": []})
    key = KEYS[0]
    jwks.keys, jwks.status = [key], 200
    account = Account.objects.create_user("ann", password=PASSWORD)
    verify(account, ADDRESS)
    return World(jwks=jwks, key=key, account=account)


def code_of_allauth(body: dict[str, Any]) -> str | None:
    """Return the code of the first error in allauth's shape."""
    errors = body.get("errors")
    return errors[0].get("code") if isinstance(errors, list) else None


def answer(door: Door, name: str, jwks: JwksServer) -> dict[str, Any]:
    """Return what the door answers in the state."""
    make, holds = STATES[name]
    world = prepare(jwks)
    issuer = {
        "ISSUER": ISSUER,
        "AUDIENCE": AUDIENCE,
        "ALGORITHMS": ["RS256"],
        # The keys of an address are remembered.
        "JWKS_URL": f"{jwks.url}?{uuid4()}",
        "AUTH_METHOD": "google",
    }
    with changed(ISSUERS=[issuer]), ExitStack() as stack:
        by_password(world)
        by_issuer(world)
        if not holds:
            # Nobody knows this person yet.
            for user in User.objects(email=ADDRESS):
                user.delete()
            database = connection.get_database()
            database.departed_identities.delete_many({})
            database.deletions.delete_many({})
        held = door.hold(world) if holds else None
        before_user = User.objects(email=ADDRESS).first()
        make(world, stack)
        before = content()
        response = door.knock(world, held)
        body = json.loads(response.content or b"{}")
        user = body.get("user", body) if response.status_code == 200 else {}
        same = bool(before_user) and user.get("id") == str(before_user.id)
        return {
            "status": response.status_code,
            "code": body.get("code") or code_of_allauth(body),
            "stored": content() != before,
            "whose": ("same" if same else "another") if user else None,
            "body": None if user else response.content.decode(),
        }


def main() -> None:
    """Walk the table."""
    call_command("migrate", verbosity=0)
    jwks = JwksServer()
    try:
        table = {
            door_name: {name: answer(door, name, jwks) for name in STATES}
            for door_name, door in DOORS.items()
        }
    finally:
        jwks.close()
    json.dump(table, sys.stdout)


if __name__ == "__main__":
    main()
