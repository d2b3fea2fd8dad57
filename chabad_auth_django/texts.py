"""Lengths of texts as Mongoose counts them."""


def text_length(text: str) -> int:
    """Return the length in UTF-16 code units, which Mongoose counts: an emoji has two."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, max_length: int) -> str:
    """Return the beginning of the text that has at most so many UTF-16 code units."""
    units = text.encode("utf-16-le", "surrogatepass")[: 2 * max_length]
    return units.decode("utf-16-le", "ignore")
