"""The audit trail: who did what to whom."""

from datetime import datetime

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http import fields, paging
from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.api.openapi.schema import describe
from chabad_auth_django.api.resources import shapes
from chabad_auth_django.db.cursors import decode
from chabad_auth_django.models.audit import ACTIONS, DONE, REFUSED
from chabad_auth_django.services.identity import audit_log
from chabad_auth_django.services.identity.audit import KINDS
from chabad_auth_django.validators import to_object_id


class ActorSerializer(fields.StrictSerializer):
    """Who acted."""

    kind = fields.ChoiceField(list(KINDS), component="ActorKind")
    id = serializers.CharField(
        allow_null=True,
        help_text="The user's id, the host's id and the account's primary key, or the command.",
    )
    operator = serializers.CharField(allow_null=True, help_text="Who ran the command.")


class AuditEntrySerializer(fields.StrictSerializer):
    """An entry of the audit trail."""

    id = serializers.CharField()
    timestamp = serializers.DateTimeField()
    actor = ActorSerializer()
    action = fields.ChoiceField(sorted(ACTIONS), component="AuditAction")
    userId = serializers.CharField(allow_null=True, help_text="Whom it was done to.")
    outcome = fields.ChoiceField([DONE, REFUSED], component="AuditOutcome")
    code = serializers.CharField(allow_null=True, help_text="The error, of what was refused.")
    details = serializers.DictField(help_text="Names of fields, roles and the like; ids.")


class AuditPageSerializer(fields.PageSerializer):
    """A page of the audit trail."""

    results = AuditEntrySerializer(many=True)


class AuditQuerySerializer(fields.PageQuerySerializer):
    """The filters and the page of the audit trail."""

    user = fields.NameField(
        max_length=24, required=False, help_text="The id of whom it was done to."
    )
    actor = fields.NameField(required=False, help_text="A user's id, or the name of a command.")
    action = fields.ChoiceField(sorted(ACTIONS), component="AuditAction", required=False)
    since = fields.DateTimeField(required=False, help_text="At this time or later.")
    until = fields.DateTimeField(required=False, help_text="Before this time.")


class AuditViewSet(APIViewSet):
    """The audit trail."""

    resource = "audit"

    @describe(
        operation_id="audit_list", parameters=[AuditQuerySerializer], responses=AuditPageSerializer
    )
    def list(self, request: Request) -> Response:
        """List who did what to whom, newest first. Takes the permission `audit:read`."""
        query = self.read_query(AuditQuerySerializer)
        position = decode(query.pop("cursor", None), datetime)
        user = query.pop("user", None)
        page = audit_log.list_entries(
            position=position, user_id=None if user is None else to_object_id(user), **query
        ).fetch()
        return paging.respond(request, page, lambda rows: [shapes.audit_entry(row) for row in rows])
