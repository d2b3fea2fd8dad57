import os
import re
from importlib.metadata import distribution
from pathlib import Path
from typing import get_type_hints

import django
import pytest
from support.processes import django_admin, python

import chabad_auth_django
from chabad_auth_django.models import User

ROOT = Path(__file__).parent.parent
PACKAGE = Path(chabad_auth_django.__file__).parent


def test_importing_the_package_imports_nothing_else(tmp_path: Path) -> None:
    code = "import sys, chabad_auth_django; sys.exit('django' in sys.modules)"
    assert python("-c", code, cwd=tmp_path).returncode == 0


def test_every_part_of_the_core_imports_without_a_warning(tmp_path: Path) -> None:
    code = (
        "import django; django.setup()\n"
        "import chabad_auth_django.models, chabad_auth_django.apps\n"
        "from chabad_auth_django.services.lifecycle import creation, deletion\n"
        "from chabad_auth_django.services.data import app_data\n"
        "from chabad_auth_django.services.deployment import indexes\n"
        "from chabad_auth_django.services.signing_in import flows\n"
        "from chabad_auth_django.management.commands import chabad_sync_indexes\n"
        "from chabad_auth_django.management.commands import chabad_purge_deleted\n"
    )
    result = python("-W", "error", "-c", code, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def test_starting_up_opens_no_connection(tmp_path: Path) -> None:
    code = (
        "import django, socket\n"
        "def refuse(*a): raise SystemExit('a connection was opened')\n"
        "socket.socket.connect = refuse\n"
        "django.setup()\n"
        "import mongoengine.connection, threading\n"
        "print(threading.active_count(), *mongoengine.connection._connection_settings)"
    )
    result = python("-c", code, cwd=tmp_path, MONGODB_URI="mongodb://127.0.0.1:1/db")
    assert (result.returncode, result.stdout.strip()) == (0, "1 chabad_auth")


def test_there_is_nothing_to_migrate(tmp_path: Path) -> None:
    result = django_admin("makemigrations", "--check", "--dry-run", cwd=tmp_path)
    assert (result.returncode, result.stdout.strip()) == (0, "No changes detected")


def test_the_checks_of_a_project_without_an_sql_database_are_clean(tmp_path: Path) -> None:
    arguments = ("check", "--fail-level", "WARNING")
    result = python("-m", "django", *arguments, cwd=tmp_path, MONGODB_URI="mongodb://localhost/db")
    assert (result.returncode, result.stderr) == (0, "")


def test_the_types_are_part_of_the_package() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_a_document_declares_what_mongoengine_adds_to_it() -> None:
    assert {"id", "objects", "DoesNotExist"} <= get_type_hints(User).keys()


def test_the_version_is_the_newest_of_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changelog, flags=re.MULTILINE)
    assert versions[0] == chabad_auth_django.__version__


@pytest.mark.skipif("EXPECTED_DJANGO" not in os.environ, reason="tox sets it")
def test_an_install_has_not_changed_the_version_of_django() -> None:
    assert f"{django.VERSION[0]}.{django.VERSION[1]}" == os.environ["EXPECTED_DJANGO"]


@pytest.mark.skipif("TESTED_PACKAGE" not in os.environ, reason="tox sets it")
def test_the_tests_run_on_the_built_package() -> None:
    assert PACKAGE.parent == Path(os.environ["TESTED_PACKAGE"]).resolve()


@pytest.mark.skipif("TESTED_PACKAGE" not in os.environ, reason="tox sets it")
def test_the_built_package_has_every_file_of_the_package_and_no_other() -> None:
    files = [Path(file) for file in distribution("chabad-auth-django").files or ()]
    built = {file for file in files if file.parts[0] == PACKAGE.name and file.suffix != ".pyc"}
    source = {file.relative_to(ROOT) for file in (ROOT / PACKAGE.name).rglob("*") if file.is_file()}
    assert built == {file for file in source if file.suffix != ".pyc"}
    others = {file.parts[0] for file in files} - {PACKAGE.name}
    assert all(name.endswith(".dist-info") for name in others), others


@pytest.mark.skipif("TESTED_PACKAGE" not in os.environ, reason="tox sets it")
def test_the_page_of_an_index_has_no_link_to_a_file_beside_it() -> None:
    page = str(distribution("chabad-auth-django").metadata.get_payload())
    assert "# chabad_auth_django" in page
    assert re.findall(r"\]\((?!https?:|#)", page) == []
