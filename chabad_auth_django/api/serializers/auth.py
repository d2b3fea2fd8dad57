"""What signing in takes and gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from chabad_auth_django.api.serializers.fields import NameField, StrictSerializer, StringField
from chabad_auth_django.api.serializers.users import UserSerializer


class LoginSerializer(StrictSerializer):
    """An issuer's token, or a username and a password."""

    token = StringField(required=False, help_text="A token of a configured issuer.")
    username = StringField(required=False, max_length=255)
    password = StringField(required=False, max_length=4096)
    appId = NameField(required=False, source="app_id")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse anything but exactly one way to sign in."""
        given = attrs.keys() - {"app_id"}
        if given not in ({"token"}, {"username", "password"}):
            raise serializers.ValidationError("Send either token, or username and password.")
        return attrs


class RefreshSerializer(StrictSerializer):
    """The refresh token of the last answer."""

    refreshToken = StringField(source="refresh_token")


class TokensSerializer(serializers.Serializer[Any]):
    """What a signed-in client keeps."""

    accessToken = serializers.CharField()
    refreshToken = serializers.CharField()
    tokenType = serializers.CharField(help_text="`Bearer`.")
    expiresIn = serializers.IntegerField(help_text="Seconds.")
    user = UserSerializer()


class SessionSerializer(serializers.Serializer[Any]):
    """A session: one sign-in on one device."""

    id = serializers.CharField()
    authMethod = serializers.CharField()
    userAgent = serializers.CharField(allow_null=True)
    createdAt = serializers.DateTimeField()
    lastUsedAt = serializers.DateTimeField()
    expiresAt = serializers.DateTimeField()
    current = serializers.BooleanField(help_text="Whether this request belongs to it.")


class SessionListSerializer(serializers.Serializer[Any]):
    """The sessions of the caller."""

    results = SessionSerializer(many=True)


class RulesSerializer(serializers.Serializer[Any]):
    """Role -> permissions that it grants."""

    roles = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
