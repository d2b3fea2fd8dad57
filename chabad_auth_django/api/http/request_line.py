"""Refusing a path or a query that can be read in two ways."""

import re
from typing import Any
from urllib.parse import unquote_to_bytes

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request

from chabad_auth_django.validators import MAX_NAMED

#: What some web servers resolve, even where it is part of a name that a client has encoded.
_RESOLVED = re.compile(rb"/\.{0,2}/|/\.{1,2}\Z")


def check_request_line(request: Request) -> None:
    """Raise an error for bytes that are no UTF-8, and for a query parameter that comes twice.

    Django takes the last of the parameters.
    """
    check_encoding(request)
    if not request.META.get("QUERY_STRING"):
        return
    repeated = [name for name, values in request.query_params.lists() if len(values) > 1]
    if repeated:
        raise ValidationError(dict.fromkeys(repeated[:MAX_NAMED], "This is given more than once."))


def check_encoding(request: Request) -> None:
    """Raise an error for bytes that are no UTF-8: Django replaces them by others.

    A path that the web server has resolved to that of another resource is refused, too. nginx does
    so in front of uWSGI: of ``a%2F..`` nothing is left.
    """
    sent = _path(request._request)
    path = unquote_to_bytes(sent)
    # A proxy may take away the beginning.
    is_same = sent == request.path or path.endswith(request.path_info.encode(errors="replace"))
    if not _is_text(path) or (_RESOLVED.search(path) and not is_same):
        raise NotFound
    if not _is_text(unquote_to_bytes(_query(request._request).replace(b"+", b" "))):
        raise ValidationError("The query is not UTF-8.")


def _path(request: Any) -> str | bytes:
    """Return the path as the client sent it, or Django's where the server does not pass it on.

    Django writes such a byte as ``%FF``, so a client that means this text is then refused too.
    """
    if raw_path := getattr(request, "scope", {}).get("raw_path"):
        return bytes(raw_path)
    uri = request.META.get("RAW_URI") or request.META.get("REQUEST_URI")
    return _bytes(uri.partition("?")[0]) if uri else str(request.path)


def _query(request: Any) -> bytes:
    return _bytes(request.META.get("QUERY_STRING", ""))


def _bytes(value: str) -> bytes:
    # A WSGI server gives each byte as the character with its number.
    return value.encode("latin-1", errors="replace")


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
