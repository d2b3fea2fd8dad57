"""Rules for values that several documents share."""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from datetime import datetime
from typing import Any

import bson
import idna
from bson import ObjectId
from bson.errors import InvalidDocument
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import URLValidator, validate_email

from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import Reason, Text, ValidationError
from chabad_auth_django.texts import is_text, text_length

INT64_MAX = 2**63 - 1

#: Characters of an e-mail address before it is normalised.
MAX_EMAIL_LENGTH = 320

#: Characters of an identifier, where a field does not say otherwise.
MAX_NAME_LENGTH = 255

# Characters without a glyph that Unicode does not count as format characters (category Cf).
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)

# What JavaScript trims.
_OUTER_SPACE = re.compile("\\A[\\s\ufeff]|[\\s\ufeff]\\Z")
_NOT_IN_A_NAME = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

# What bson.encode does not refuse: the empty key, and those by which mongoengine takes a dict for a
# class or a reference.
_RESERVED_KEYS = frozenset({"", "_cls", "_ref"})

_UNSAFE_KEY = Reason(
    "A key must be a string that is not empty, does not start with '$', holds no '.' or NUL "
    "and is not '_cls' or '_ref'.",
    "unsafe_key",
)

_SURROGATE = Reason("The text has a lone surrogate.", "unsafe_string")
_UNKNOWN = Reason("Unknown or read-only.", "unknown_field")

#: Characters of what a client sent that an error repeats, and unknown fields that it names.
MAX_ECHO, MAX_NAMED = 100, 10

# What bson.encode adds around one value.
_EMPTY_BYTES = len(bson.encode({"": None}))

_validate_http_url = URLValidator(schemes=["http", "https"])


def to_object_id(value: object) -> ObjectId:
    """Return an id given as ``ObjectId`` or as its 24 hexadecimal digits.

    Raises ``ValidationError`` for anything else, ``None`` included.
    """
    if isinstance(value, ObjectId):
        return value
    if isinstance(value, str) and ObjectId.is_valid(value):
        return ObjectId(value)
    raise _wrong("An id is an ObjectId or its 24 hexadecimal digits.", "invalid_id")


def validate_text(value: object) -> str:
    """Return a string that BSON can hold; raise ``ValidationError`` for anything else.

    A dict that reaches a query would be an operator.
    """
    if not is_text(value):
        raise _wrong("Expected a string.", "not_a_string")
    _validate_encodable(value)
    return value


def normalize_email(value: object) -> str:
    """Return the normal form of the e-mail address; it may still be invalid.

    It is trimmed, in NFKC and lower case, and its domain is in the ASCII form of IDNA 2008. A
    domain that IDNA 2008 refuses stays as it is otherwise, and so does one with an invisible
    character, which IDNA would drop. Raises ``ValidationError`` unless the value is a string of at
    most ``MAX_EMAIL_LENGTH`` characters.
    """
    email = _fold_email(value)
    folded = _fold(email)
    # Lower case can undo NFKC: what has two accents in upper case has one character in lower case.
    while folded != email:
        email, folded = folded, _fold(folded)
    local_part, at, domain = email.rpartition("@")
    # The ASCII form of what is ASCII is the same, but for a dot at its end.
    is_done = email.isascii() and not email.endswith(".")
    if not at or is_done or _has_invisible(email):
        return email
    try:
        # Not Python's codec: it makes "strasse.de" of "straße.de", which is another domain.
        ascii_domain = idna.encode(domain, uts46=True).decode().removesuffix(".")
    except idna.IDNAError:
        return email
    return local_part + at + ascii_domain


def email_spellings(value: object) -> list[str]:
    """Return all that may be stored for the mailbox, its normal form first.

    Other programs store an address as it was given, or trimmed and in lower case, with the domain
    in ASCII or in Unicode, composed or not. Version 0.1.0 stored it in NFKC. Raises
    ``ValidationError`` like ``normalize_email``.
    """
    email = normalize_email(value)
    given = validate_text(value)
    spellings = [email, given, given.strip().lower(), _fold_email(value)]
    local_part, at, domain = email.rpartition("@")
    if at and "xn--" in domain:
        with suppress(idna.IDNAError, ValidationError):
            in_unicode = local_part + at + idna.decode(domain)
            spellings += [in_unicode, unicodedata.normalize("NFD", in_unicode)]
            # What version 0.1.0 stored of upper case, unless that is another mailbox ("ß", "SS").
            of_upper_case = _fold_email(in_unicode.upper())
            if normalize_email(of_upper_case) == email:
                spellings.append(of_upper_case)
    return list(dict.fromkeys(spellings))


def _fold_email(value: object) -> str:
    """Return what version 0.1.0 stored."""
    # NFKC takes time in proportion to the square of a run of combining characters.
    if isinstance(value, str) and len(value) > MAX_EMAIL_LENGTH:
        raise _wrong(
            "An e-mail address has at most {maximum} characters.",
            "max_length",
            maximum=MAX_EMAIL_LENGTH,
        )
    return _fold(validate_text(value))


def _fold(email: str) -> str:
    return unicodedata.normalize("NFKC", email).strip().lower()


def _has_invisible(text: str) -> bool:
    if text.isascii():
        return False
    return bool(_INVISIBLE.search(text)) or any(unicodedata.category(item) == "Cf" for item in text)


def validate_email_address(value: object) -> None:
    """Raise ``ValidationError`` unless the value may be stored as a new e-mail address.

    Two addresses with invisible characters would look alike, and the ASCII form of a domain that
    IDNA 2008 refuses would be a second address of the same mailbox.
    """
    email = normalize_email(value)
    if _has_invisible(validate_text(value)) or _has_invisible(email):
        raise _wrong("The e-mail address has an invisible character.", "invalid_email")
    try:
        email.rpartition("@")[0].encode("ascii")  # Django lets a dotless "i" pass.
        validate_email(email)
    except (DjangoValidationError, UnicodeError):
        raise _wrong("Enter a valid e-mail address.", "invalid_email") from None
    if not email.isascii():
        raise _wrong("The domain of the e-mail address is not valid in IDNA 2008.", "invalid_email")


def validate_http_url(value: str) -> None:
    """Raise ``ValidationError`` unless the value is an http or https URL."""
    try:
        _validate_http_url(validate_name(value, max_length=2048))
    except (DjangoValidationError, ValidationError):
        raise _wrong("Enter a valid http or https URL.", "invalid_url") from None


def validate_new_name(value: object, *, max_length: int = MAX_NAME_LENGTH) -> str:
    """Return an identifier that is about to be stored; raise as ``validate_name`` does.

    Mongoose takes outer spaces off what it looks for, and so would not find it with them.
    """
    name = validate_name(value, max_length=max_length)
    if _OUTER_SPACE.search(name):
        raise _wrong("The string begins or ends with a space.", "outer_space")
    return name


def validate_name(value: object, *, max_length: int = MAX_NAME_LENGTH) -> str:
    """Return an identifier such as a role, an app id or a data key.

    Raises ``ValidationError`` unless it is a string of 1 to ``max_length`` characters that BSON
    can hold, without control characters.
    """
    if not isinstance(value, str) or not 0 < text_length(value) <= max_length:
        code = "length" if isinstance(value, str) else "not_a_string"
        raise _wrong("Expected a string of 1 to {maximum} characters.", code, maximum=max_length)
    if _NOT_IN_A_NAME.search(value):
        raise _wrong("The string has a control character or a lone surrogate.", "unsafe_string")
    return value


def validate_key(key: object) -> str:
    """Return a key of free-form JSON; raise ``ValidationError`` where MongoDB could not keep it."""
    if not isinstance(key, str) or _is_unsafe(key) or "\0" in key:
        raise ValidationError(_UNSAFE_KEY)
    _validate_encodable(key)
    return key


def json_limits() -> tuple[int, int]:
    """Return how many levels and keys free-form JSON may have."""
    return conf.JSON_MAX_DEPTH, conf.JSON_MAX_KEYS


def validate_json(
    value: Any,
    *,
    max_bytes: int,
    known_keys: Set[str] = frozenset(),
    limits: tuple[int, int] | None = None,
) -> None:
    """Raise ``ValidationError`` unless the free-form value is safe to store and to list.

    Safe are ``None``, ``bool``, finite ``float``, 64-bit ``int``, ``str``, ``datetime`` and
    ``ObjectId``, and lists and dicts of them with safe keys, at most ``max_bytes`` BSON bytes
    long, ``CHABAD_AUTH["JSON_MAX_DEPTH"]`` levels deep and with
    ``CHABAD_AUTH["JSON_MAX_KEYS"]`` keys. ``known_keys`` are taken too: other programs have stored
    them there, and a client sends back what it was shown. ``limits`` are those of ``json_limits``,
    which a caller with many values reads once.
    """
    max_depth, max_keys = limits or json_limits()
    keys = 0
    # A stack instead of recursion: deep nesting must not reach Python's recursion limit.
    stack: list[tuple[Iterable[Any], int]] = [((value,), 0)]
    while stack:
        items, depth = stack.pop()
        for item in items:
            if isinstance(item, str):
                if len(item) > max_bytes:
                    raise _too_large(max_bytes)
                continue
            if isinstance(item, int):
                if not -INT64_MAX - 1 <= item <= INT64_MAX:
                    raise _wrong("An integer does not fit into 64 bits.", "integer_too_large")
            elif isinstance(item, float):
                if not math.isfinite(item):
                    raise _wrong("A number must be finite.", "not_finite")
            elif isinstance(item, (dict, list, tuple)):
                if depth == max_depth:
                    raise _wrong(
                        "The value is nested more than {maximum} levels deep.",
                        "too_deep",
                        maximum=max_depth,
                    )
                # Before each is looked at: an item takes three bytes at least.
                if 3 * len(item) > max_bytes:
                    raise _too_large(max_bytes)
                if isinstance(item, dict):
                    keys += len(item)
                    if keys > max_keys:
                        raise _wrong(
                            "The value has more than {maximum} keys.",
                            "too_many_keys",
                            maximum=max_keys,
                        )
                    if not _RESERVED_KEYS.isdisjoint(item) or known_keys:
                        _validate_keys(item, known_keys)
                    item = item.values()
                stack.append((item, depth + 1))
            elif item is not None and not isinstance(item, (datetime, ObjectId)):
                raise ValidationError(f"A value of type {type(item).__name__} cannot be stored.")
    try:
        size = len(bson.encode({"": value}, check_keys=not known_keys)) - _EMPTY_BYTES
    except InvalidDocument:
        raise ValidationError(_UNSAFE_KEY) from None
    except UnicodeEncodeError:
        raise ValidationError(_SURROGATE) from None
    except OverflowError:
        raise _wrong("A time is not within the years 1 to 9999 in UTC.", "invalid_time") from None
    if size > max_bytes:
        raise _too_large(max_bytes)


def unsafe_keys(value: Any) -> Set[str]:
    """Return the keys, on all levels of a stored value, that ``validate_json`` refuses."""
    found: set[str] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            found.update(filter(_is_unsafe, item))
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return found


def _is_unsafe(key: str) -> bool:
    return key in _RESERVED_KEYS or key.startswith("$") or "." in key


def _too_large(max_bytes: int) -> ValidationError:
    text = "The value takes more than the {max_bytes} bytes allowed."
    return _wrong(text, "too_large", max_bytes=max_bytes)


def _wrong(text: str, code: str, **values: Any) -> ValidationError:
    return ValidationError(Reason(text, code, **values))


def _validate_keys(item: Iterable[Any], known_keys: Set[str]) -> None:
    if any(_is_unsafe(key) for key in item if isinstance(key, str) and key not in known_keys):
        raise ValidationError(_UNSAFE_KEY)


def unknown_names(names: Sequence[str]) -> dict[str, str]:
    """Return the errors for fields that nobody may write: the first by name, the rest counted."""
    errors: dict[str, str] = dict.fromkeys(
        (name[:MAX_ECHO] for name in names[:MAX_NAMED]), _UNKNOWN
    )
    if len(names) > MAX_NAMED:
        errors[""] = Text("{count} more are unknown or read-only.", count=len(names) - MAX_NAMED)
    return errors


def _validate_encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError(_SURROGATE) from None
