"""The base of all views: permissions, request bodies, answers and errors."""

from collections.abc import Callable, Collection, Mapping
from functools import cached_property, partial
from typing import Any, NoReturn, cast

from bson import ObjectId
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import NotFound
from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request as RestFrameworkRequest
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.settings import api_settings
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from chabad_auth_django.api.http import outcomes
from chabad_auth_django.api.http.browsable import BrowsableAPIRenderer
from chabad_auth_django.api.http.conditional import (
    Shape,
    changed,
    check_if_match,
    refuse_conditions,
    respond,
)
from chabad_auth_django.api.http.errors import exception_handler
from chabad_auth_django.api.http.idempotency import HEADER, once
from chabad_auth_django.api.http.parsing import JSONParser, discard_body
from chabad_auth_django.api.http.permissions import check_reaches
from chabad_auth_django.api.http.reading import ReadsFirst
from chabad_auth_django.api.http.rendering import ContentNegotiation, JSONRenderer, can_render_html
from chabad_auth_django.api.http.request import Request
from chabad_auth_django.api.http.request_line import check_request_line
from chabad_auth_django.api.http.swapping import FromSetting
from chabad_auth_django.api.http.validation import validate, validate_query
from chabad_auth_django.api.openapi.schema import NAMES, Schema
from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import DocumentChanged, PermissionDenied, ValidationError
from chabad_auth_django.models import User
from chabad_auth_django.models.base import Document
from chabad_auth_django.services.identity import audit
from chabad_auth_django.services.identity.audit import Actor
from chabad_auth_django.validators import to_object_id, validate_name

READ = ("GET", "HEAD", "OPTIONS")
WRITE = ("POST", "PUT", "PATCH", "DELETE")
ALL_METHODS = (*READ, *WRITE)


class APIViewMixin(APIView):
    """Use our request and our errors, whatever the host configures for its own views."""

    schema: Any = Schema()

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Return DRF's request, with ``None`` as the anonymous user."""
        return Request(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def initial(self, request: RestFrameworkRequest, *args: Any, **kwargs: Any) -> None:
        """Check the caller, and refuse a path or query that can be read in two ways."""
        super().initial(request, *args, **kwargs)
        self.check_request_line(request)

    def check_request_line(self, request: RestFrameworkRequest) -> None:
        """Refuse a path or a query that can be read in two ways."""
        check_request_line(request)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        """Return our exception handler."""
        return exception_handler

    def get_renderers(self) -> list[Any]:
        """Return the renderers that the host project wants, and has what they take."""
        renderers = super().get_renderers()
        if conf.BROWSABLE_API and can_render_html("rest_framework"):
            return renderers
        return [item for item in renderers if not isinstance(item, BrowsableAPIRenderer)]

    def finalize_response(
        self, request: RestFrameworkRequest, response: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Return the answer, which drops the view and the request when it was rendered."""
        final = super().finalize_response(request, response, *args, **kwargs)
        discard_body(request)
        if isinstance(final, Response):
            final.add_post_render_callback(_release)
        return final


class APIViewSet(ReadsFirst, APIViewMixin, ViewSet):
    """Base of every view of the API. A host project may subclass and tune any attribute."""

    authentication_classes: Any = FromSetting("AUTHENTICATION_CLASSES")
    permission_classes: Any = FromSetting("PERMISSION_CLASSES")
    throttle_classes: Any = FromSetting("THROTTLE_CLASSES")
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer, BrowsableAPIRenderer]
    content_negotiation_class = ContentNegotiation
    versioning_class = None
    metadata_class = SimpleMetadata

    #: A shared cache may not keep an answer; a browser's may, and must ask whether it is valid.
    cache_control = "private, no-cache"

    #: The word before the colon in the permissions that open this view to others than the owner.
    resource = "users"
    #: One permission for all methods instead.
    permission: str | None = None
    #: The methods that owners may use.
    owner_may: Collection[str] = ALL_METHODS
    #: The methods that take all permissions of the user they act on.
    acts: Collection[str] = WRITE
    #: Whether the view serves a user who was deleted.
    user_may_be_gone = False
    #: Method -> what the audit trail calls it, where the view or the service records it itself.
    audited: Mapping[str, str] = {}
    #: Whether a body may have a secret, which no page shows again.
    takes_secrets = False
    #: Whether other actions on another user are recorded.
    records_others = True
    #: The other user on whom the request acts.
    target: User | None = None
    #: What was recorded of this request.
    entry: audit.Recorded | None = None

    @property
    def default_response_headers(self) -> dict[str, str]:
        """The headers of every answer, errors too."""
        headers = super().default_response_headers
        vary = ", ".join(filter(None, [headers.get("Vary"), "Authorization", "Cookie"]))
        return {**headers, "Cache-Control": self.cache_control, "Vary": vary}

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Return our request; ``action`` names the method that will answer it."""
        self.action = self.action_map.get(str(request.method).lower(), "")
        return super().initialize_request(request, *args, **kwargs)

    # An error report shows the variables of every frame, unless a caller of it says this.
    @sensitive_variables()
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the request within ``CHABAD_AUTH["REQUEST_TIMEOUT"]`` seconds of MongoDB."""
        with (
            outcomes.counted(request) as answers,
            connection.time_limit(conf.REQUEST_TIMEOUT),
            audit.acting_as(audit.SYSTEM),
        ):
            answers.append(super().dispatch(request, *args, **kwargs))
            return answers[0]

    def perform_authentication(self, request: RestFrameworkRequest) -> None:
        """Authenticate the caller, who is the actor of the audit trail."""
        super().perform_authentication(request)
        if not request.user:
            return
        if not isinstance(request.user, User):
            raise ImproperlyConfigured(
                "A class in CHABAD_AUTH['AUTHENTICATION_CLASSES'] returns no User of "
                "chabad_auth_django.models."
            )
        audit.become(Actor.user(self.caller.id))

    def permission_denied(
        self, request: RestFrameworkRequest, message: str | None = None, code: str | None = None
    ) -> NoReturn:
        """Refuse the request; record the user it would have acted on."""
        method = str(request.method)
        if request.user and method in self.acts:
            # Otherwise refusals are not throttled, and could fill the audit trail.
            self.check_throttles(request)
            name = self.kwargs.get("user", "")
            audit.refuse(
                action=self.audited.get(method, "data.change"),
                user_id=self.user_id if name == "me" or ObjectId.is_valid(name) else None,
                error=PermissionDenied(),
            )
        super().permission_denied(request, message, code)

    def initial(self, request: RestFrameworkRequest, *args: Any, **kwargs: Any) -> None:
        """Check the caller; do a write with an ``Idempotency-Key`` only once."""
        super().initial(request, *args, **kwargs)
        method = str(request.method)
        for name in kwargs.keys() & NAMES:
            validate_name(kwargs[name])
        # REST framework calls the attribute that has the name of the method. Where there is none,
        # it answers 405.
        name = method.lower()
        handler = getattr(self, name, None)
        if method in WRITE and handler is not None:
            self._refuse_unknown(request, handler)
        if method in self.acts and request.user and handler is not None:
            if "user" in self.kwargs:
                handler = partial(self._act, handler)
            if method in WRITE and HEADER in request.META:
                handler = once(handler)
            setattr(self, name, handler)

    def _refuse_unknown(
        self, request: RestFrameworkRequest, handler: Callable[..., Response]
    ) -> None:
        """Refuse a precondition that the write would have to ignore."""
        refuse_conditions(request, getattr(handler, "conditions", ()))
        takes_body = getattr(handler, "takes_body", True)
        if not takes_body and isinstance(request.data, dict) and "version" in request.data:
            raise ValidationError(errors={"version": "This request does not take it."})

    def _act(
        self, handler: Callable[..., Response], request: RestFrameworkRequest, **kwargs: Any
    ) -> Response:
        action = self.audited.get(str(request.method))
        is_recorded = action is None and self.records_others and self.user_id != self.caller.id
        if action is None and self.user_id == self.caller.id:
            return handler(request, **kwargs)

        def run() -> Response:
            self.target = check_reaches(request, self)
            if is_recorded:
                self.record("data.change", resource=self.resource)
            return handler(request, **kwargs)

        with audit.attempt(action=action or "data.change", user_id=self.user_id):
            return atomic(run)() if action or is_recorded else run()

    @property
    def caller(self) -> User:
        """The user who calls."""
        return cast(User, self.request.user)

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

    def record(self, action: str, **details: Any) -> None:
        """Record that the caller does the action to the user of the path."""
        self.entry = audit.record(action=action, user_id=self.user_id, **details)

    def found(self, row: Any) -> Any:
        """Return what was read; raise ``NotFound`` for ``None``."""
        if row is None:
            raise NotFound
        return row

    def change(
        self, document: Document, shape: Shape, operation: str, *arguments: Any, **options: Any
    ) -> Response:
        """Call the document's operation as ``If-Match`` allows; return what is stored then.

        With that header a read comes before, and the operation happens only to what was read. Where
        it returns ``False`` nothing was to be changed, and nothing is recorded.
        """
        if "HTTP_IF_MATCH" in self.request.META:
            document.refresh()
            document.expected = self.found(document.stored)
            check_if_match(self.request, document.expected, shape)
        try:
            if getattr(document, operation)(*arguments, **options) is False and self.entry:
                self.entry.withdraw()
        except DocumentChanged:
            raise changed(document.stored, shape) from None
        return respond(self.request, self.found(document.stored), shape)

    def read_body(self, serializer_class: type[Serializer[Any]]) -> dict[str, Any]:
        """Return the validated body; raise ``ValidationError`` (400)."""
        data = self.request.data
        # No body, declared a form: REST framework would take an absent boolean for a false one.
        return validate(serializer_class, {} if isinstance(data, QueryDict) else data)

    def read_query(self, serializer_class: type[Serializer[Any]]) -> dict[str, Any]:
        """Return the validated query parameters; raise ``ValidationError`` (400)."""
        query = dict(self.request.query_params.items())
        # How the browsable API asks for a renderer.
        query.pop(str(api_settings.URL_FORMAT_OVERRIDE), None)
        return validate_query(serializer_class, query)


class NotFoundViewSet(APIViewSet):
    """Answers 404 below the paths of the API."""

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


def _release(response: Response) -> None:
    # View, request and answer refer to each other. The garbage collector would have to free them,
    # with all rows of a page, and that takes a fifth of the time of a list.
    context = vars(response).pop("renderer_context")
    vars(context["request"]).pop("parser_context")
    view = context["view"]
    for method in getattr(view, "action_map", ()):
        # The attribute is a method of the view itself.
        vars(view).pop(method, None)
