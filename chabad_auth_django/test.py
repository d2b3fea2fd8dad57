"""What a host project writes its tests with; docs/testing.md shows how.

The test run of a host project uses its own MongoDB database whether or not its tests use
anything of this module. The test cases here find that database empty, with the declared indexes.
"""

import unittest
from itertools import count
from typing import Any

from django import test
from rest_framework.renderers import JSONRenderer
from rest_framework.test import APIClient as DRFAPIClient

from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection, testing
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import users
from chabad_auth_django.services.signing_in import key_sets, sessions, tokens

_numbers = count(1)


def empty_database() -> None:
    """Remove every document from the test database, and keep the indexes; forget issuers' keys.

    Raises ``RuntimeError`` outside of a test run.
    """
    testing.require_run()
    key_sets.forget_key_sets(except_at=())
    database = connection.get_database()
    for found in database.list_collections():
        collection = database[found["name"]]
        if found["type"] != "collection":
            collection.drop()
        elif not found["name"].startswith("system.") and collection.find_one({}, {"_id": 1}):
            collection.delete_many({})


def create_user(**fields: Any) -> User:
    """Store a user with its profile and preferences; what is not given has a usual value.

    Raises ``RuntimeError`` outside of a test run.
    """
    testing.require_run()
    defaults = {
        "email": f"user-{next(_numbers)}@example.org",
        "name": "Test User",
        "auth_methods": [conf.AUTH_METHODS[0]],
    }
    return User.create_user(**{**defaults, **fields})


def create_administrator(**fields: Any) -> User:
    """Store a user whose role grants everything; see ``create_user``.

    Raises ``ValidationError`` where no role in ``CHABAD_AUTH["ROLE_PERMISSIONS"]`` grants it.
    """
    return create_user(**{"roles": [users.admin_role()], **fields})


class APIClient(DRFAPIClient):
    """REST framework's client, which sends and reads JSON and can sign a user in."""

    def __init__(self, user: User | None = None, **defaults: Any) -> None:
        super().__init__(**defaults)
        self.default_format = "json"
        # TEST_REQUEST_RENDERER_CLASSES are for the host's API: they may lack JSON, or rename keys.
        self.renderer_classes = {**self.renderer_classes, "json": JSONRenderer}
        if user is not None:
            self.sign_in(user)

    def sign_in(self, user: User) -> None:
        """Open a session for the user and send its access token from now on."""
        method = conf.AUTH_METHODS[0]
        session, _ = sessions.open_session(user_id=user.id, auth_method=method)
        token = tokens.issue_access_token(user_id=user.id, session_id=session.id)
        self.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")


class MongoDBMixin(unittest.TestCase):
    """Give each test an empty database, with the declared indexes."""

    @classmethod
    def setUpClass(cls) -> None:
        """Open the database, so that a class fails at once where no MongoDB runs."""
        super().setUpClass()
        connection.get_client()

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Empty the database and run the test; a ``setUp`` need not call ours."""
        empty_database()
        return super().run(result)


class SimpleTestCase(MongoDBMixin, test.SimpleTestCase):
    """A test case of a project without an SQL database, or of code that needs none."""


class TestCase(MongoDBMixin, test.TestCase):
    """Django's ``TestCase``; make users in ``setUp``, not in ``setUpTestData``."""


class TransactionTestCase(MongoDBMixin, test.TransactionTestCase):
    """Django's ``TransactionTestCase``."""


class LiveServerTestCase(MongoDBMixin, test.LiveServerTestCase):
    """Django's ``LiveServerTestCase``: its server uses the test database too."""
