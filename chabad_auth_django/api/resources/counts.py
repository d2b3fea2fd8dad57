"""What is asked of counts of events, and how they are shown."""

from rest_framework import serializers

from chabad_auth_django.api.http.fields import (
    ChoiceField,
    DateTimeField,
    FlagField,
    StrictSerializer,
    StringField,
)
from chabad_auth_django.services.analytics import timeseries


class CountsQuerySerializer(StrictSerializer):
    """The range of a count."""

    start = DateTimeField(help_text="At this time or later.")
    end = DateTimeField(help_text="Before this time.")


class TimeseriesQuerySerializer(CountsQuerySerializer):
    """The range of a time series, and how it is divided."""

    bucket = ChoiceField([*timeseries.LONGEST], component="TimeseriesBucket", default="day")
    timeZone = StringField(
        max_length=64, default="UTC", help_text="In which a day begins, such as `Asia/Jerusalem`."
    )
    by = ChoiceField(timeseries.BY, component="TimeseriesBy", required=False)
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
