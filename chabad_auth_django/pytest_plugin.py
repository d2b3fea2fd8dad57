"""Fixtures for host projects that use pytest-django; pytest finds them where we are installed.

The fixtures import late because pytest loads its plugins before Django has settings.
"""
# ruff: noqa: PLC0415

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from chabad_auth_django.models import User
    from chabad_auth_django.test import APIClient


@pytest.fixture(autouse=True)
def _chabad_auth_emptied() -> Iterator[None]:
    """Empty the test database after each test that may have used it."""
    yield
    testing = sys.modules.get("chabad_auth_django.db.testing")
    if testing and testing.was_used():
        from chabad_auth_django.test import empty_database

        empty_database()


@pytest.fixture
def chabad_auth_db() -> None:
    """Use the test database; fail at once where no MongoDB runs, and outside of a test run."""
    from chabad_auth_django.db import connection, testing

    testing.require_run()
    connection.get_client()


@pytest.fixture
def chabad_auth_user(chabad_auth_db: None) -> "User":
    """Return a stored user with profile and preferences."""
    from chabad_auth_django.test import create_user

    return create_user()


@pytest.fixture
def chabad_auth_administrator(chabad_auth_db: None) -> "User":
    """Return a stored user who may do everything."""
    from chabad_auth_django.test import create_administrator

    return create_administrator()


@pytest.fixture
def chabad_auth_client(chabad_auth_user: "User") -> "APIClient":
    """Return an API client that sends a token of ``chabad_auth_user``."""
    from chabad_auth_django.test import APIClient

    return APIClient(chabad_auth_user)
