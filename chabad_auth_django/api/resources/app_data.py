"""App data: the values that applications keep for a user."""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from bson import ObjectId
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http import fields, paging
from chabad_auth_django.api.http.conditional import (
    changed,
    check_if_match,
    create_only,
    matches_any,
    respond,
)
from chabad_auth_django.api.http.parsing import JSONParser, MergePatchParser
from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.api.openapi.schema import (
    CHANGED,
    CONFLICT,
    CREATE_ONLY,
    ETAG,
    IF_MATCH,
    describe,
    describe_change,
    describe_read,
)
from chabad_auth_django.api.resources import shapes
from chabad_auth_django.db.cursors import decode
from chabad_auth_django.db.pages import PageQuery
from chabad_auth_django.db.reads import Read
from chabad_auth_django.db.transactions import in_transaction
from chabad_auth_django.exceptions import AlreadyExists, ValidationError, VersionConflict
from chabad_auth_django.exceptions import NotFound as DocumentNotFound
from chabad_auth_django.models import AppData
from chabad_auth_django.services.data import app_data
from chabad_auth_django.validators import validate_name


class AppDataSerializer(fields.StrictSerializer):
    """A value that an application keeps for a user."""

    id = serializers.CharField(read_only=True)
    userId = serializers.CharField(read_only=True)
    appId = serializers.CharField(read_only=True)
    dataKey = serializers.CharField(read_only=True)
    dataValue = fields.JSONValueField("APP_DATA_MAX_BYTES")
    version = serializers.IntegerField(read_only=True)
    createdAt = serializers.DateTimeField(read_only=True, allow_null=True)
    updatedAt = serializers.DateTimeField(read_only=True, allow_null=True)


class AppDataWriteSerializer(fields.StrictSerializer):
    """A new value, and the version that it replaces where that matters."""

    dataValue = fields.JSONValueField("APP_DATA_MAX_BYTES", source="data_value")
    version = fields.IntegerField(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text="Change only this version; 409 with what is stored otherwise.",
    )


class AppDataPageSerializer(fields.PageSerializer):
    """A page of values."""

    results = AppDataSerializer(many=True)


class AppDataQuerySerializer(fields.PageQuerySerializer):
    """The filters and the page of a list of values."""

    appId = fields.NameField(required=False, source="app_id")


class DeletedSerializer(fields.StrictSerializer):
    """How many values were deleted."""

    deleted = serializers.IntegerField()


class AppDataViewSet(APIViewSet):
    """The values of all applications."""

    resource = "app-data"

    @describe(
        operation_id="app_data_list",
        parameters=[AppDataQuerySerializer],
        responses=AppDataPageSerializer,
    )
    def list(self, request: Request, user: str) -> Response:
        """List values, of one application or of all."""
        return self._list(request)

    @cached_property
    def page(self) -> PageQuery:
        """The page that the path and the query ask for."""
        return self._page(**self.read_query(AppDataQuerySerializer))

    def first_read(self) -> Read | None:
        """Return what a list reads."""
        return self.page.read if self.action == "list" else None

    def _list(self, request: Request) -> Response:
        page = self.page.finish(self.read_first())
        return paging.respond(request, page, lambda rows: [shapes.app_data(row) for row in rows])

    def _page(
        self, cursor: str | None = None, app_id: str | None = None, **query: Any
    ) -> PageQuery:
        position = decode(cursor, ObjectId if app_id is None else str)
        return app_data.list_app_data(
            user_id=self.user_id, app_id=app_id, position=position, **query
        )


class ApplicationViewSet(AppDataViewSet):
    """The values of one application."""

    @cached_property
    def page(self) -> PageQuery:
        """The page that the path and the query ask for."""
        return self._page(app_id=self.kwargs["app"], **self.read_query(fields.PageQuerySerializer))

    @describe(
        operation_id="app_data_list_of_app",
        parameters=[fields.PageQuerySerializer],
        responses=AppDataPageSerializer,
    )
    def list(self, request: Request, user: str, app: str) -> Response:  # type: ignore[override]
        """List the values of the application."""
        return self._list(request)

    @describe(operation_id="app_data_delete_of_app", responses={200: DeletedSerializer})
    def destroy(self, request: Request, user: str, app: str) -> Response:
        """Delete all values of the application."""
        return Response({"deleted": AppData.delete_app_data(self.user_id, app)})


class AppDataValueViewSet(APIViewSet):
    """One value."""

    resource = "app-data"
    parser_classes = [JSONParser, MergePatchParser]

    @property
    def key(self) -> dict[str, Any]:
        """The user, the application and the key that the path names."""
        return {
            "user_id": self.user_id,
            "app_id": self.kwargs["app"],
            "data_key": self.kwargs["key"],
        }

    def first_read(self) -> Read | None:
        """Return how the value is read that is shown, merged into, or compared with a tag."""
        has_tag = "HTTP_IF_MATCH" in self.request.META
        reads = has_tag or self.action in ("retrieve", "partial_update")
        if not reads:
            return None
        app_id, data_key = map(validate_name, (self.kwargs["app"], self.kwargs["key"]))
        return AppData.reading(userId=self.user_id, appId=app_id, dataKey=data_key)

    @describe_read("app_data_retrieve", AppDataSerializer)
    def retrieve(self, request: Request, user: str, app: str, key: str) -> Response:
        """Show a value; its `ETag` begins with its version."""
        return respond(request, self.found(self.read_first().row()), shapes.app_data)

    @describe(
        operation_id="app_data_set",
        parameters=[IF_MATCH, CREATE_ONLY, ETAG],
        request={"application/json": AppDataWriteSerializer},
        responses={200: AppDataSerializer, 201: AppDataSerializer, **CONFLICT, **CHANGED},
    )
    def update(self, request: Request, user: str, app: str, key: str) -> Response:
        """Store a value, whatever is there, unless a version is expected."""
        values = self.read_body(AppDataWriteSerializer)
        version = values.pop("version", None)
        only_new = create_only(request)
        write: Callable[..., AppData]
        has_condition = version is not None or "HTTP_IF_MATCH" in request.META
        if only_new and has_condition:
            message = "What must not exist has no version: send one condition."
            raise ValidationError(errors={"If-None-Match": message})
        if only_new:
            if in_transaction() and (stored := self._read()) is not None:
                # There a duplicate key would end what it could be read in.
                raise changed(stored, shapes.app_data)
            write = partial(AppData.create_app_data, **self.key)
        elif expected := self._expected(version):
            write = partial(AppData.replace_app_data, expected)
        elif has_condition:
            write = partial(AppData.update_app_data, **self.key, expected_version=version)
        else:
            write = partial(AppData.upsert_app_data, **self.key)
        try:
            document = write(**values)
        except (AlreadyExists, VersionConflict, DocumentNotFound):
            if only_new or "HTTP_IF_MATCH" in request.META:
                raise changed(self._read(), shapes.app_data) from None
            raise
        if document.stored is None:
            return respond(request, document.to_mongo(), shapes.app_data, 201)
        return respond(request, document.stored, shapes.app_data)

    @describe(
        operation_id="app_data_patch",
        parameters=[IF_MATCH, ETAG],
        request={
            "application/json": AppDataWriteSerializer,
            "application/merge-patch+json": AppDataWriteSerializer,
        },
        responses={200: AppDataSerializer, **CONFLICT, **CHANGED},
    )
    def partial_update(self, request: Request, user: str, app: str, key: str) -> Response:
        """Merge `dataValue` into the stored value (RFC 7396): `null` removes a member."""
        values = self.read_body(AppDataWriteSerializer)
        version, patch = values.get("version"), values["data_value"]
        try:
            if expected := self._expected(version):
                document = AppData.merge_app_data(expected, patch)
            else:
                row = self.read_first().row()
                document = app_data.merge_app_data(
                    **self.key,
                    patch=patch,
                    expected_version=version,
                    stored=AppData.from_stored(row) if row else None,
                )
        except VersionConflict:
            if "HTTP_IF_MATCH" in request.META:
                raise changed(self._read(), shapes.app_data) from None
            raise
        return respond(request, self.found(document.stored), shapes.app_data)

    @describe_change("app_data_delete")
    def destroy(self, request: Request, user: str, app: str, key: str) -> Response:
        """Delete a value."""
        expected = self._expected()
        if expected is not None:
            deleted = int(AppData.delete_unchanged(expected))
        else:
            deleted = AppData.delete_app_data(**self.key)
        if not deleted:
            if "HTTP_IF_MATCH" in request.META:
                raise changed(self._read(), shapes.app_data)
            raise NotFound
        return Response(None, 204)

    def _expected(self, version: int | None = None) -> AppData | None:
        """Return what is stored if ``If-Match`` has its tag; ``None`` without one, and for ``*``.

        Raises ``PreconditionFailed`` for another tag, and where it has not the version of the body.
        """
        if "HTTP_IF_MATCH" not in self.request.META or matches_any(self.request):
            return None
        row = self.read_first().row()
        if row is None:
            raise changed(None, shapes.app_data)
        check_if_match(self.request, row, shapes.app_data)
        if version is not None and row.get("version") != version:
            raise changed(row, shapes.app_data)
        return AppData.from_stored(row)

    def _read(self) -> shapes.Row | None:
        return AppData.read_key(**self.key)
