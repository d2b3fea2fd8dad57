"""What every chart has in common: texts that anybody may have stored, numbers and steps."""

from itertools import count
from typing import Any

from django.utils import numberformat
from django.utils.formats import get_format
from django.utils.translation import gettext_lazy as _

#: Characters after which a name is cut.
MAX_NAME = 80

#: U+2068 and U+2069: between them nothing turns the direction of what is around.
_ISOLATE, _END = "\u2068", "\u2069"


def name_of(value: Any) -> str:
    """Return a stored value as a short text on one line, without what could control a terminal."""
    text = str(_("(none)")) if value is None else str(value)
    text = text if len(text) <= MAX_NAME else f"{text[: MAX_NAME - 1]}…"
    return "".join(item if item.isprintable() else "\N{REPLACEMENT CHARACTER}" for item in text)


def isolated(text: str) -> str:
    """Return the text so that it turns no other text around, where no element can isolate it."""
    return f"{_ISOLATE}{text}{_END}"


def number(value: float) -> str:
    """Return a number with the separators of the language."""
    return numberformat.format(
        value,
        get_format("DECIMAL_SEPARATOR"),
        # Django groups nothing in Hebrew.
        grouping=get_format("NUMBER_GROUPING") or 3,
        thousand_sep=get_format("THOUSAND_SEPARATOR"),
        force_grouping=True,
    )


def short(value: float) -> str:
    """Return a number for an axis: ``1.5k``, ``20M``."""
    for size, sign in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:.3g}"


def steps(largest: float, *, most: int = 4) -> list[int]:
    """Return round numbers from 0 on, evenly spaced, the last at or above the largest value."""
    step = next(
        factor * 10**power
        for power in count()
        for factor in (1, 2, 5)
        if factor * 10**power * most >= largest
    )
    return [step * index for index in range(max(2, -(-int(largest) // step) + 1))]


def percent(share: float) -> str:
    """Return a share of 1 as the value of an attribute of SVG, whatever the language."""
    return f"{share * 100:.4f}".rstrip("0").rstrip(".") + "%"
