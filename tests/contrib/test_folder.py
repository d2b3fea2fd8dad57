"""The embedded server's data lies with the project, wherever a command is run."""

import os
from pathlib import Path

import pytest
from support.processes import python

SETTINGS = """
from chabad_auth_django.contrib.embedded import mongodb_uri
SECRET_KEY = "tests only, at least thirty-two bytes long"
INSTALLED_APPS = ["chabad_auth_django", "chabad_auth_django.contrib.embedded"]
CHABAD_AUTH = {"MONGODB_URI": mongodb_uri}
DATABASES = {}
"""

WHERE = """
import django; django.setup()
from chabad_auth_django.contrib.embedded.folder import DataFolder
print(DataFolder.from_settings().path)
"""

ALONE = f"""
from django.conf import settings; settings.configure(DATABASES={{}})
{WHERE}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with settings of four kinds, and a folder to run commands in."""
    folder = tmp_path / "project"
    for name, extra in {
        "flat.py": "",
        "config/module.py": "",
        "config/package/__init__.py": "",
        "config/base.py": "import pathlib; BASE_DIR = pathlib.Path(__file__).parent",
        "config/__init__.py": None,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("" if extra is None else SETTINGS + extra)
    (tmp_path / "elsewhere").mkdir()
    return folder


@pytest.mark.parametrize(
    ("settings", "expected"),
    {
        "flat": "project",
        "config.module": "project",
        "config.package": "project",
        "config.base": "project/config",
    }.items(),
)
def test_the_data_lies_with_the_project(project: Path, settings: str, expected: str) -> None:
    path = os.pathsep.join([str(project), os.environ.get("PYTHONPATH", "")])
    result = python(
        *("-c", WHERE),
        cwd=project.parent / "elsewhere",
        DJANGO_SETTINGS_MODULE=settings,
        PYTHONPATH=path,
    )
    assert result.stdout.strip() == str(project.parent / expected / "mongodb-data"), result.stderr
    if settings == "flat":
        ignore = project / "mongodb-data" / ".gitignore"
        assert ignore.read_text() == "*\n"


def test_without_a_project_it_lies_in_the_current_folder(tmp_path: Path) -> None:
    result = python("-c", ALONE, cwd=tmp_path)
    assert result.stdout.strip() == str(tmp_path / "mongodb-data"), result.stderr


@pytest.mark.parametrize(("uri", "warned"), [("", True), ("mongodb://127.0.0.1:1/x", False)])
def test_a_deployment_is_warned_of_the_embedded_server(
    project: Path, uri: str, warned: bool
) -> None:
    arguments = ("-m", "django", "check", "--deploy")
    path = os.pathsep.join([str(project), os.environ.get("PYTHONPATH", "")])
    result = python(
        *arguments,
        cwd=project,
        DJANGO_SETTINGS_MODULE="config.module",
        PYTHONPATH=path,
        MONGODB_URI=uri,
    )
    assert result.returncode == 0, result.stderr
    assert ("chabad_auth_embedded.W001" in result.stderr) is warned
