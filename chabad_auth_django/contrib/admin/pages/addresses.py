"""Addresses of pages, which hold their filters."""

from urllib.parse import urlencode

from django.http import HttpRequest


def with_changes(request: HttpRequest, **changes: str) -> str:
    """Return the page's address with other filters, from the first page on; empty ones go."""
    query = {name: value for name, value in request.GET.items() if name != "cursor"} | changes
    return "?" + urlencode({name: value for name, value in query.items() if value})
