"""Who the caller is, signing out, and which role may do what."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.auth import logout
from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.fields import StrictSerializer, StringField
from chabad_auth_django.contrib.universe import callers, cookies, enrichment
from chabad_auth_django.contrib.universe.callers import Credential
from chabad_auth_django.contrib.universe.mapping import identity
from chabad_auth_django.contrib.universe.openapi import client_errors, describe
from chabad_auth_django.contrib.universe.views.base import ClientViewSet, IsSignedIn, PrivateViewSet
from chabad_auth_django.exceptions import Blocked, InvalidToken, ValidationError
from chabad_auth_django.models import Profile, User
from chabad_auth_django.services.identity import audit, identities
from chabad_auth_django.services.identity.audit import Actor
from chabad_auth_django.services.signing_in import attempts, flows, issuers
from chabad_auth_django.services.signing_in import callers as core_callers

Reader = Callable[[HttpRequest, list[Exception]], Iterator[Credential]]


class IdentitySerializer(StrictSerializer):
    """Who the caller is."""

    optional = ("merkosUserId", "valuUserId", "avatarUrl", "createdAt", "updatedAt")

    universeUserId = serializers.CharField()
    email = serializers.CharField()
    displayName = serializers.CharField()
    linkedAccounts = serializers.ListField(child=serializers.CharField())
    merkosUserId = serializers.CharField(required=False)
    valuUserId = serializers.CharField(required=False)
    avatarUrl = serializers.CharField(required=False)
    createdAt = serializers.DateTimeField(required=False)
    updatedAt = serializers.DateTimeField(required=False)


class MeSerializer(StrictSerializer):
    """The caller."""

    identity = IdentitySerializer()


class LinkSerializer(StrictSerializer):
    """A token of the issuer that fills `merkosUserId`."""

    merkosToken = StringField()


class LinkedSerializer(MeSerializer):
    """The caller, with the account."""

    success = serializers.BooleanField()


class DoneSerializer(StrictSerializer):
    """It is done."""

    success = serializers.BooleanField()


class RuleSerializer(StrictSerializer):
    """What a role may do."""

    role = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField())


class RulesSerializer(StrictSerializer):
    """What each role may do."""

    roles = RuleSerializer(many=True)
    defaultRole = serializers.CharField()


class RulesAnswerSerializer(StrictSerializer):
    """What each role may do."""

    rules = RulesSerializer()


class EnrichmentSerializer(StrictSerializer):
    """What Merkos knows of the caller."""

    organizations = serializers.ListField(child=serializers.DictField())
    roles = serializers.ListField(child=serializers.DictField())
    permissions = serializers.ListField(child=serializers.CharField())


class EnrichmentAnswerSerializer(StrictSerializer):
    """What Merkos knows of the caller, and until when it is kept."""

    enrichment = EnrichmentSerializer()
    fromCache = serializers.BooleanField()
    expiresAt = serializers.DateTimeField()


class IdentityViewSet(PrivateViewSet):
    """The caller."""

    permission_classes = [IsSignedIn]

    @describe(operation_id="client_me", responses=MeSerializer)
    def me(self, request: Request) -> Response:
        """Show the caller."""
        return Response({"identity": self._identity(self.caller)})

    @describe(
        operation_id="client_enrich_merkos",
        responses={200: EnrichmentAnswerSerializer, **client_errors(404)},
    )
    def enrich_merkos(self, request: Request) -> Response:
        """Show what Merkos knows of the caller; 404 where that is nothing."""
        return Response(self.found(enrichment.enrich(user=self.caller)))

    @describe(
        operation_id="client_link_merkos",
        request=LinkSerializer,
        responses={200: LinkedSerializer, **client_errors(409)},
    )
    def link_merkos(self, request: Request) -> Response:
        """Link the account that a token of Merkos names."""
        token = self.read_body(LinkSerializer)["merkosToken"]
        wrong = ValidationError("The Merkos token is invalid or expired.")
        with attempts.attempt("link"):
            try:
                found = issuers.verify_issuer_token(token=token)
            except InvalidToken:
                raise wrong from None
            if found.external_id_field != "merkosUserId":
                raise wrong
            core_callers.check_method(found.auth_method)
            identities.link(user=self.caller, identity=found)
        user = self.found(User.find_by_id(self.caller.id))
        return Response({"success": True, "identity": self._identity(user)})

    def _identity(self, user: User) -> dict[str, Any]:
        return identity.identity(user, Profile.read(userId=user.id))


class LogoutViewSet(PrivateViewSet):
    """Signing out."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    @describe(
        operation_id="client_logout",
        request=None,
        responses={200: DoneSerializer, **client_errors(403)},
    )
    def logout(self, request: Request) -> Response:
        """End what the request is signed in with, whoever that is; delete the cookies.

        The tokens of issuers from before name the user no more.
        """
        return self.sign_out(request, {"success": True})

    def may_change(self, request: Request) -> bool:
        """Tell whether a page of ours, or a bearer token that names a user, asks for it."""
        return super().may_change(request) or bool(_named(callers.read_bearer, request))

    def sign_out(self, request: Request, answer: dict[str, Any]) -> Response:
        """Return the answer after signing out."""
        for credential in [
            *_named(callers.read_bearer, request),
            *_named(callers.read_cookies, request),
        ]:
            audit.become(Actor.user(credential.user.id))
            identities.refuse_earlier_tokens(user_id=credential.user.id)
            if credential.session_id is not None:
                flows.sign_out(user_id=credential.user.id, session_id=credential.session_id)
        django_request = request._request
        session = getattr(django_request, "session", None)
        if session is not None and session.session_key:
            logout(django_request)
        response = Response(answer)
        cookies.delete(django_request, response)
        return response


def _named(read: Reader, request: Request) -> list[Credential]:
    try:
        return list(read(request._request, []))
    except (Blocked, InvalidToken):
        # Who is blocked has nothing to end. Nor are cookies looked at that are too many.
        return []


class RulesViewSet(ClientViewSet):
    """Which role may do what, for everybody: it is no secret, and asked for once."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    @describe(operation_id="client_rules", responses=RulesAnswerSerializer)
    def rules(self, request: Request) -> Response:
        """Show which role may do what."""
        return Response({"rules": identity.rules()})
