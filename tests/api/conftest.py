"""Callers of the API."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bson import ObjectId
from rest_framework.test import APIClient

from chabad_auth_django.models import User
from chabad_auth_django.services import tokens

Login = Callable[[User | None], APIClient]


@pytest.fixture
def login() -> Login:
    """Return a client of the API with the user's access token; anonymous for ``None``."""

    def client(user: User | None) -> APIClient:
        client = APIClient()
        if user is not None:
            token = tokens.issue_access_token(user_id=user.id, session_id=ObjectId())
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

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
