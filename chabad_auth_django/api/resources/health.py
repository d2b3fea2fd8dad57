"""Whether the service lives, and whether it can serve."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.errors import body
from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.api.openapi.schema import describe, errors
from chabad_auth_django.services.deployment import readiness

_HEALTH = inline_serializer("Health", {"status": serializers.CharField()})


class HealthViewSet(APIViewSet):
    """For load balancers and orchestrators: no authentication, no throttle."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []

    @describe(operation_id="health_live", responses=_HEALTH, auth=[])
    def live(self, request: Request) -> Response:
        """Answer while the process can."""
        return Response({"status": "ok"})

    @describe(operation_id="health_ready", responses={200: _HEALTH, **errors(503)}, auth=[])
    def ready(self, request: Request) -> Response:
        """Answer 200 when a primary is reachable and the indexes are deployed, else 503.

        An answer is given again for two seconds, so that asking costs the database nothing.
        """
        if not readiness.is_ready():
            detail = "Indexes are missing, or differ: run chabad_sync_indexes --fix."
            return Response(body("not_ready", detail), 503)
        return Response({"status": "ok"})
