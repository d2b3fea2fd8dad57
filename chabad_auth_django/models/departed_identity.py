"""DepartedIdentity: an account at an issuer that was somebody's until a short while ago."""

from datetime import datetime

from mongoengine.fields import StringField

from chabad_auth_django.hashing import keyed_hashes
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.fields import DateTimeField
from chabad_auth_django.models.registry import Sharding


class DepartedIdentity(Document):
    """Refuses tokens from before an account was unlinked, or its user was deleted.

    Such a token links the account to no user, and creates a user at a sign-in only. The ``_id`` is
    a keyed hash of the claim, which does not tell whose it was.
    """

    #: Seconds. An older token creates no user outside of a sign-in in any case.
    LIFETIME = 24 * 60 * 60

    meta = {
        "collection": "departed_identities",
        "indexes": [{"fields": ["departed_at"], "expireAfterSeconds": LIFETIME}],
    }

    sharding = Sharding(reason="those of one day", unique="_id")

    id: str = StringField(primary_key=True)
    departed_at: datetime = DateTimeField(db_field="departedAt", required=True)

    @staticmethod
    def keys(claim: str) -> list[str]:
        """Return the ``_id`` for the claim with this ``_id``, and those of former secret keys."""
        return keyed_hashes("chabad_auth.departed", claim)
