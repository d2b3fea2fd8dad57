"""The views."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.contestants.cursors import next_link
from benchmarks.contestants.plain import works
from benchmarks.contestants.plain.documents import Activity, AppData, Profile
from benchmarks.contestants.plain.serializers import (
    ActivitySerializer,
    AppDataSerializer,
    ProfileSerializer,
    RangeSerializer,
)


class VersionConflict(APIException):
    """Another version is stored."""

    status_code = 409


class ActivitiesView(APIView):
    """Activities of the caller."""

    def get(self, request: Request) -> Response:
        """List them."""
        limit = min(int(request.query_params.get("limit", 100)), 1000)
        found = Activity.objects(user_id=request.user.id).order_by("-timestamp").limit(limit + 1)
        rows = list(found)
        link = None
        if len(rows) > limit:
            del rows[limit:]
            url = request.build_absolute_uri(request.path)
            link = next_link(url, limit, rows[-1].timestamp, rows[-1].id)
        results = ActivitySerializer(rows, many=True).data
        return Response({"results": results, "next": link, "previous": None})

    def post(self, request: Request) -> Response:
        """Store one, or a batch."""
        many = isinstance(request.data, list)
        serializer = ActivitySerializer(data=request.data, many=many)
        serializer.is_valid(raise_exception=True)
        user_id = request.user.id
        values: Any = serializer.validated_data
        documents = [Activity(user_id=user_id, **row) for row in (values if many else [values])]
        works.insert_activities(user_id, documents)
        if many:
            answer = {"accepted": len(documents), "duplicates": 0}
            return Response({**answer, "rejected": [], "rejectedCount": 0})
        return Response(ActivitySerializer(documents[0]).data, 201)


class ProfileView(APIView):
    """The profile of the caller."""

    def get(self, request: Request) -> Response:
        """Show it."""
        return Response(ProfileSerializer(_found(Profile, user_id=request.user.id)).data)


class AppDataView(APIView):
    """A value of an application."""

    def get(self, request: Request, app: str, key: str) -> Response:
        """Show it."""
        document = _found(AppData, user_id=request.user.id, app_id=app, data_key=key)
        return Response(AppDataSerializer(document).data)

    def put(self, request: Request, app: str, key: str) -> Response:
        """Store another in place of a version."""
        serializer = AppDataSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values: Any = serializer.validated_data
        name = {"user_id": request.user.id, "app_id": app, "data_key": key}
        try:
            document = works.replace_value(name, values["data_value"], values["version"])
        except AppData.DoesNotExist:
            raise VersionConflict from None
        return Response(AppDataSerializer(document).data)


class EventCountsView(APIView):
    """Analytics events of the caller."""

    def get(self, request: Request) -> Response:
        """Count them by name."""
        serializer = RangeSerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        values: Any = serializer.validated_data
        times = {"timestamp__gte": values["start"], "timestamp__lt": values["end"]}
        return Response(works.count(user_id=request.user.id, **times))


def _found(document: Any, **key: Any) -> Any:
    found = document.objects(**key).first()
    if found is None:
        raise Http404
    return found
