"""Text values, and their length as Mongoose counts it."""

from typing import Any, TypeGuard

from bson import Code


def is_text(value: Any) -> TypeGuard[str]:
    """Tell whether a stored value is text: in Python ``bson.Code`` is some, which has no hash."""
    return isinstance(value, str) and not isinstance(value, Code)


def text_length(text: str) -> int:
    """Return the length in UTF-16 code units, which Mongoose counts: an emoji has two."""
    # Half of what UTF-16 takes; most texts are names in ASCII, which need no look.
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, max_length: int) -> str:
    """Return the beginning of the text that has at most so many UTF-16 code units."""
    units = text.encode("utf-16-le", "surrogatepass")[: 2 * max_length]
    return units.decode("utf-16-le", "ignore")
