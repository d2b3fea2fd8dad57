"""Queries and answers of counts of events."""

from rest_framework import serializers

from chabad_auth_django.api.http import fields
from chabad_auth_django.services.analytics import timeseries


class CountsQuerySerializer(fields.StrictSerializer):
    """The range of a count."""

    start = fields.DateTimeField(help_text="At this time or later.")
    end = fields.DateTimeField(help_text="Before this time.")


class TimeseriesQuerySerializer(CountsQuerySerializer):
    """The range of a time series, and how it is divided."""

    bucket = fields.ChoiceField([*timeseries.LONGEST], component="TimeseriesBucket", default="day")
    timeZone = fields.StringField(
        max_length=64, default="UTC", help_text="In which a day begins, such as `Asia/Jerusalem`."
    )
    by = fields.ChoiceField(timeseries.BY, component="TimeseriesBy", required=False)
    distinct = fields.FlagField(
        default=False, help_text="Count the different users and sessions too, which takes longer."
    )


class TimeseriesSerializer(fields.StrictSerializer):
    """How many events a bucket has, or those of one application, name or category in it."""

    optional = (*timeseries.BY, "users", "sessions")

    time = fields.DateTimeField(help_text="When the bucket begins.")
    eventName = serializers.CharField(allow_null=True, required=False)
    eventCategory = serializers.CharField(allow_null=True, required=False)
    appId = serializers.CharField(allow_null=True, required=False)
    count = serializers.IntegerField()
    users = serializers.IntegerField(required=False, help_text="With `distinct` only.")
    sessions = serializers.IntegerField(required=False, help_text="With `distinct` only.")


class EventCountSerializer(fields.StrictSerializer):
    """How often an event happened."""

    eventName = serializers.CharField()
    count = serializers.IntegerField()


class CategoryCountSerializer(fields.StrictSerializer):
    """How often events of a category happened."""

    category = serializers.CharField()
    count = serializers.IntegerField()
