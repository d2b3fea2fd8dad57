"""Keys of issuers, the server that has them, and what becomes of their tokens."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.issuer import JwksServer, Key

from chabad_auth_django.exceptions import InvalidToken
from chabad_auth_django.services.signing_in.issuers import verify_issuer_token


@pytest.fixture(scope="session")
def keys() -> list[Key]:
    return [Key("one"), Key("two"), Key("three"), Key("ec", "ES256")]


@pytest.fixture
def jwks(keys: list[Key]) -> Iterator[JwksServer]:
    """A server that has the first of the keys."""
    server = JwksServer()
    server.keys = [keys[0]]
    yield server
    server.close()


def assert_refused(token: Any) -> None:
    with pytest.raises(InvalidToken) as caught:
        verify_issuer_token(token=token)
    assert caught.value.code == "invalid_token"
    assert str(caught.value) == InvalidToken.default_detail
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
