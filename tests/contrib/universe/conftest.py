"""The front ends' calls beside the API, and their issuer."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.core.cache import cache
from django.test import override_settings
from support.merkos import ISSUER
from support.universe import FrontEnd

from chabad_auth_django.models import User

Configure = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def configure(mongodb: str) -> Configure:
    """Change settings of ``CHABAD_AUTH``."""

    def configured(**changes: Any) -> AbstractContextManager[Any]:
        given = {
            "MONGODB_URI": mongodb,
            "DELETION_GRACE_SECONDS": 0,
            "ISSUERS": [ISSUER],
            "THROTTLE_RATES": {"sign_in": None},
            **changes,
        }
        return override_settings(CHABAD_AUTH=given)

    return configured


@pytest.fixture(autouse=True)
def _served(configure: Configure) -> Iterator[None]:
    cache.clear()
    with override_settings(ROOT_URLCONF="support.universe_urls"), configure():
        yield


@pytest.fixture
def page() -> FrontEnd:
    """A page of a user who is signed in by a cookie."""
    front_end = FrontEnd()
    front_end.sign_in()
    return front_end


@pytest.fixture
def me(page: FrontEnd) -> User:
    """The user of the page."""
    return User.objects.get()
