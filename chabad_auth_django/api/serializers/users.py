"""What a User looks like, and what may be written."""

from __future__ import annotations

from rest_framework import serializers

from chabad_auth_django.api.serializers.fields import (
    AuthMethodField,
    DateTimeField,
    EmailField,
    NameField,
    PageQuerySerializer,
    PageSerializer,
    StrictSerializer,
    StringField,
)
from chabad_auth_django.api.serializers.preferences import PreferencesSerializer
from chabad_auth_django.api.serializers.profile import ProfileSerializer


class UserSerializer(StrictSerializer):
    """A User."""

    id = serializers.CharField(read_only=True)
    email = serializers.EmailField(read_only=True)
    name = serializers.CharField(read_only=True, allow_null=True)
    valuUserId = serializers.CharField(read_only=True, allow_null=True)
    merkosUserId = serializers.CharField(read_only=True, allow_null=True)
    authMethods = serializers.ListField(child=serializers.CharField(), read_only=True)
    roles = serializers.ListField(child=serializers.CharField(), read_only=True)
    permissions = serializers.ListField(child=serializers.CharField(), read_only=True)
    lastLogin = serializers.DateTimeField(read_only=True, allow_null=True)
    createdAt = serializers.DateTimeField(read_only=True, allow_null=True)
    updatedAt = serializers.DateTimeField(read_only=True, allow_null=True)


class ExpandedUserSerializer(UserSerializer):
    """A User; with `expand` the profile and the preferences too."""

    optional = ("profile", "preferences")

    profile = ProfileSerializer(read_only=True, allow_null=True)
    preferences = PreferencesSerializer(read_only=True, allow_null=True)


class PurgingSerializer(StrictSerializer):
    """A user who is gone, and whose events are still being purged."""

    id = serializers.CharField()
    state = serializers.CharField(help_text="`purging`.")


class ExportSerializer(StrictSerializer):
    """Everything about a user, as it is stored."""

    format = serializers.CharField()
    version = serializers.IntegerField()
    user = serializers.CharField(help_text="The user's id.")
    exportedAt = serializers.DateTimeField()
    documents = serializers.ListField(
        child=serializers.DictField(),
        help_text="Objects of `collection` and `document`, in canonical Extended JSON; or `bson`, "
        "its bytes in Base64, where that could not be read back the same.",
    )
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Collection: documents."
    )
    sha256 = serializers.CharField(help_text="Of all lines but the last, which this one is in.")


class ErasureSerializer(StrictSerializer):
    """The receipt of an erasure, as of now."""

    userId = serializers.CharField()
    requestedAt = serializers.DateTimeField()
    finishedAt = serializers.DateTimeField(
        allow_null=True, help_text="`null`: the last sweep is still to come."
    )
    deleted = serializers.DictField(
        child=serializers.IntegerField(), help_text="Collection: documents."
    )
    left = serializers.DictField(
        child=serializers.IntegerField(), help_text="Collection: documents."
    )


class UserSummarySerializer(StrictSerializer):
    """What a list shows of a User with `expand=user`."""

    id = serializers.CharField(read_only=True)
    email = serializers.EmailField(read_only=True)
    name = serializers.CharField(read_only=True, allow_null=True)


class UserPatchSerializer(StrictSerializer):
    """What owners may change of their User; the e-mail address only with ``users:write``."""

    name = StringField(max_length=200, required=False, allow_null=True)
    email = EmailField(max_length=254, required=False)


class UserCreateSerializer(StrictSerializer):
    """A new User; everything else has its default or an operation of its own."""

    email = EmailField(max_length=254)
    name = StringField(max_length=200, required=False)
    authMethods = serializers.ListField(
        child=AuthMethodField(), required=False, max_length=20, source="auth_methods"
    )


class UserPageSerializer(PageSerializer):
    """A page of users."""

    results = UserSerializer(many=True)


class UserQuerySerializer(PageQuerySerializer):
    """The filters, the order and the page of a list of users."""

    email = StringField(max_length=254, required=False)
    role = NameField(required=False)
    authMethod = NameField(required=False, source="auth_method")
    valuUserId = NameField(required=False, source="valu_user_id")
    merkosUserId = NameField(required=False, source="merkos_user_id")
    createdSince = DateTimeField(
        required=False, source="created_since", help_text="Created at this time or later."
    )
    createdUntil = DateTimeField(
        required=False, source="created_until", help_text="Created before this time."
    )
    order = serializers.ChoiceField(choices=["id", "-id", "email", "-email"], default="id")


class ExpandSerializer(StrictSerializer):
    """What to show with a User."""

    expand = serializers.ChoiceField(
        choices=["profile", "preferences", "profile,preferences", "preferences,profile"],
        required=False,
    )
