"""A host project's test run leaves the database that its settings name as it was."""

import time
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import bson
import pymongo
import pytest
from pymongo.uri_parser import parse_uri
from support.processes import python

SETTINGS = """
SECRET_KEY = "tests only, at least thirty-two bytes long"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "rest_framework", "drf_spectacular", "drf_spectacular_sidecar", "chabad_auth_django",
]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
CHABAD_AUTH = {"HOST_ID": "host", "ROLE_PERMISSIONS": {"user": [], "chief": ["*"]}}
REST_FRAMEWORK = {"TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.MultiPartRenderer"]}
ROOT_URLCONF = "urls"
STATIC_URL = "static/"
USE_TZ = True
"""

URLS = """
from django.urls import include, path
urlpatterns = [path("api/", include("chabad_auth_django.api.urls"))]
"""

TESTS = """
from urllib.request import Request, urlopen

import django.test
import mongoengine
from django.contrib.auth.models import User as Account
from django.core.management import call_command

from chabad_auth_django import test
from chabad_auth_django.db import connection
from chabad_auth_django.models import User
from chabad_auth_django.services.deployment import indexes


class OurCase(test.TestCase):
    def test_the_database_is_empty_and_has_indexes(self):
        assert User.objects.count() == 0
        assert indexes.compare().is_clean
        assert connection.get_database().name.startswith("test_development")

    def test_a_user_is_made(self):
        call_command("chabad_create_user", "--email", "ann@example.org", verbosity=0)
        assert User.find_by_email("ann@example.org")

    test_a_user_is_made_again = test_a_user_is_made

    def test_a_client_is_signed_in(self):
        user = test.create_user(name="Ann")
        answer = test.APIClient(user).patch("/api/users/me/", {"name": "Beth"})
        assert (answer.status_code, answer.json()["name"]) == (200, "Beth"), answer.content
        administrator = test.APIClient(test.create_administrator())
        assert administrator.get(f"/api/users/{user.id}/").status_code == 200


class AnotherCase(OurCase):
    pass


class WithoutSQL(test.SimpleTestCase):
    test_a_user_is_made = OurCase.test_a_user_is_made
    test_the_database_is_empty = OurCase.test_the_database_is_empty_and_has_indexes


class Live(test.LiveServerTestCase):
    def test_the_server_sees_what_the_test_stores(self):
        client = test.APIClient(test.create_user())
        headers = {"Authorization": client._credentials["HTTP_AUTHORIZATION"]}
        request = Request(f"{self.live_server_url}/api/users/me/", headers=headers)
        assert urlopen(request).status == 200


class Note(mongoengine.Document):
    meta = {"db_alias": "chabad_auth"}
    text = mongoengine.StringField()


class DocumentOfTheHost(django.test.SimpleTestCase):
    def test_it_is_stored_beside_ours(self):
        Note(text="x").save()
        assert Note._get_collection().database.name.startswith("test_development")


class PlainCase(django.test.TestCase):
    def test_logging_in(self):
        account = Account.objects.create_user("ann", "plain@example.org", "secret")
        self.client.force_login(account)
        User.create_user(email="plain@example.org")
"""

PYTEST = """
import mongoengine
import pytest
from chabad_auth_django.db import connection
from chabad_auth_django.models import User

@pytest.mark.parametrize("number", range(4))
def test_without_a_fixture(number):
    assert User.objects.count() == 0
    assert connection.get_database().name.startswith("test_development")
    User.create_user(email="ann@example.org")
    if number % 2:
        mongoengine.disconnect_all()  # As tests of a project that uses mongoengine itself may do.

def test_fixtures(chabad_auth_client, chabad_auth_user, chabad_auth_administrator):
    assert chabad_auth_client.get("/api/users/me/").json()["id"] == str(chabad_auth_user.id)
    assert chabad_auth_administrator.has_permission("users:write")
"""

DJANGO = ("-m", "django", "test", "--settings", "settings")

#: An installed package brings the plugin along.
PLUGIN = (
    ()
    if any(entry.name == "chabad_auth_django" for entry in entry_points(group="pytest11"))
    else ("-p", "chabad_auth_django.pytest_plugin")
)
PYTEST_RUN = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *PLUGIN)

DEVELOPMENT = "development"


@pytest.fixture
def host(tmp_path: Path, replica_set_uri: str) -> Iterator[Any]:
    """Run the tests of a host project whose settings name a filled database."""
    for name, text in {
        "settings.py": SETTINGS,
        "urls.py": URLS,
        "test_django.py": TESTS,
        "test_with_pytest.py": PYTEST,
        "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = settings\n",
    }.items():
        (tmp_path / name).write_text(text)
    uri = replica_set_uri.replace(parse_uri(replica_set_uri)["database"], DEVELOPMENT)

    def run(*arguments: str, uri: str = uri) -> CompletedProcess[str]:
        return python(
            *arguments,
            cwd=tmp_path,
            timeout=200,
            MONGODB_URI=uri,
            DJANGO_SETTINGS_MODULE="settings",
            PYTEST_XDIST_WORKER="",
        )

    with pymongo.MongoClient(uri) as client:
        created = run("-m", "django", "chabad_create_user", "--email", "ann@example.org")
        assert created.returncode == 0, created.stderr
        before = dump(client)
        assert before["users"]
        yield run
        assert dump(client) == before
        left = [name for name in client.list_database_names() if DEVELOPMENT in name]
        client.drop_database(DEVELOPMENT)
        assert left == [DEVELOPMENT]


def dump(client: pymongo.MongoClient[Any]) -> dict[str, list[bytes]]:
    database = client[DEVELOPMENT]
    return {
        name: sorted(bson.encode(document) for document in database[name].find())
        for name in database.list_collection_names()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [DJANGO, (*DJANGO, "--parallel", "2"), PYTEST_RUN, (*PYTEST_RUN, "-n", "2")],
    ids=["Django", "Django in parallel", "pytest", "pytest in parallel"],
)
def test_a_test_run_leaves_the_development_database_alone(
    host: Any, arguments: tuple[str, ...]
) -> None:
    result = host(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "(chabad_auth." not in result.stderr


@pytest.mark.slow
def test_without_a_server_a_run_fails_soon(host: Any) -> None:
    started = time.monotonic()
    result = host(*DJANGO, uri="mongodb://127.0.0.1:1/development")
    assert result.returncode == 1
    assert "No MongoDB answers" in result.stderr
    # The first try waits for 2 s; a login would wait for 5.
    assert time.monotonic() - started < 100


def test_outside_of_a_test_run_nothing_is_stored_or_emptied(
    replica_set_uri: str, tmp_path: Path
) -> None:
    code = (
        "import django; django.setup()\n"
        "from chabad_auth_django import test\n"
        "for call in test.empty_database, test.create_user, test.create_administrator:\n"
        "    try: call()\n"
        "    except RuntimeError as error: print(error)\n"
    )
    result = python("-c", code, cwd=tmp_path, MONGODB_URI=replica_set_uri)
    assert result.stdout.count("No test run has begun") == 3, result.stderr


def test_pytest_without_pytest_django_stores_nothing(host: Any) -> None:
    result = host(*PYTEST_RUN, "-p", "no:django", "-k", "test_fixtures", "test_with_pytest.py")
    assert result.returncode == 1
    assert "install pytest-django" in result.stdout
