"""Callers of the API."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from rest_framework.test import APIClient
from support.signed_in import api_client

from chabad_auth_django.models import User
from chabad_auth_django.services.deployment import readiness
from chabad_auth_django.services.lifecycle import receipts

Login = Callable[[User | None], APIClient]


@pytest.fixture(autouse=True)
def unthrottled() -> None:
    """Forget how often earlier tests signed in, and what they found ready."""
    cache.clear()
    readiness.forget()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a request finish a small purge on a slow machine, too."""
    monkeypatch.setattr(receipts, "REQUEST_PURGE_SECONDS", 20.0)


@pytest.fixture
def login() -> Login:
    """Return a client of the API with the user's access token; anonymous for ``None``."""

    def client(user: User | None) -> APIClient:
        return APIClient() if user is None else api_client(user.id)

    return client


@pytest.fixture
def owner(mongodb: str) -> User:
    return User.create_user(email="owner@example.org", name="Owner", auth_methods=["google"])


@pytest.fixture
def admin(mongodb: str) -> User:
    return User.create_user(email="admin@example.org", roles=["admin"], auth_methods=["google"])


@pytest.fixture
def api(owner: User, login: Login) -> APIClient:
    """The owner's client."""
    return login(owner)


class Quiet(WSGIRequestHandler):
    """Log nothing."""

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadedWSGIServer):
    """A server at which many callers may knock at once."""

    request_queue_size = 64


@pytest.fixture
def address(mongodb: str) -> Iterator[tuple[str, int]]:
    """The API behind a real socket, a thread for each request: the whole stack."""
    server = Server(("127.0.0.1", 0), Quiet, ipv6=False)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield "127.0.0.1", server.server_port
    server.shutdown()
    thread.join()
    server.server_close()
