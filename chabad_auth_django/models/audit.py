"""AuditEntry: who did what to whom, and whether it was refused."""

from datetime import datetime
from typing import Any

from bson import ObjectId
from mongoengine.fields import DictField

from chabad_auth_django.conf import Conf
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.fields import DateTimeField, ObjectIdField, TextField
from chabad_auth_django.models.registry import Sharding

DONE = "done"
REFUSED = "refused"

#: The actions that are recorded.
ACTIONS = frozenset(
    (
        "user.create",
        "user.import",
        "user.export",
        "user.view",
        "user.delete",
        "user.erase",
        "user.block",
        "user.unblock",
        "email.change",
        "role.grant",
        "role.revoke",
        "permission.grant",
        "permission.revoke",
        "auth_method.add",
        "auth_method.remove",
        "identity.link",
        "identity.unlink",
        "session.revoke",
        "token.issue",
        "data.change",
        "integrity.repair",
    )
)


class AuditEntry(Document):
    """An entry of the audit trail, removed by the server ``AUDIT_RETENTION_DAYS`` after it.

    It is about a user and does not belong to one: it stays when the user is erased. It holds no
    values: of users their ids alone.
    """

    meta = {
        "collection": "audit_log",
        "indexes": [
            # chabad_sync_indexes puts the configured retention here.
            {
                "fields": ["timestamp"],
                "expireAfterSeconds": Conf.AUDIT_RETENTION_DAYS.default * 86_400,
            },
            ["user_id", "-timestamp"],
            ["actor_id", "-timestamp"],
            ["action", "-timestamp"],
        ],
    }

    retention_setting = "AUDIT_RETENTION_DAYS"
    sharding = Sharding(reason="a year of what is done to users, 300 bytes each", unique="_id")

    timestamp: datetime = DateTimeField(required=True)
    #: ``user``, ``host_account``, ``command`` or ``system``.
    actor_kind: str = TextField(db_field="actorKind", required=True)
    #: The user's id, the host's id and the account's primary key, or the command's name.
    actor_id: str | None = TextField(db_field="actorId")
    #: Who ran the command.
    operator: str | None = TextField()
    action: str = TextField(required=True)
    #: The user it was done to.
    user_id: ObjectId | None = ObjectIdField(db_field="userId")
    outcome: str = TextField(required=True)
    #: The code of the error, if the action was refused.
    code: str | None = TextField()
    #: Names of fields, roles and the like; ids and numbers.
    details: dict[str, Any] = DictField()
