"""Activities and analytics: lists, batches and counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bson import ObjectId
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from chabad_auth_django.api import pagination, shapes
from chabad_auth_django.api.errors import body
from chabad_auth_django.api.permissions import check_may_read
from chabad_auth_django.api.schema import ARCHIVED, describe, one_or_many
from chabad_auth_django.api.serializers.events import (
    ActivityPageSerializer,
    ActivityQuerySerializer,
    ActivitySerializer,
    AnalyticsPageSerializer,
    AnalyticsQuerySerializer,
    AnalyticsSerializer,
    BatchSerializer,
    CategoryCountSerializer,
    CountsQuerySerializer,
    EventCountSerializer,
    TimeseriesQuerySerializer,
    TimeseriesSerializer,
)
from chabad_auth_django.api.views.base import APIViewSet
from chabad_auth_django.models import Activity, Analytics
from chabad_auth_django.models.event import Event
from chabad_auth_django.services import counts, events, timeseries, users


class EventsViewSet(APIViewSet):
    """Events of one kind: of one user, or across users where the path names none."""

    outlives_user = True

    model: type[Event]
    shape: Any
    query_serializer: type[Serializer[Any]]

    def list_events(self, request: Request) -> Response:
        """Return a page of events, with their users where asked for."""
        query = self.read_query(self.query_serializer)
        expand = query.pop("expand", None)
        if expand:
            check_may_read(request, self, "users")
        position = pagination.decode(query.pop("cursor", None), datetime)
        if "user" in self.kwargs:
            query["userId"] = self.user_id
        page = events.list_events(model=self.model, position=position, **query)

        def shape_all(rows: Iterable[shapes.Row]) -> list[dict[str, Any]]:
            shaped = [self.shape(row) for row in rows]
            if expand:
                ids = [event["userId"] for event in shaped]
                found = users.read_many(user_ids={id for id in ids if isinstance(id, ObjectId)})
                for event, id in zip(shaped, ids, strict=True):
                    user = found.get(id) if isinstance(id, ObjectId) else None
                    event["user"] = user and shapes.user_summary(user)
            return shaped

        return pagination.respond(request, page, shape_all)

    def store(self, request: Request) -> Response:
        """Store one event, or a list of them."""
        data = request.data
        if not isinstance(data, list):
            row = events.store_event(model=self.model, user_id=self.user_id, event=data)
            return Response(self.shape(row), 201)
        if len(data) > events.MAX_BATCH:
            raise ValidationError({"": [f"A batch holds at most {events.MAX_BATCH} events."]})
        result = events.ingest(model=self.model, user_id=self.user_id, events=data)
        return Response(
            {
                "accepted": result.accepted,
                "duplicates": result.duplicates,
                "rejected": [
                    {"index": event.index, **body(event.code, event.detail, event.errors)}
                    for event in result.rejected
                ],
            }
        )


class ActivitiesViewSet(EventsViewSet):
    """Activities."""

    resource = "activities"
    model = Activity
    shape = staticmethod(shapes.activity)
    query_serializer = ActivityQuerySerializer

    @describe(
        parameters=[ActivityQuerySerializer],
        responses=ActivityPageSerializer,
    )
    def list(self, request: Request, user: str | None = None) -> Response:
        """List activities, newest first."""
        return self.list_events(request)

    @describe(
        operation_id="activities_create",
        request=PolymorphicProxySerializer(
            "ActivityOrBatch",
            [ActivitySerializer, ActivitySerializer(many=True)],
            resource_type_field_name=None,
            many=False,
        ),
        responses={200: BatchSerializer, 201: ActivitySerializer},
        examples=one_or_many(
            {"appId": "cteen", "eventType": "page_view", "eventData": {"page": "/events"}}
        ),
    )
    def create(self, request: Request, user: str) -> Response:
        """Store one activity (201), or up to 1,000 (200): good ones are stored, bad ones named."""
        return self.store(request)


class AnalyticsViewSet(EventsViewSet):
    """Analytics events."""

    resource = "analytics"
    model = Analytics
    shape = staticmethod(shapes.analytics)
    query_serializer = AnalyticsQuerySerializer

    @describe(
        parameters=[AnalyticsQuerySerializer],
        responses=AnalyticsPageSerializer,
    )
    def list(self, request: Request, user: str | None = None) -> Response:
        """List analytics events, newest first."""
        return self.list_events(request)

    @describe(
        operation_id="analytics_create",
        request=PolymorphicProxySerializer(
            "AnalyticsOrBatch",
            [AnalyticsSerializer, AnalyticsSerializer(many=True)],
            resource_type_field_name=None,
            many=False,
        ),
        responses={200: BatchSerializer, 201: AnalyticsSerializer},
        examples=one_or_many(
            {"appId": "cteen", "eventName": "signup", "eventCategory": "conversion"}
        ),
    )
    def create(self, request: Request, user: str) -> Response:
        """Store one event (201), or up to 1,000 (200): good ones are stored, bad ones named."""
        return self.store(request)

    @describe(
        parameters=[CountsQuerySerializer],
        responses={200: EventCountSerializer(many=True), **ARCHIVED},
    )
    def event_counts(self, request: Request, user: str | None = None) -> Response:
        """Count the events in a range by name, the most frequent first."""
        return Response(counts.get_event_counts(**self._range()))

    @describe(
        parameters=[CountsQuerySerializer],
        responses={200: CategoryCountSerializer(many=True), **ARCHIVED},
    )
    def category_counts(self, request: Request, user: str | None = None) -> Response:
        """Count the events in a range by category, the most frequent first."""
        return Response(counts.get_category_counts(**self._range()))

    @describe(
        parameters=[TimeseriesQuerySerializer],
        responses={200: TimeseriesSerializer(many=True), **ARCHIVED},
    )
    def timeseries(self, request: Request, user: str | None = None) -> Response:
        """Count the events of each hour, day, week or month that has any, in order of time.

        Days that are none of UTC, and hours, are counted for at most 366, and 31, days.
        """
        query = self._range(TimeseriesQuerySerializer)
        return Response(timeseries.get_timeseries(time_zone=query.pop("timeZone"), **query))

    def _range(self, serializer: type[Serializer[Any]] = CountsQuerySerializer) -> dict[str, Any]:
        owner = self.user_id if "user" in self.kwargs else None
        return {**self.read_query(serializer), "user_id": owner}
