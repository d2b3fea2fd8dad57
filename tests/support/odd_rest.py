"""What a host project whose own API has nothing in common with ours plugs into REST framework."""

from typing import Any

from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation


class Negotiation(BaseContentNegotiation):
    """Choose whatever comes first."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


def handle(error: Exception, context: Any) -> HttpResponse:
    """Answer every error as a success."""
    return HttpResponse("<p>Fine.")
