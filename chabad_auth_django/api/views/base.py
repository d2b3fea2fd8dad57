"""What every view shares: who may call it, how it reads, answers and fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, NoReturn, cast

import pymongo
from bson import ObjectId
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.openapi import AutoSchema
from rest_framework.exceptions import NotFound
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request as RestFrameworkRequest
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from chabad_auth_django.api.authentication import BearerAuthentication, SessionAuthentication
from chabad_auth_django.api.conditional import Shape, changed, check_if_match, respond
from chabad_auth_django.api.errors import exception_handler
from chabad_auth_django.api.parsing import JSONParser
from chabad_auth_django.api.permissions import OwnerOrPermission
from chabad_auth_django.api.rendering import JSONRenderer
from chabad_auth_django.api.throttling import ScopedThrottle
from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import User
from chabad_auth_django.models.base import Document
from chabad_auth_django.validators import to_object_id

logger = logging.getLogger("chabad_auth_django.api")

READ = ("GET", "HEAD", "OPTIONS")
ALL_METHODS = (*READ, "POST", "PUT", "PATCH", "DELETE")


class Request(RestFrameworkRequest):
    """A request whose ``user`` is our ``User``, or ``None``."""

    def _not_authenticated(self) -> None:
        # DRF would make contrib.auth's AnonymousUser, which needs contrib.auth installed.
        self._authenticator = self.auth = None
        setattr(self, "user", None)  # noqa: B010 — not what DRF's types expect


class APIViewMixin(APIView):
    """What ties a view to our request and our errors, whatever the host configures for its own."""

    schema: Any = AutoSchema()

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Return DRF's request with our notion of an anonymous user."""
        return Request(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        """Return our exception handler."""
        return exception_handler

    def raise_uncaught_exception(self, exc: Exception) -> NoReturn:
        """Raise a bug on to Django, which logs it."""
        raise exc


class APIViewSet(APIViewMixin, ViewSet):
    """Base of every view of the API. A host project may subclass and tune any attribute."""

    authentication_classes = [BearerAuthentication, SessionAuthentication]
    permission_classes = [OwnerOrPermission]
    throttle_classes = [ScopedThrottle]
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer, BrowsableAPIRenderer]
    content_negotiation_class = DefaultContentNegotiation
    versioning_class = None
    metadata_class = None

    #: The word before the colon in the permissions that open this view to others than the owner.
    resource = "users"
    #: The methods that owners may use.
    owner_may: Collection[str] = ALL_METHODS

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the request within ``CHABAD_AUTH["REQUEST_TIMEOUT"]`` seconds of MongoDB."""
        with pymongo.timeout(conf.REQUEST_TIMEOUT):
            return super().dispatch(request, *args, **kwargs)

    @property
    def caller(self) -> User:
        """The user who calls."""
        user: Any = self.request.user
        return cast(User, user)

    @cached_property
    def user_id(self) -> ObjectId:
        """The id of the user that the path names; ``me`` is the caller.

        Raises ``NotFound`` for a malformed id; the permission has let the caller through by then.
        """
        name = self.kwargs["user"]
        if name == "me":
            return self.caller.id
        try:
            return to_object_id(name)
        except ValidationError:
            raise NotFound from None

    def found(self, row: Any) -> Any:
        """Return what was read; raise ``NotFound`` for ``None``."""
        if row is None:
            raise NotFound
        return row

    def patch_document(
        self,
        document: Document,
        values: Mapping[str, Any],
        shape: Shape,
        merge: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Response:
        """Change a document as ``If-Match`` allows, and return it.

        Without that header it takes one command; with it a read comes before, and the change
        happens only to what was read.
        """
        expected = None
        if "HTTP_IF_MATCH" in self.request.META:
            document.refresh()
            expected = document.stored
            check_if_match(self.request, self.found(expected), shape)
        if not document.patch(values, merge=merge, expected=expected):
            raise changed(document.stored, shape)
        return respond(self.request, self.found(document.stored), shape)

    def read_body(self, serializer_class: type[Serializer[Any]]) -> dict[str, Any]:
        """Return the validated body; raise ``ValidationError`` (400)."""
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def read_query(self, serializer_class: type[Serializer[Any]]) -> dict[str, Any]:
        """Return the validated query parameters; raise ``ValidationError`` (400)."""
        serializer = serializer_class(data=dict(self.request.query_params.items()))
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class NotFoundViewSet(APIViewSet):
    """Whatever path the API does not have."""

    permission_classes: list[Any] = []
    authentication_classes: list[Any] = []
    throttle_classes: list[Any] = []
    schema: Any = None

    def initial(self, request: RestFrameworkRequest, *args: Any, **kwargs: Any) -> None:
        """Refuse every method alike."""
        super().initial(request, *args, **kwargs)
        raise NotFound("There is nothing here. Paths end with a slash.")

    def list(self, request: RestFrameworkRequest) -> Response:
        """Never called."""
        raise NotFound
