"""Check that the search of the built site finds what newcomers look for: ``search.py SITE``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sphinx.search.en import SearchEnglish

#: What is typed -> the page that is to be among the results.
WANTED = {
    "block a user": "staff",
    "CORS": "front-ends",
    "MongoDB Atlas": "mongodb-servers",
    "tests": "testing",
    "invalid_token": "errors",
}


def found(index: dict[str, dict[str, int | list[int]]], query: str) -> set[str]:
    """Return the pages that have each word, as the search in the browser finds them."""
    language = SearchEnglish({})
    pages = set(range(len(index["docnames"])))
    for word in language.split(query.lower()):
        if not language.word_filter(word):
            continue
        hits = set()
        for terms in (index["terms"], index["titleterms"]):
            for term in (word, language.stem(word)):
                rows = terms.get(term, [])
                hits |= {rows} if isinstance(rows, int) else set(rows)
        pages &= hits
    names = list(index["docnames"])
    return {names[page] for page in pages}


def main(site: Path) -> str | None:
    """Return what is not found."""
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text[text.index("(") + 1 : text.rindex(")")])
    lost = [query for query, page in WANTED.items() if page not in found(index, query)]
    return f"The search does not find: {', '.join(lost)}." if lost else None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
