"""The keys of one issuer in ``CHABAD_AUTH["ISSUERS"]``, with their defaults."""

from typing import Any

from chabad_auth_django.conf.core import conf

#: The keys of one issuer in ``ISSUERS`` with their defaults; docs/api.md describes them.
ISSUER_DEFAULTS: dict[str, Any] = {
    "ISSUER": None,
    "TOKENS_HAVE_ISSUER": True,
    "AUDIENCE": None,
    "ALGORITHMS": None,
    "JWKS_URL": None,
    "KEY": None,
    "MAX_LIFETIME_SECONDS": None,
    "AUTH_METHOD": None,
    "SUBJECT_CLAIM": "sub",
    "EXTERNAL_ID_FIELD": None,
    "EXTERNAL_ID_CLAIM": None,
    "EXTERNAL_ID_LINKS_STAFF": False,
    "EMAIL_CLAIM": "email",
    "EMAIL_VERIFIED_CLAIM": "email_verified",
    "EMAILS_ARE_VERIFIED": False,
    "NAME_CLAIM": "name",
}


def configured_issuers() -> list[dict[str, Any]]:
    """Return the issuers in ``ISSUERS``, each with the defaults of the keys that it leaves out."""
    return [{**ISSUER_DEFAULTS, **issuer} for issuer in conf.ISSUERS]
