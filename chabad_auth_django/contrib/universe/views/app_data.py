"""The values that applications keep for a user."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.conditional import respond
from chabad_auth_django.api.http.fields import (
    IntegerField,
    JSONValueField,
    NameField,
    StrictSerializer,
)
from chabad_auth_django.api.http.request_line import check_encoding
from chabad_auth_django.contrib.universe.mapping import app_data
from chabad_auth_django.contrib.universe.mapping.shared import ClientSerializer, Row
from chabad_auth_django.contrib.universe.openapi import conflict, describe, describe_read
from chabad_auth_django.contrib.universe.views.base import ClientViewSet
from chabad_auth_django.models import AppData


class EntryChangeSerializer(ClientSerializer):
    """A value, and the version that it replaces where that matters."""

    namespace = NameField()
    data = JSONValueField("APP_DATA_MAX_BYTES")  # type: ignore[assignment]
    version = IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=2**63 - 1,
        help_text="Change only this version; 0: store only what is not there yet.",
    )


class EntrySerializer(StrictSerializer):
    """A value."""

    userId = serializers.CharField()
    appId = serializers.CharField()
    namespace = serializers.CharField()
    data = JSONValueField("APP_DATA_MAX_BYTES")  # type: ignore[assignment]
    version = serializers.IntegerField(allow_null=True)
    createdAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()


# The view's action "list" does not make it a list of answers.
@extend_schema_serializer(many=False)
class EntriesAnswerSerializer(StrictSerializer):
    """The values of an application."""

    optional = ("truncated",)

    success = serializers.BooleanField()
    data = EntrySerializer(many=True)  # type: ignore[assignment]
    truncated = serializers.BooleanField(required=False, help_text="`true`: there are more.")


class EntryAnswerSerializer(StrictSerializer):
    """A value as it is stored."""

    success = serializers.BooleanField()
    data = EntrySerializer()  # type: ignore[assignment]


class DeletedAnswerSerializer(StrictSerializer):
    """How many values were deleted."""

    success = serializers.BooleanField()
    deleted = serializers.IntegerField()


class AppDataViewSet(ClientViewSet):
    """The values of one application."""

    resource = "app-data"

    @describe_read("client_app_data", EntriesAnswerSerializer)
    def list(self, request: Request, user: str, app: str) -> Response:
        """List the values: as many as a setting says, of 8 MiB at most."""
        return respond(request, app_data.read_all(self.user_id, app), self._shape)

    @describe(
        operation_id="client_app_data_store",
        request=EntryChangeSerializer,
        responses={200: EntryAnswerSerializer, **conflict()},
    )
    def create(self, request: Request, user: str, app: str) -> Response:
        """Store a value, whatever is there, unless a version is expected."""
        values = self.read_body(EntryChangeSerializer)
        row = app_data.store(
            self.user_id, app, values["namespace"], values["data"], values.get("version")
        )
        return Response({"success": True, "data": app_data.shape(row)})

    def _shape(self, found: Row) -> dict[str, Any]:
        shaped = {"success": True, "data": [app_data.shape(row) for row in found["rows"]]}
        return {**shaped, "truncated": True} if found["more"] else shaped


class ValueViewSet(ClientViewSet):
    """One value."""

    resource = "app-data"

    @describe(operation_id="client_app_data_delete", responses=DeletedAnswerSerializer)
    def destroy(self, request: Request, user: str, app: str, namespace: str) -> Response:
        """Delete the value; that there is none is no error, or the clients would keep it."""
        name = app_data.namespace_of(namespace, request.META.get("QUERY_STRING", ""))
        deleted = AppData.delete_app_data(self.user_id, app, name)
        return Response({"success": True, "deleted": deleted})

    def check_request_line(self, request: Request) -> None:
        """Refuse bytes that are no text; the query is a part of a name here."""
        check_encoding(request)
