"""Pages with links to the next and the previous one, which stay valid while documents change."""

from collections.abc import Callable, Iterable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from chabad_auth_django.db.cursors import encode
from chabad_auth_django.db.pages import Page, Position, Row


def respond(
    request: Request, page: Page, shape: Callable[[Iterable[Row]], list[dict[str, Any]]]
) -> Response:
    """Return ``{"results", "next", "previous"}``."""
    url = request.build_absolute_uri()

    def link(position: Position | None) -> str | None:
        return replace_query_param(url, "cursor", encode(position)) if position else None

    return Response(
        {"results": shape(page.rows), "next": link(page.next), "previous": link(page.previous)}
    )
