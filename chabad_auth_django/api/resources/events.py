"""Activities and analytics: lists, batches and counts."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cached_property
from typing import Any

from bson import ObjectId
from drf_spectacular.utils import PolymorphicProxySerializer, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from chabad_auth_django.api.http import fields, paging
from chabad_auth_django.api.http.errors import MAX_ERRORS_BYTES, body
from chabad_auth_django.api.http.permissions import check_may_read
from chabad_auth_django.api.http.rendering import to_json
from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.api.openapi.errors import error_code, error_detail, field_errors
from chabad_auth_django.api.openapi.schema import ARCHIVED, describe, one_or_many
from chabad_auth_django.api.resources import shapes
from chabad_auth_django.api.resources.counts import (
    CategoryCountSerializer,
    CountsQuerySerializer,
    EventCountSerializer,
    TimeseriesQuerySerializer,
    TimeseriesSerializer,
)
from chabad_auth_django.api.resources.users import UserSummarySerializer
from chabad_auth_django.db.cursors import decode
from chabad_auth_django.db.pages import PageQuery
from chabad_auth_django.db.reads import Read
from chabad_auth_django.exceptions import Text, ValidationError
from chabad_auth_django.models import Activity, Analytics
from chabad_auth_django.models.analytics import EVENT_CATEGORIES
from chabad_auth_django.models.event import Event
from chabad_auth_django.services.analytics import counts, timeseries
from chabad_auth_django.services.data import events
from chabad_auth_django.services.identity import users


class EventSerializer(fields.StrictSerializer):
    """What every event has."""

    optional = ("user",)

    id = serializers.CharField(read_only=True)
    userId = serializers.CharField(read_only=True)
    appId = fields.NameField(required=False, allow_null=True)
    sessionId = fields.NameField(required=False, allow_null=True)
    eventData = fields.JSONObjectField("EVENT_DATA_MAX_BYTES", required=False, allow_null=True)
    timestamp = fields.DateTimeField(
        required=False, help_text="At most 5 minutes ahead; the server's time by default."
    )
    sentAt = fields.DateTimeField(
        required=False,
        write_only=True,
        help_text="The client's clock when it sends this: the server corrects `timestamp` by how "
        "far it is off.",
    )
    messageId = fields.NameField(
        required=False, write_only=True, help_text="The same one again changes nothing."
    )
    user = UserSummarySerializer(
        read_only=True, required=False, help_text="With `expand=user` only."
    )


class ActivitySerializer(EventSerializer):
    """An Activity."""

    eventType = fields.NameField()
    metadata = fields.JSONObjectField("METADATA_MAX_BYTES", required=False, allow_null=True)


class AnalyticsSerializer(EventSerializer):
    """An Analytics event."""

    eventName = fields.NameField()
    eventCategory = fields.ChoiceField(choices=EVENT_CATEGORIES)


#: An event of a batch that was not stored.
REJECTED = inline_serializer(
    "Rejected",
    {
        "index": serializers.IntegerField(),
        "code": error_code(),
        "detail": error_detail(),
        "errors": field_errors(),
    },
    many=True,
)


def _one_or_batch(name: str, kind: type[EventSerializer]) -> PolymorphicProxySerializer:
    return PolymorphicProxySerializer(name, [kind, kind(many=True)], None, many=False)


class BatchSerializer(fields.StrictSerializer):
    """What became of a batch."""

    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejectedCount = serializers.IntegerField(
        help_text="How many were not stored. `rejected` names the first of them."
    )
    rejected = REJECTED


class ActivityPageSerializer(fields.PageSerializer):
    """A page of activities."""

    results = ActivitySerializer(many=True)


class AnalyticsPageSerializer(fields.PageSerializer):
    """A page of analytics events."""

    results = AnalyticsSerializer(many=True)


class EventQuerySerializer(fields.PageQuerySerializer):
    """The filters and the page of a list of events."""

    appId = fields.NameField(required=False)
    sessionId = fields.NameField(required=False)
    since = fields.DateTimeField(required=False, help_text="At this time or later.")
    until = fields.DateTimeField(required=False, help_text="Before this time.")
    expand = fields.ExpandField(["user"], component="EventExpansion")


class ActivityQuerySerializer(EventQuerySerializer):
    """The filters of a list of activities."""

    eventType = fields.NameField(required=False)


class AnalyticsQuerySerializer(EventQuerySerializer):
    """The filters of a list of analytics events."""

    eventName = fields.NameField(required=False)
    eventCategory = fields.ChoiceField(choices=EVENT_CATEGORIES, required=False)


class EventsViewSet(APIViewSet):
    """Events of one kind: of one user, or across users where the path names none."""

    # A program that stores the events of all users would fill the audit trail.
    records_others = False

    model: type[Event]
    shape: Any
    query_serializer: type[Serializer[Any]]

    @cached_property
    def page(self) -> PageQuery:
        """The page that the query asks for."""
        query = self.read_query(self.query_serializer)
        query.pop("expand", None)
        position = decode(query.pop("cursor", None), datetime)
        if "user" in self.kwargs:
            query["userId"] = self.user_id
        return events.list_events(model=self.model, position=position, **query)

    def first_read(self) -> Read | None:
        """Return what a list reads."""
        return self.page.read if self.action == "list" else None

    def list_events(self, request: Request) -> Response:
        """Return a page of events, with their users where asked for."""
        expand = self.read_query(self.query_serializer).get("expand")
        if expand:
            check_may_read(request, self, "users")
        page = self.page.finish(self.read_first())

        def shape_all(rows: Iterable[shapes.Row]) -> list[dict[str, Any]]:
            shaped = [self.shape(row) for row in rows]
            if expand:
                ids = [event["userId"] for event in shaped]
                found = users.read_many(user_ids={id for id in ids if isinstance(id, ObjectId)})
                for event, id in zip(shaped, ids, strict=True):
                    user = found.get(id) if isinstance(id, ObjectId) else None
                    event["user"] = user and shapes.user_summary(user)
            return shaped

        return paging.respond(request, page, shape_all)

    def store(self, request: Request) -> Response:
        """Store one event, or a list of them."""
        data = request.data
        if not isinstance(data, list):
            row = events.store_event(model=self.model, user_id=self.user_id, event=data)
            return Response(self.shape(row), 201)
        if len(data) > events.MAX_BATCH:
            text = Text("A batch holds at most {maximum} events.", maximum=events.MAX_BATCH)
            raise ValidationError(errors={"": text})
        result = events.ingest(model=self.model, user_id=self.user_id, events=data)
        return Response(
            {
                "accepted": result.accepted,
                "duplicates": result.duplicates,
                "rejectedCount": len(result.rejected),
                "rejected": list(shape_rejected(result.rejected)),
            }
        )


def shape_rejected(rejected: Iterable[events.Rejected]) -> Iterator[dict[str, Any]]:
    """Yield those that were rejected, as many as there is room for in an answer."""
    room = MAX_ERRORS_BYTES
    for event in rejected:
        shaped = {"index": event.index, **body(event.code, event.detail, event.errors)}
        if len(to_json(shaped)) > room / 2:
            # Which ones they are says more than all that is wrong with one of them.
            shaped.pop("errors", None)
        room -= len(to_json(shaped)) + 1
        if room < 0:
            return
        yield shaped


class ActivitiesViewSet(EventsViewSet):
    """Activities."""

    resource = "activities"
    model = Activity
    shape = staticmethod(shapes.activity)
    query_serializer = ActivityQuerySerializer

    @describe(parameters=[ActivityQuerySerializer], responses=ActivityPageSerializer)
    def list(self, request: Request, user: str | None = None) -> Response:
        """List activities, newest first."""
        return self.list_events(request)

    @describe(
        operation_id="activities_create",
        request=_one_or_batch("ChabadActivityOrBatch", ActivitySerializer),
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

    @describe(parameters=[AnalyticsQuerySerializer], responses=AnalyticsPageSerializer)
    def list(self, request: Request, user: str | None = None) -> Response:
        """List analytics events, newest first."""
        return self.list_events(request)

    @describe(
        operation_id="analytics_create",
        request=_one_or_batch("ChabadAnalyticsOrBatch", AnalyticsSerializer),
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

        Hours are counted for at most 31 days, days of other zones than UTC for at most 366.
        """
        query = self._range(TimeseriesQuerySerializer)
        return Response(timeseries.get_timeseries(time_zone=query.pop("timeZone"), **query))

    def _range(self, serializer: type[Serializer[Any]] = CountsQuerySerializer) -> dict[str, Any]:
        owner = self.user_id if "user" in self.kwargs else None
        return {**self.read_query(serializer), "user_id": owner}
