"""What signing in takes and gives."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from chabad_auth_django.api.serializers.fields import NameField, StrictSerializer, StringField
from chabad_auth_django.api.serializers.users import UserSerializer
from chabad_auth_django.services.sign_in import MAX_PASSWORD_LENGTH


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
