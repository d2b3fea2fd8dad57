"""Signing in with a token of an issuer, for a cookie."""

from datetime import timedelta
from functools import cached_property
from typing import Any

from django.contrib.auth import SESSION_KEY
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.errors import status_of
from chabad_auth_django.api.http.fields import ChoiceField, StrictSerializer, StringField
from chabad_auth_django.contrib.universe import cookies
from chabad_auth_django.contrib.universe.callers import ClientAuthentication, Credential
from chabad_auth_django.contrib.universe.conf import conf
from chabad_auth_django.contrib.universe.mapping import identity as mapping
from chabad_auth_django.contrib.universe.openapi import client_errors, describe
from chabad_auth_django.contrib.universe.views.base import PrivateViewSet
from chabad_auth_django.contrib.universe.views.identity import LogoutViewSet
from chabad_auth_django.exceptions import ChabadAuthError
from chabad_auth_django.models import User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.identity import identities
from chabad_auth_django.services.identity.identity import Identity
from chabad_auth_django.services.signing_in import callers, flows, issuers


class TokenSerializer(StrictSerializer):
    """A token of a configured issuer."""

    token = StringField()


class SignedInSerializer(StrictSerializer):
    """A user who is signed in."""

    id = serializers.CharField()
    email = serializers.CharField()
    name = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())


class SignOnSerializer(StrictSerializer):
    """Whether there is a user who is signed in."""

    optional = ("user", "message")

    status = ChoiceField(["success", "error"], component="UniverseStatus")
    user = SignedInSerializer(required=False)
    message = serializers.CharField(required=False)


class SignedOutSerializer(StrictSerializer):
    """It is done."""

    status = serializers.CharField(help_text="`success`.")


class OptionalAuthentication(ClientAuthentication):
    """Authenticate whoever has anything that names them; let others in as nobody."""

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        """Return who calls, or ``None``; an outage is raised."""
        try:
            return super().authenticate(request)
        except ChabadAuthError as error:
            if status_of(error) >= 500:
                raise
            return None


class StatusViewSet(PrivateViewSet):
    """Who is signed in."""

    authentication_classes = [OptionalAuthentication]
    permission_classes: list[Any] = []

    @describe(operation_id="client_sso_status", responses=SignOnSerializer, auth=[])
    def status(self, request: Request) -> Response:
        """Show who is signed in; that nobody is, is no error."""
        if request.user is None:
            return Response({"status": "error", "message": "Not signed in."})
        return Response({"status": "success", "user": mapping.signed_in(self.caller)})


class SignOnViewSet(StatusViewSet):
    """Signing in."""

    throttle_scope = "sign_in"

    @describe(
        operation_id="client_sso_sign_in",
        request=TokenSerializer,
        responses={200: SignOnSerializer, **client_errors(401, 403, 409)},
        auth=[],
    )
    def sign_in(self, request: Request) -> Response:
        """Exchange an issuer's token for a cookie.

        The clients ask at every load of a page. Whoever has a cookie already is answered without
        another one, and is no new sign-in.
        """
        user = self._signed_in
        if user is not None:
            return self._answer(user)
        identity = self._identity
        time = now()
        seconds = conf.UNIVERSE_COOKIE_SECONDS
        if identity.expires_at is not None:
            seconds = min(seconds, int((identity.expires_at - time).total_seconds()))
        seconds = max(seconds, 1)
        signed_in = flows.sign_in(
            identity=identity,
            app_id=conf.UNIVERSE_APP_ID,
            user_agent=request.META.get("HTTP_USER_AGENT"),
            cookie_until=time + timedelta(seconds=seconds),
        )
        response = self._answer(signed_in.user)
        session = getattr(request._request, "session", None)
        if session is not None and SESSION_KEY in session:
            # Of somebody else, whom it would still name. Django's own login ends it in this way.
            session.flush()
        if cookies.read(request._request):
            # Of somebody else, or worthless.
            cookies.delete(request._request, response)
        cookies.put(request._request, response, signed_in.refresh_token, seconds)
        return response

    def check_throttles(self, request: Request) -> None:
        """Count the tries to sign in, but no page of somebody who is signed in."""
        if request.method != "POST" or self._signed_in is None:
            super().check_throttles(request)

    @cached_property
    def _identity(self) -> Identity:
        """Whom the token names."""
        token = self.read_body(TokenSerializer)["token"]
        identity = issuers.verify_issuer_token(token=token)
        callers.check_method(identity.auth_method)
        return identity

    @cached_property
    def _signed_in(self) -> User | None:
        """The caller, if the token names the same user."""
        if self.request.user is None:
            return None
        identity = self._identity
        claimant = identities.find_claimant(key=identity.key, issued_at=identity.issued_at)
        return self.caller if claimant and claimant.id == self.caller.id else None

    def _answer(self, user: User) -> Response:
        return Response({"status": "success", "user": mapping.signed_in(user)})


class SignOffViewSet(LogoutViewSet):
    """Signing out, in the words of single sign-on."""

    @describe(
        operation_id="client_sso_sign_out",
        request=None,
        responses={200: SignedOutSerializer, **client_errors(403)},
    )
    def logout(self, request: Request) -> Response:
        """Sign out as `auth/logout` does."""
        return self.sign_out(request, {"status": "success"})
