"""The block of a user."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.conditional import check_if_match, create_only, respond
from chabad_auth_django.api.http.errors import PreconditionFailed
from chabad_auth_django.api.http.fields import NameField, StrictSerializer, StringField
from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.api.openapi.schema import (
    CHANGED,
    CREATE_ONLY,
    ETAG,
    IF_MATCH,
    describe,
    describe_change,
    describe_read,
    errors,
)
from chabad_auth_django.api.resources import shapes
from chabad_auth_django.models import Block
from chabad_auth_django.models.block import TEXT_MAX_LENGTH
from chabad_auth_django.services.identity import blocking


class BlockSerializer(StrictSerializer):
    """Why a user is blocked: a code for programs, and a text for staff."""

    userId = serializers.CharField(read_only=True)
    reason = NameField(max_length=100)
    text = StringField(max_length=TEXT_MAX_LENGTH, allow_null=True, required=False)
    blockedBy = serializers.CharField(read_only=True, allow_null=True)
    createdAt = serializers.DateTimeField(read_only=True)


class BlockViewSet(APIViewSet):
    """The block of a user."""

    permission = "users:block"
    owner_may = ()
    audited = {"PUT": "user.block", "DELETE": "user.unblock"}

    @describe_read("block_retrieve", BlockSerializer)
    def retrieve(self, request: Request, user: str) -> Response:
        """Show why the user is blocked; 404 if the user is not. Takes `users:block`."""
        return respond(request, self.found(Block.read(userId=self.user_id)), shapes.block)

    @describe(
        operation_id="block_set",
        parameters=[IF_MATCH, CREATE_ONLY, ETAG],
        request=BlockSerializer,
        responses={200: BlockSerializer, 201: BlockSerializer, **errors(409), **CHANGED},
    )
    def update(self, request: Request, user: str) -> Response:
        """Block the user and end all sessions. Takes `users:block` and all that the user may do.

        Nobody can block themselves (403) or the last administrator (409).
        """
        values = self.read_body(BlockSerializer)
        self._check_preconditions()
        block, is_new = blocking.block_user(
            user_id=self.user_id, blocked_by=self.caller.id, **values
        )
        return respond(request, self.found(block.stored), shapes.block, 201 if is_new else 200)

    @describe_change("block_remove")
    def destroy(self, request: Request, user: str) -> Response:
        """Let the user sign in again; the sessions stay ended."""
        self._check_preconditions()
        blocking.unblock_user(user_id=self.user_id)
        return Response(None, 204)

    def _check_preconditions(self) -> None:
        stored: Any = None
        only_new = create_only(self.request)
        if only_new or "HTTP_IF_MATCH" in self.request.META:
            stored = Block.read(userId=self.user_id)
        if only_new and stored is not None:
            raise PreconditionFailed
        if "HTTP_IF_MATCH" in self.request.META:
            if stored is None:
                raise PreconditionFailed
            check_if_match(self.request, stored, shapes.block)
