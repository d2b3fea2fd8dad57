"""The example project as a portal of ChabadUniverse, whose people come from Merkos."""

from typing import Any

from support.merkos import ISSUER
from support.unthrottled_settings import *  # noqa: F403
from support.unthrottled_settings import CHABAD_AUTH as EXAMPLE


def enrich(user: Any) -> dict[str, Any]:
    """Return what Merkos knows of the user."""
    return {"organizations": [{"id": "1", "name": f"Friends of {user.merkos_user_id}"}]}


CHABAD_AUTH = {
    **EXAMPLE,
    "ISSUERS": [ISSUER],
    "UNIVERSE_ENRICHMENT": enrich,
    "UNIVERSE_RULES": {"user": ["read"], "admin": ["*"]},
}
