"""How ``tox run -e docs`` builds the pages of this folder as a site."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from sphinx.application import Sphinx

from chabad_auth_django import __version__

# For the signatures of the Python API.
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "chabad_auth_django",
    ],
    CHABAD_AUTH={"MONGODB_URI": "mongodb://127.0.0.1/docs", "HOST_ID": "docs"},
    USE_TZ=True,
)
django.setup()

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))
from reference import TABLES

project = "chabad_auth_django"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
copyright = "The chabad_auth_django developers"
# It would turn the -- of an option into a dash.
smartquotes = False
myst_heading_anchors = 4
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
# The types of other packages have no pages here.
nitpick_ignore_regex = [("py:.*", ".*")]

#: Pages that show what lies beside this folder; the first one stands for the README.
SHOWN = {
    "index": "README.md",
    "changelog": "CHANGELOG.md",
    "contributing": "CONTRIBUTING.md",
    "security": "SECURITY.md",
    "benchmarks": "benchmarks/README.md",
    "benchmark-results": "benchmarks/RESULTS.md",
}

#: The target of a relative link, without the place on the page.
LINK = re.compile(r"(?<=\]\()(?!\w+:)[^)#\s]+")

#: Where a page has a table that is made from the code.
MADE = re.compile(r"^<!-- made from the code: (\w+) -->$", re.MULTILINE)


def setup(app: Sphinx) -> None:
    """Let links that work in the repository work on the site."""
    app.connect("source-read", _read)


def _read(app: Sphinx, name: str, source: list[Any]) -> None:
    path = DOCS / f"{name}.md"
    if name in SHOWN and name != "index":
        path = DOCS.parent / SHOWN[name]
        source[0] = path.read_text(encoding="utf-8")
    pages = {(DOCS.parent / shown).resolve(): f"{page}.md" for page, shown in SHOWN.items()}

    def mend(link: re.Match[str]) -> str:
        target = (path.parent / link[0]).resolve()
        return pages.get(target) or os.path.relpath(target, DOCS)

    source[0] = LINK.sub(mend, source[0])
    source[0] = MADE.sub(lambda name: "\n".join(TABLES[name[1]]()), source[0])
