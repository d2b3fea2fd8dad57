"""The settings of the page on accounts, as they stand, on those that ``startproject`` writes."""

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from django.core.management import call_command

PAGE = Path(__file__).resolve().parents[2] / "docs" / "accounts.md"

pytestmark = pytest.mark.slow

#: What the page leaves to the reader: the settings of "Adding it to your project".
EARLIER = """
INSTALLED_APPS += ["chabad_auth_django"]
CHABAD_AUTH = {"MONGODB_URI": "mongodb://127.0.0.1/site"}
"""


def test_a_new_project_with_the_settings_of_the_page_passes_the_checks(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    first, provider = re.findall(r"^ *```python\n(.*?)```", page, re.DOTALL | re.MULTILINE)[:2]
    settings, urls = first.split("# urls.py\n")
    settings += dedent(provider)
    settings = re.sub(r"\{\.\.\., ", "{**CHABAD_AUTH, ", settings)

    call_command("startproject", "site1", tmp_path)
    for name, text in {
        "settings": EARLIER + settings,
        "urls": "from django.urls import include\n" + urls,
    }.items():
        with (tmp_path / "site1" / f"{name}.py").open("a", encoding="utf-8") as file:
            file.write(text)
    assert "no issues" in run(tmp_path, "manage.py", "check")


def run(folder: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "site1.settings"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
