"""What events look like, what clients may send, and how lists of them are filtered.

The checks of what clients send are in ``services.events``, where one pass serves a whole batch;
these serializers describe them for the schema.
"""

from __future__ import annotations

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from chabad_auth_django.api.serializers.fields import (
    DateTimeField,
    FlagField,
    JSONObjectField,
    NameField,
    PageQuerySerializer,
    PageSerializer,
    StrictSerializer,
    StringField,
)
from chabad_auth_django.api.serializers.users import UserSummarySerializer
from chabad_auth_django.models.analytics import EVENT_CATEGORIES
from chabad_auth_django.services import timeseries


class EventSerializer(StrictSerializer):
    """What every event has."""

    optional = ("user",)

    id = serializers.CharField(read_only=True)
    userId = serializers.CharField(read_only=True)
    appId = NameField(required=False, allow_null=True)
    sessionId = NameField(required=False, allow_null=True)
    eventData = JSONObjectField("EVENT_DATA_MAX_BYTES", required=False, allow_null=True)
    timestamp = DateTimeField(
        required=False, help_text="At most 5 minutes ahead; the server's time by default."
    )
    sentAt = DateTimeField(
        required=False,
        write_only=True,
        help_text="The client's clock when it sends this: the server corrects `timestamp` by how "
        "far it is off.",
    )
    messageId = NameField(
        required=False, write_only=True, help_text="The same one again changes nothing."
    )
    user = UserSummarySerializer(
        read_only=True, required=False, help_text="With `expand=user` only."
    )


class ActivitySerializer(EventSerializer):
    """An Activity."""

    eventType = NameField()
    metadata = JSONObjectField("METADATA_MAX_BYTES", required=False, allow_null=True)


class AnalyticsSerializer(EventSerializer):
    """An Analytics event."""

    eventName = NameField()
    eventCategory = serializers.ChoiceField(choices=EVENT_CATEGORIES)


#: An event of a batch that was not stored.
REJECTED = inline_serializer(
    "Rejected",
    {
        "index": serializers.IntegerField(),
        "code": serializers.CharField(),
        "detail": serializers.CharField(),
        "errors": serializers.DictField(required=False),
    },
    many=True,
)


class BatchSerializer(StrictSerializer):
    """What became of a batch."""

    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = REJECTED


class ActivityPageSerializer(PageSerializer):
    """A page of activities."""

    results = ActivitySerializer(many=True)


class AnalyticsPageSerializer(PageSerializer):
    """A page of analytics events."""

    results = AnalyticsSerializer(many=True)


class EventQuerySerializer(PageQuerySerializer):
    """The filters and the page of a list of events."""

    appId = NameField(required=False)
    sessionId = NameField(required=False)
    since = DateTimeField(required=False, help_text="At this time or later.")
    until = DateTimeField(required=False, help_text="Before this time.")
    expand = serializers.ChoiceField(choices=["user"], required=False)


class ActivityQuerySerializer(EventQuerySerializer):
    """The filters of a list of activities."""

    eventType = NameField(required=False)


class AnalyticsQuerySerializer(EventQuerySerializer):
    """The filters of a list of analytics events."""

    eventName = NameField(required=False)
    eventCategory = serializers.ChoiceField(choices=EVENT_CATEGORIES, required=False)


class CountsQuerySerializer(StrictSerializer):
    """The range of a count."""

    start = DateTimeField(help_text="At this time or later.")
    end = DateTimeField(help_text="Before this time.")


class TimeseriesQuerySerializer(CountsQuerySerializer):
    """The range of a time series, and how it is divided."""

    bucket = serializers.ChoiceField(choices=[*timeseries.LONGEST], default="day")
    timeZone = StringField(
        max_length=64, default="UTC", help_text="In which a day begins, such as `Asia/Jerusalem`."
    )
    by = serializers.ChoiceField(choices=timeseries.BY, required=False)
    distinct = FlagField(
        default=False, help_text="Count the different users and sessions too, which takes longer."
    )


class TimeseriesSerializer(StrictSerializer):
    """How many events a bucket has, or those of one application, name or category in it."""

    optional = (*timeseries.BY, "users", "sessions")

    time = DateTimeField(help_text="When the bucket begins.")
    eventName = serializers.CharField(allow_null=True, required=False)
    eventCategory = serializers.CharField(allow_null=True, required=False)
    appId = serializers.CharField(allow_null=True, required=False)
    count = serializers.IntegerField()
    users = serializers.IntegerField(required=False, help_text="With `distinct` only.")
    sessions = serializers.IntegerField(required=False, help_text="With `distinct` only.")


class EventCountSerializer(StrictSerializer):
    """How often an event happened."""

    eventName = serializers.CharField()
    count = serializers.IntegerField()


class CategoryCountSerializer(StrictSerializer):
    """How often events of a category happened."""

    category = serializers.CharField()
    count = serializers.IntegerField()
