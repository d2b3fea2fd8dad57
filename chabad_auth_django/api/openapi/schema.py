"""The OpenAPI description of every endpoint.

``SchemaView`` serves it, and ``manage.py spectacular --custom-settings
chabad_auth_django.api.openapi.schema.SETTINGS`` writes it to a file.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import SPECTACULAR_DEFAULTS
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import serializers

from chabad_auth_django import __version__
from chabad_auth_django.api.openapi.errors import ERROR, PRECONDITION_FAILED, VERSION_CONFLICT
from chabad_auth_django.api.openapi.examples import add_examples
from chabad_auth_django.api.openapi.extensions import KEY_PATTERN, NAME_PATTERN
from chabad_auth_django.conf import conf

TITLE = "ChabadUniverse users"

DESCRIPTION = """\
Users and what they share: profile, preferences, events and app data.

**To get a token** send `POST auth/login/` a `token` of an issuer that the project knows, or the
`username` and `password` of an account of the project. Then send the `accessToken` with each
request: `Authorization: Bearer …`. It is good for 15 minutes by default; `POST auth/refresh/`
exchanges the `refreshToken` for new ones. To try the API out, `manage.py chabad_issue_token USER`
prints a token.

**Errors** are `{"code", "detail", "errors"?}`: `code` is for programs, and `errors` says what is
wrong with which field.

**Repeat a write** safely with an `Idempotency-Key`: it happens once.
"""

#: Tag of operations -> its description. The tag is the part of the path that names a resource.
TAGS = {
    "auth": "Signing in and out, and what the caller is and may do.",
    "users": "Users, what is granted to them, and their authentication methods.",
    "profile": "How a user appears to others.",
    "preferences": "What a user likes: theme, language, notifications, widgets, favourite apps.",
    "app-data": "Values that applications keep for a user, each with a version.",
    "activities": "What a user did. An activity expires.",
    "analytics": "Events for statistics.",
    "audit": "Who did what to whom.",
    "health": "For load balancers and orchestrators.",
}

#: All settings of drf-spectacular: the host project's ``SPECTACULAR_SETTINGS`` are for its API.
SETTINGS: dict[str, Any] = {
    **{
        name: value
        for name, value in SPECTACULAR_DEFAULTS.items()
        if not name.startswith("SERVE_") and name != "DEFAULT_GENERATOR_CLASS"
    },
    "TITLE": TITLE,
    "DESCRIPTION": DESCRIPTION,
    "VERSION": __version__,
    "TAGS": [{"name": name, "description": text} for name, text in TAGS.items()],
    "PREPROCESSING_HOOKS": ["chabad_auth_django.api.openapi.schema.only_ours"],
    # What is sent and what is answered differ: in what is required, read-only, and unknown.
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

_DESCRIPTIONS = {
    304: "The resource still has this `ETag`.",
    400: "The request is invalid; `errors` says what, by field.",
    401: "No valid token or session.",
    403: "The caller may not do this.",
    404: "There is no such resource.",
    409: "The change conflicts with what is stored, or with the same request still running.",
    411: "The body has no `Content-Length`.",
    412: "The precondition in `If-Match` or `If-None-Match` does not hold.",
    413: "The body, or what it would make, is too large.",
    415: "The body has another content type than JSON.",
    422: "The `Idempotency-Key` was used with another request.",
    429: "Too many requests; see `Retry-After`.",
    503: "The database does not answer now; see `Retry-After`.",
}

_RETRY_AFTER = {
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds.", "required": True}
}


def errors(*statuses: int, error: Any = ERROR) -> dict[int, OpenApiResponse]:
    """Return the errors that only this endpoint has; ``Schema`` adds the common ones."""
    return {
        status: OpenApiResponse(error, description=_DESCRIPTIONS[status]) for status in statuses
    }


#: 409 with what is stored now.
CONFLICT = {409: OpenApiResponse(VERSION_CONFLICT, description=_DESCRIPTIONS[409])}
#: 409 where a count would need events that are in archives.
ARCHIVED = {
    409: OpenApiResponse(
        ERROR, description="Some of the events are archived: only whole days in UTC can be counted."
    )
}
#: 412 with what is stored now.
CHANGED = {412: OpenApiResponse(PRECONDITION_FAILED, description=_DESCRIPTIONS[412])}
#: 304 without a body.
NOT_MODIFIED = {304: OpenApiResponse(description=_DESCRIPTIONS[304])}


def header(name: str, description: str, **options: Any) -> OpenApiParameter:
    """Return a header: of the request, or with ``response`` of the answers with these statuses."""
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description, **options)


IF_MATCH = header(
    "If-Match",
    "Change only what still has this `ETag`, else 412.",
    examples=[OpenApiExample("The version of app data", '"2"')],
)
IF_NONE_MATCH = header("If-None-Match", "Answer 304 to a reader who has this `ETag`.")
CREATE_ONLY = header("If-None-Match", "Store only what is not there yet, else 412.", enum=["*"])
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description="The same key with the same request again within a day is answered as the first "
    "time and changes nothing.",
    examples=[OpenApiExample("A UUID", "0190a7c4-6f5e-7b1c-9d0a-3f2e1d4c5b6a")],
)
ETAG = header(
    "ETag", "What `If-Match` and `If-None-Match` take.", required=True, response=[200, 201, 304]
)


#: The variable parts of the paths.
SEGMENTS = {
    "user": "The id of a user, or `me`.",
    "session": "The id of a session.",
    "identity": "The id of an identity, from the list.",
    "role": "A role.",
    "permission": "A permission, such as `users:read`; `*` is all.",
    "method": "An authentication method.",
    "app": "The id of an application.",
    "widget": "The id of a widget.",
    "key": "A key.",
}

#: Those of them that are names; an id that is malformed is not found.
NAMES = frozenset(("role", "permission", "method", "app", "widget"))


def _segment(name: str, path: str, method: str, description: str) -> OpenApiParameter:
    schema: dict[str, Any] = {"type": "string", "minLength": 1}
    if name in NAMES or (name == "key" and "{app}" in path):
        schema |= {"maxLength": 255, "pattern": NAME_PATTERN}
    elif name == "key":
        schema["pattern"] = KEY_PATTERN
    if name == "method" and method == "PUT":
        schema["enum"] = list(conf.AUTH_METHODS)
    return OpenApiParameter(name, schema, OpenApiParameter.PATH, description=description)


class Schema(AutoSchema):
    """Describe what the base view does for every endpoint: errors, headers, parts of the path."""

    view: Any

    prefix = "Chabad"
    tags = TAGS
    error = ERROR
    segments = SEGMENTS

    def get_tags(self) -> list[str]:
        """Return what the path is about: the last of its parts that names a resource."""
        return [part for part in self.path.split("/") if part in self.tags][-1:]

    def get_operation_id(self) -> str:
        """Return the name of an operation that describes itself for more than one path."""
        name = "_".join([*self.get_tags(), self.view.action])
        return name if "{user}" in self.path else f"{name}_all"

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """Return a name that no serializer of the host project has in its own description."""
        return f"{self.prefix}{super().get_serializer_name(serializer, direction)}"

    def get_summary(self) -> str:
        """Return the first line of the method's docstring, which is no Markdown here."""
        return super().get_description().partition("\n")[0].replace("`", "")

    def get_description(self) -> str:  # type: ignore[override]
        """Return the rest of the method's docstring."""
        return super().get_description().partition("\n")[2].strip()

    def get_override_parameters(self) -> list[Any]:
        """Return the variable parts of the path, and what every write takes."""
        parameters = [
            _segment(name, self.path, self.method, description)
            for name, description in self.segments.items()
            if f"{{{name}}}" in self.path
        ]
        return [*parameters, IDEMPOTENCY_KEY] if self._is_idempotent else parameters

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Return the operation with the errors that every one of its kind has."""
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        # The host project's own users/ may be "users_list" in its description.
        operation["operationId"] = f"chabad_{operation['operationId']}"
        if self.method == "POST" and "requestBody" in operation:
            # The others take a missing body for an empty object.
            operation["requestBody"]["required"] = True
        for parameter in operation.get("parameters", ()):
            if parameter["schema"].get("type") == "array":
                parameter |= {"style": "form", "explode": False}
        add_examples(operation)
        # Without throttles it is a probe of the server's health, which declares its errors.
        if self.view.throttle_classes:
            schema = self.resolve_serializer(self.error, "response").ref
            for status in self._common_errors(operation):
                response = {
                    "description": _DESCRIPTIONS[status],
                    "content": {"application/json": {"schema": schema}},
                }
                if status in (429, 503):
                    response["headers"] = _RETRY_AFTER
                operation["responses"].setdefault(str(status), response)
        return operation

    @property
    def _is_idempotent(self) -> bool:
        return self.method != "GET" and bool(self.view.authentication_classes)

    def _common_errors(self, operation: dict[str, Any]) -> list[int]:
        has_query = any(item["in"] == "query" for item in operation.get("parameters", ()))
        has_name = any(f"{{{name}}}" in self.path for name in (*NAMES, "key"))
        return [
            *([400] if self.method != "GET" or has_query or has_name else []),
            *([401, 403] if self.view.authentication_classes else []),
            *([404] if "{" in self.path else []),
            *([409, 422] if self._is_idempotent else []),
            # Also of writes that take no body: whatever is sent with them is read.
            *([411, 413, 415] if self.method != "GET" else []),
            429,
            503,
        ]


F = TypeVar("F", bound=Callable[..., Any])

Serializer = type[serializers.Serializer[Any]]


def one_or_many(event: dict[str, Any]) -> list[OpenApiExample]:
    """Return the examples of a body that is one event, or a list of them."""
    return [
        OpenApiExample("One", event, request_only=True),
        OpenApiExample("A batch", [{**event, "messageId": "1"}, event], request_only=True),
    ]


#: The headers that make a request conditional.
CONDITIONS = frozenset(("If-Match", "If-None-Match"))


def describe(*, base: type[Schema] = Schema, **options: Any) -> Callable[[F], F]:
    """Return drf-spectacular's ``extend_schema`` for a method of a view, based on that of the view.

    ``extend_schema`` alone would be based on ``DEFAULT_SCHEMA_CLASS``, which the host project sets.
    A write refuses preconditions that are not in its description: the base view reads
    ``conditions`` and ``takes_body`` of the method.
    """

    def decorator(method: F) -> F:
        setattr(method, "schema", base)  # noqa: B010 — functions declare no attributes
        described: F = extend_schema(**options)(method)
        delattr(method, "schema")
        names = {item.name for item in options.get("parameters", ()) if hasattr(item, "name")}
        setattr(described, "conditions", names & CONDITIONS)  # noqa: B010
        setattr(described, "takes_body", options.get("request") is not None)  # noqa: B010
        for name, value in _request_of(options.get("request"), base.prefix).items():
            setattr(described, name, value)
        return described

    return decorator


def _request_of(request: Any, prefix: str) -> dict[str, Any]:
    """Return the component and the fields of a request's body, for the forms of the pages."""
    if isinstance(request, Mapping):
        request = next(iter(request.values()))
    if isinstance(request, PolymorphicProxySerializer):
        return {"request_component": f"{request.component_name}Request"}
    if request is None:
        return {}
    name = request.__name__.removesuffix("Serializer")
    fields = [name for name, field in request().fields.items() if not field.read_only]
    return {"request_component": f"{prefix}{name}Request", "request_fields": fields}


def only_ours(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Keep the endpoints of the API: the host project's views may describe themselves."""
    return [
        endpoint
        for endpoint in endpoints
        if getattr(endpoint[3], "cls", object).__module__.startswith("chabad_auth_django.api.")
    ]


def describe_read(
    operation_id: str, serializer: Serializer, *, base: type[Schema] = Schema
) -> Callable[[F], F]:
    """Describe the reading of one resource, which a client may ask for only if it has changed."""
    return describe(
        base=base,
        operation_id=operation_id,
        parameters=[IF_NONE_MATCH, ETAG],
        responses={200: serializer, **NOT_MODIFIED},
    )


def describe_change(
    operation_id: str,
    serializer: Serializer | None = None,
    *,
    request: Serializer | None = None,
    responses: Mapping[int, Any] | None = None,
) -> Callable[[F], F]:
    """Describe a change of one resource, which a client may tie to what it has seen.

    Without a serializer there is no answer but 204.
    """
    answer = {200: serializer} if serializer else {204: None}
    return describe(
        operation_id=operation_id,
        parameters=[IF_MATCH, ETAG] if serializer else [IF_MATCH],
        request=request,
        responses={**answer, **(responses or {}), **CHANGED},
    )
