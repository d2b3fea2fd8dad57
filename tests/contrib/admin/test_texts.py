"""The texts of the pages for staff, in Hebrew."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from contrib.admin.conftest import Run
from django.utils.translation.template import templatize

import chabad_auth_django.contrib.admin

APP = Path(chabad_auth_django.contrib.admin.__file__).parent
HEBREW = APP / "locale" / "he" / "LC_MESSAGES"

NAMES = ("_", "gettext", "gettext_lazy", "gettext_noop")

#: What is no text: what stands in the markup, and names of commands and the like.
MARKUP = re.compile(
    r"{% blocktranslate.*?{% endblocktranslate %}|{#.*?#}|{%.*?%}|{{.*?}}"
    r"|<(code|pre)\b.*?</\1>|<[^>]*>|&\w+;",
    re.S,
)

#: Where values and markup stand in a text.
PLACES = re.compile(r"%\(\w+\)[sdg]|<[^>]*>")


def catalog() -> Catalog:
    with (HEBREW / "django.po").open("rb") as file:
        return read_po(file)


def marked() -> Iterator[str]:
    for path in (*APP.rglob("*.html"), *APP.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            text = templatize(text, origin=str(path))
        found = extract("python", io.BytesIO(text.encode()), dict.fromkeys(NAMES))
        yield from (str(message) for _, message, _, context in found if not context)


def test_the_hebrew_catalogue_has_every_text_and_no_other() -> None:
    hebrew = catalog()
    wanted = set(marked())
    assert len(wanted) > 400
    texts = {str(text.id): str(text.string) for text in hebrew if text.id and not text.context}
    assert wanted ^ texts.keys() == set()
    assert [id for id, text in texts.items() if not text or values(id) != values(text)] == []
    with (HEBREW / "django.mo").open("rb") as file:
        compiled = {str(text.id): text.string for text in read_mo(file) if text.id}
    assert compiled == {str(text.id): text.string for text in hebrew if text.id}


def test_each_hebrew_sentence_begins_with_a_hebrew_letter() -> None:
    """The first letter of a sentence decides its direction, and where its full stop stands."""
    sentences = (str(text.string) for text in catalog() if str(text.string).endswith("."))
    firsts = {
        text: re.search(r"[A-Za-z]|[\u05d0-\u05ea]", PLACES.sub("", text)) for text in sentences
    }
    assert len(firsts) > 50
    assert [text for text, first in firsts.items() if not first or first[0] < "\u05d0"] == []


def values(text: str) -> set[str]:
    return set(PLACES.findall(text))


def test_each_text_of_a_template_is_marked() -> None:
    for path in APP.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"[A-Za-z]{2,}", MARKUP.sub(" ", text)) == [], path
        assert re.findall(r'(?:aria-label|title|alt)="[A-Za-z][^"{]*"', text) == [], path


def test_each_page_is_hebrew_throughout(run: Run) -> None:
    told = run(
        """
from django.utils import translation
from chabad_auth_django.models import Deletion
from support.staff_figures import populate
made = make()
populate()
browser = superuser()
gone = str(Deletion.collection().find_one()["_id"])
for address in staff.pages(str(made["ann"].id), gone):
    with translation.override("he"):
        answer = browser.get(address)
    page = re.sub(r'<([a-z]+)[^>]* lang="en".*?</\\\\1>', "", answer.content.decode(), flags=re.S)
    main = unescape(re.sub(r"<[^>]+>", "\\\\n", page.partition('id="content-main"')[2]))
    tell([address, 'lang="he"' in page, [line.strip() for line in main.split("\\n")]])
""".replace("from django", "import re\nfrom html import unescape\nfrom django", 1)
    )
    english = {text for text in marked() if " " in text or text.istitle()}
    same = {"MongoDB", "Merkos", "Valu"}
    for address, is_hebrew, lines in told:
        assert is_hebrew, address
        assert english & set(lines) <= same, address
