"""Activities and analytics of the user whom the body names."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.fields import StrictSerializer
from chabad_auth_django.api.resources.events import REJECTED, shape_rejected
from chabad_auth_django.contrib.universe.mapping import events
from chabad_auth_django.contrib.universe.openapi import describe
from chabad_auth_django.contrib.universe.parsing import BatchParser
from chabad_auth_django.contrib.universe.views.base import ClientViewSet
from chabad_auth_django.contrib.universe.views.identity import DoneSerializer


class BatchSerializer(serializers.Serializer[Any]):
    """A batch of activities. Whatever is wrong with one of them is told in the answer."""

    userId = serializers.CharField(required=False)
    appId = serializers.CharField(required=False)
    ttl = serializers.IntegerField(
        required=False, help_text="Milliseconds; counts where a setting says so."
    )
    events = serializers.ListField(child=serializers.DictField())


class BatchAnswerSerializer(StrictSerializer):
    """What became of a batch."""

    success = serializers.BooleanField()
    processed = serializers.IntegerField()
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = REJECTED


class AnalyticsEventSerializer(serializers.Serializer[Any]):
    """An event to be counted."""

    userId = serializers.CharField(required=False)
    appId = serializers.CharField(required=False)
    type = serializers.CharField(required=False)
    category = serializers.CharField(required=False)
    action = serializers.CharField(required=False)
    label = serializers.CharField(required=False)  # type: ignore[assignment]
    value = serializers.FloatField(required=False)
    properties = serializers.DictField(required=False)
    timestamp = serializers.DateTimeField(required=False)


class EventsViewSet(ClientViewSet):
    """Events of the user whom the body names."""

    records_others = False

    def check_permissions(self, request: Request) -> None:
        """Let the caller write what is their own; a body that names nobody is the caller's."""
        if request.user is not None:
            # Before a body is read, which may be large.
            super().check_throttles(request)
            name = request.data.get("userId") if isinstance(request.data, Mapping) else None
            named = name if isinstance(name, str) else ""
            self.kwargs = {**self.kwargs, "user": "me" if name is None else named}
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Do nothing: ``check_permissions`` has counted the request."""


class ActivityViewSet(EventsViewSet):
    """Activities."""

    resource = "activities"
    parser_classes = [BatchParser]

    @describe(
        operation_id="client_activity_batch",
        request=BatchSerializer,
        responses=BatchAnswerSerializer,
    )
    def create(self, request: Request) -> Response:
        """Store a batch: good ones are stored, bad ones named."""
        result = events.store_batch(self.user_id, request.data)
        return Response(
            {
                "success": True,
                "processed": len(result.ids) + len(result.rejected),
                "accepted": result.accepted,
                "duplicates": result.duplicates,
                "rejected": [{"errors": {}, **item} for item in shape_rejected(result.rejected)],
            }
        )


class AnalyticsViewSet(EventsViewSet):
    """Analytics events."""

    resource = "analytics"

    @describe(
        operation_id="client_analytics", request=AnalyticsEventSerializer, responses=DoneSerializer
    )
    def create(self, request: Request) -> Response:
        """Store an event; a long text in it is cut."""
        if not isinstance(request.data, Mapping):
            raise ParseError("Expected an object.")
        events.store_analytics(self.user_id, request.data)
        return Response({"success": True})
