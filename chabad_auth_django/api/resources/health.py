"""Health: whether the process runs, and whether it can serve requests."""

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

_SCHEDULED = inline_serializer(
    "ScheduledCommand",
    {
        "command": serializers.CharField(),
        "lastRunAt": serializers.DateTimeField(allow_null=True),
        "lastSuccessAt": serializers.DateTimeField(allow_null=True),
        "status": serializers.IntegerField(allow_null=True),
        "late": serializers.BooleanField(),
    },
    many=True,
)

_READINESS = inline_serializer(
    "Readiness", {"status": serializers.CharField(), "scheduled": _SCHEDULED}
)


class HealthViewSet(APIViewSet):
    """For load balancers and orchestrators: no authentication, no throttle."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []

    @describe(operation_id="health_live", responses=_HEALTH, auth=[])
    def live(self, request: Request) -> Response:
        """Answer while the process can."""
        return Response({"status": "ok"})

    @describe(operation_id="health_ready", responses={200: _READINESS, **errors(503)}, auth=[])
    def ready(self, request: Request) -> Response:
        """Answer 200 when a primary is reachable and the indexes are deployed, else 503.

        An answer is given again for two seconds, so that asking costs the database nothing. A
        scheduled command that is late is named, and takes no server out of service.
        """
        found = readiness.look()
        if not found.is_ready:
            detail = "Indexes are missing, or differ: run chabad_sync_indexes --fix."
            return Response(body("not_ready", detail), 503)
        scheduled = [beat.to_dict() for beat in found.scheduled]
        return Response({"status": "ok", "scheduled": scheduled})
