"""The accounts with which a user signs in, at issuers and at the Django project."""

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.fields import ChoiceField, NameField, StrictSerializer, StringField
from chabad_auth_django.api.http.permissions import is_owner
from chabad_auth_django.api.http.swapping import FromSetting
from chabad_auth_django.api.http.throttling import AccountThrottle
from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.api.openapi.schema import describe, errors
from chabad_auth_django.api.resources import shapes
from chabad_auth_django.exceptions import (
    InvalidCredentials,
    InvalidToken,
    PermissionDenied,
    ValidationError,
)
from chabad_auth_django.models import ExternalId
from chabad_auth_django.services.identity import identities, unlinking
from chabad_auth_django.services.signing_in import flows
from chabad_auth_django.services.signing_in.callers import MAX_PASSWORD_LENGTH


class IdentitySerializer(StrictSerializer):
    """An account. `kind` is `issuer` or `host`; `issuer` says which one it is at."""

    id = serializers.CharField(read_only=True)
    kind = ChoiceField(["issuer", "host"], component="IdentityKind", read_only=True)
    issuer = serializers.CharField(read_only=True)
    subject = serializers.CharField(read_only=True)
    authMethod = serializers.CharField(read_only=True, allow_null=True)
    createdAt = serializers.DateTimeField(read_only=True)


# The view's action "list" does not make it a list of lists.
@extend_schema_serializer(many=False)
class IdentityListSerializer(StrictSerializer):
    """All accounts of a user."""

    results = IdentitySerializer(many=True, read_only=True)


class LinkTokenSerializer(StrictSerializer):
    """The token of an issuer."""

    token = StringField()


class LinkCredentialsSerializer(StrictSerializer):
    """A username and a password of the Django project."""

    username = NameField()
    password = StringField(max_length=MAX_PASSWORD_LENGTH)


class IdentitiesViewSet(APIViewSet):
    """The accounts of a user."""

    resource = "identities"
    audited = {"POST": "identity.link"}
    takes_secrets = True
    throttle_classes = FromSetting("THROTTLE_CLASSES", AccountThrottle)

    @describe(operation_id="identities_list", responses=IdentityListSerializer)
    def list(self, request: Request, user: str) -> Response:
        """List the accounts with which the user signs in."""
        found = identities.list_identities(user_id=self.user_id)
        return Response({"results": [shapes.identity(row) for row in found]})

    @describe(
        operation_id="identities_link",
        request=PolymorphicProxySerializer(
            "ChabadLink", [LinkTokenSerializer, LinkCredentialsSerializer], None
        ),
        responses={201: IdentitySerializer, **errors(409)},
    )
    def create(self, request: Request, user: str) -> Response:
        """Link another account to the caller, who proves here that it is theirs too."""
        if not is_owner(request, self):
            raise PermissionDenied("Only its owner can prove that an account is theirs.")
        is_token = isinstance(request.data, dict) and "token" in request.data
        values = self.read_body(LinkTokenSerializer if is_token else LinkCredentialsSerializer)
        try:
            key = flows.link_identity(user=self.caller, request=request._request, **values)
        except (InvalidToken, InvalidCredentials) as error:
            # A 401 would say that the caller is not signed in.
            raise ValidationError(errors=dict.fromkeys(values, error.detail)) from None
        return Response(shapes.identity(self.found(ExternalId.read(_id=key))), 201)

    @property
    def throttle_scope(self) -> str | None:
        """Limit the guessing of passwords as at a sign-in."""
        return "sign_in" if self.request.method == "POST" else None


class IdentityViewSet(APIViewSet):
    """One account of a user."""

    resource = "identities"
    audited = {"DELETE": "identity.unlink"}

    @describe(operation_id="identities_unlink", responses={204: None, **errors(409)})
    def destroy(self, request: Request, user: str, identity: str) -> Response:
        """Unlink the account and end the sessions that it opened; not the last account (409)."""
        unlinking.unlink(user_id=self.user_id, public_id=identity)
        return Response(None, 204)
