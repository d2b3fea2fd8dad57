"""Signing in and out, and the caller with its sessions."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.conditional import respond
from chabad_auth_django.api.http.fields import NameField, StrictSerializer, StringField
from chabad_auth_django.api.http.swapping import FromSetting
from chabad_auth_django.api.http.throttling import AccountThrottle, RefreshThrottle
from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.api.openapi.schema import describe, describe_read, errors
from chabad_auth_django.api.resources import shapes
from chabad_auth_django.api.resources.users import UserSerializer
from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import NotFound, ValidationError
from chabad_auth_django.models import Session
from chabad_auth_django.services.signing_in import flows, sessions
from chabad_auth_django.services.signing_in.callers import MAX_PASSWORD_LENGTH


class TokenLoginSerializer(StrictSerializer):
    """A token of a configured issuer."""

    token = StringField()
    appId = NameField(required=False, source="app_id")


class CredentialsLoginSerializer(StrictSerializer):
    """A username and a password that a backend of Django knows."""

    username = NameField()
    password = StringField(max_length=MAX_PASSWORD_LENGTH)
    appId = NameField(required=False, source="app_id")


class RefreshSerializer(StrictSerializer):
    """The refresh token of the last answer."""

    refreshToken = StringField(source="refresh_token")


class TokensSerializer(StrictSerializer):
    """What a signed-in client keeps."""

    accessToken = serializers.CharField()
    refreshToken = serializers.CharField()
    tokenType = serializers.CharField(help_text="`Bearer`.")
    expiresIn = serializers.IntegerField(help_text="Seconds.")
    user = UserSerializer()


class SessionSerializer(StrictSerializer):
    """A session: one sign-in on one device."""

    id = serializers.CharField()
    authMethod = serializers.CharField()
    userAgent = serializers.CharField(allow_null=True)
    createdAt = serializers.DateTimeField()
    lastUsedAt = serializers.DateTimeField()
    expiresAt = serializers.DateTimeField()
    current = serializers.BooleanField(help_text="Whether this request belongs to it.")


# The view's action "list" does not make it a list of these.
@extend_schema_serializer(many=False)
class SessionListSerializer(StrictSerializer):
    """The sessions of the caller."""

    results = SessionSerializer(many=True)


class RulesSerializer(StrictSerializer):
    """Role -> permissions that it grants."""

    roles = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))


class AuthView(APIViewSet):
    """Base of views whose answers no cache may keep."""

    cache_control = "private, no-store"


class TokensView(AuthView):
    """Base of views that give tokens to a caller whom the body identifies."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    takes_secrets = True

    def tokens(self, signed_in: flows.SignedIn) -> Response:
        """Return the answer to a client that is signed in now."""
        user = signed_in.user
        data = {
            "accessToken": signed_in.access_token,
            "refreshToken": signed_in.refresh_token,
            "tokenType": "Bearer",
            "expiresIn": conf.ACCESS_TOKEN_SECONDS,
            "user": shapes.user(user.stored or user.to_mongo()),
        }
        return Response(data)


class LoginViewSet(TokensView):
    """Signing in."""

    throttle_classes = FromSetting("THROTTLE_CLASSES", AccountThrottle)
    throttle_scope = "sign_in"

    @describe(
        operation_id="auth_login",
        request=PolymorphicProxySerializer(
            "ChabadLogin", [TokenLoginSerializer, CredentialsLoginSerializer], None
        ),
        responses={200: TokensSerializer, **errors(401, 403, 409)},
        auth=[],
    )
    def login(self, request: Request) -> Response:
        """Exchange an issuer's token, or a username and a password, for tokens of this API."""
        user_agent = request.META.get("HTTP_USER_AGENT")
        if isinstance(request.data, dict) and "token" in request.data:
            values = self.read_body(TokenLoginSerializer)
            return self.tokens(flows.sign_in_with_token(user_agent=user_agent, **values))
        values = self.read_body(CredentialsLoginSerializer)
        return self.tokens(
            flows.sign_in_with_credentials(
                request=request._request, user_agent=user_agent, **values
            )
        )


class RefreshViewSet(TokensView):
    """Renewing tokens."""

    throttle_classes = [RefreshThrottle]
    throttle_scope = "refresh"
    #: What the throttle read, if it counts.
    session: dict[str, Any] | None = None

    @describe(
        operation_id="auth_refresh",
        request=RefreshSerializer,
        responses={200: TokensSerializer, **errors(401)},
        auth=[],
    )
    def refresh(self, request: Request) -> Response:
        """Exchange a refresh token; one that was exchanged before ends its session."""
        return self.tokens(flows.refresh(session=self.session, **self.read_body(RefreshSerializer)))


class SessionViewSet(AuthView):
    """The caller and its sessions."""

    permission_classes = [IsAuthenticated]

    @describe_read("auth_me", UserSerializer)
    def me(self, request: Request) -> Response:
        """Show the caller."""
        return respond(request, self.found(self.caller.stored), shapes.user)

    @describe(operation_id="auth_rules", responses=RulesSerializer)
    def rules(self, request: Request) -> Response:
        """Show which role grants which permissions."""
        return Response({"roles": conf.ROLE_PERMISSIONS})

    @describe(operation_id="auth_logout", request=None, responses={204: None})
    def logout(self, request: Request) -> Response:
        """End the session of this request; its tokens are worthless at once."""
        if self._current is not None:
            flows.sign_out(user_id=self.caller.id, session_id=self._current)
        return Response(None, 204)

    @describe(operation_id="auth_sessions_list", responses=SessionListSerializer)
    def list(self, request: Request) -> Response:
        """List where the caller is signed in."""
        found = Session.find_live(self.caller.id)
        return Response({"results": [self._shape(session) for session in found]})

    @describe(operation_id="auth_sessions_revoke", responses={204: None})
    def destroy(self, request: Request, session: str) -> Response:
        """End a session of the caller."""
        try:
            sessions.revoke_session(user_id=self.caller.id, session_id=session)
        except ValidationError:
            raise NotFound from None
        return Response(None, 204)

    @describe(operation_id="auth_sessions_revoke_all", responses={204: None})
    def destroy_all(self, request: Request) -> Response:
        """End all sessions of the caller but this one."""
        sessions.revoke_all_sessions(user_id=self.caller.id, keep=self._current)
        return Response(None, 204)

    @property
    def _current(self) -> Any:
        """The session that the token belongs to; ``None`` for a session of the host project."""
        return getattr(self.request.auth, "session_id", None)

    def _shape(self, session: Session) -> dict[str, Any]:
        return {
            "id": session.id,
            "authMethod": session.auth_method,
            "userAgent": session.user_agent,
            "createdAt": session.created_at,
            "lastUsedAt": session.last_used_at,
            "expiresAt": session.expires_at,
            "current": session.id == self._current,
        }
