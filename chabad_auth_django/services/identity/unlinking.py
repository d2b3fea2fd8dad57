"""Taking an identity from its user."""

from bson import ObjectId

from chabad_auth_django.db.transactions import atomic, in_transaction
from chabad_auth_django.exceptions import LastIdentity, NotFound
from chabad_auth_django.models import ExternalId, Session, User
from chabad_auth_django.models.external_id import HOST
from chabad_auth_django.services.identity import (
    audit,
    departures,
    external_ids,
    host_roles,
    identities,
)


@atomic
def unlink(*, user_id: ObjectId, public_id: str) -> None:
    """Take an identity from the user, and end the sessions that it opened.

    What it has filled in the specification's fields goes too. Raises ``NotFound``, and
    ``LastIdentity`` when no other would be left.
    """
    user = User(id=user_id)
    claims = identities.list_identities(user_id=user_id)
    claim = next((item for item in claims if ExternalId.public_id(item["_id"]) == public_id), None)
    if claim is None:
        raise NotFound("The identity does not exist.")
    if len(claims) == 1:
        raise LastIdentity
    kind, source = identities.source_of(claim)
    audit.record(action="identity.unlink", user_id=user.id, issuer=source)
    # Two removals at once could each rely on the other identity. Both change the user, so one of
    # them runs again.
    user.update_atomically({})
    # The claim goes last: without a transaction a crash leaves it, so that it is removed again.
    Session.collection().delete_many({"userId": user.id, "openedBy": claim["_id"]})
    departures.remember(keys=[claim["_id"]])
    field, _, value = (claim.get("fills") or "").partition(":")
    # Another account, or another program, may have filled it since.
    if field and (user.stored or {}).get(field) in (None, value):
        external_ids.unlink_external_id(user_id=user.id, field=field)
    ExternalId.collection().delete_one({"_id": claim["_id"], "userId": user.id})
    if not in_transaction() and not identities.list_identities(user_id=user_id):
        # Another removal took the other one at the same time. The next sign-in fills the field.
        left = {name: value for name, value in claim.items() if name != "fills"}
        ExternalId.collection().insert_one(left)
        raise LastIdentity
    if kind == HOST:
        host_roles.forget(user_id=user.id)
