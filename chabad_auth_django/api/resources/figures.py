"""Active users and retention."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.fields import ChoiceField, FlagField, StrictSerializer, StringField
from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.api.openapi.schema import ARCHIVED, describe
from chabad_auth_django.api.resources.counts import CountsQuerySerializer
from chabad_auth_django.models.rollup import KEYS
from chabad_auth_django.services.analytics import active_users


class FiguresQuerySerializer(CountsQuerySerializer):
    """The buckets, and the events that make a user active."""

    bucket = ChoiceField(choices=active_users.BUCKETS, default="day")
    timeZone = StringField(
        source="time_zone",
        max_length=64,
        default="UTC",
        help_text="In which a day begins, such as `Asia/Jerusalem`.",
    )
    by = ChoiceField(
        choices=KEYS, required=False, help_text="Count only events whose field of this name …"
    )
    value = StringField(required=False, help_text="… has this value; without `value`, null.")


class ActiveUsersQuerySerializer(FiguresQuerySerializer):
    """What is asked of active users."""

    firstTime = FlagField(
        source="first_time",
        default=False,
        help_text="Tell who was never active before from who comes back.",
    )


class RetentionQuerySerializer(FiguresQuerySerializer):
    """What is asked of retention."""

    cohort = ChoiceField(
        choices=active_users.COHORTS,
        default="active",
        help_text="All who are active in the bucket, or those who never were before.",
    )
    periods = serializers.IntegerField(min_value=1, max_value=active_users.MAX_PERIODS, default=30)


class ActiveUsersSerializer(StrictSerializer):
    """How many users were active in a bucket."""

    optional = ("week", "month", "stickiness", "firstTime", "returning")

    time = serializers.DateTimeField(help_text="When the bucket begins.")
    users = serializers.IntegerField()
    week = serializers.IntegerField(
        required=False, help_text="In the 7 days that end with the day; of days only."
    )
    month = serializers.IntegerField(required=False, help_text="The same for 30 days.")
    stickiness = serializers.FloatField(required=False, help_text="`users` divided by `month`.")
    firstTime = serializers.IntegerField(required=False, help_text="With `firstTime` only.")
    returning = serializers.IntegerField(required=False, help_text="With `firstTime` only.")


class RetentionSerializer(StrictSerializer):
    """How many users of a bucket were active in the later ones."""

    time = serializers.DateTimeField(help_text="When the bucket begins.")
    users = serializers.IntegerField()
    retained = serializers.ListField(
        child=serializers.IntegerField(), help_text="In the next bucket, the one after it, …"
    )


class FiguresViewSet(APIViewSet):
    """Figures across all users."""

    resource = "analytics"

    @describe(
        parameters=[ActiveUsersQuerySerializer],
        responses={200: ActiveUsersSerializer(many=True), **ARCHIVED},
    )
    def active_users(self, request: Request) -> Response:
        """Count the different users of each whole bucket that begins in the range."""
        query = self.read_query(ActiveUsersQuerySerializer)
        return Response(active_users.get_active_users(**query))

    @describe(
        parameters=[RetentionQuerySerializer],
        responses={200: RetentionSerializer(many=True), **ARCHIVED},
    )
    def retention(self, request: Request) -> Response:
        """Count how many users of each whole bucket are active in the later ones."""
        query = self.read_query(RetentionQuerySerializer)
        return Response(active_users.get_retention(**query))
