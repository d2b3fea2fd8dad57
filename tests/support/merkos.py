"""The issuer whose tokens the front ends of ChabadUniverse have: no iss, aud or email_verified."""

import time
from typing import Any

import jwt

SECRET = "the secret of Merkos, at least thirty-two bytes long"

ISSUER = {
    "ISSUER": "merkos",
    "TOKENS_HAVE_ISSUER": False,
    "AUDIENCE": None,
    "ALGORITHMS": ["HS256"],
    "KEY": SECRET,
    "MAX_LIFETIME_SECONDS": 40 * 24 * 60 * 60,
    "AUTH_METHOD": "chabad-org",
    "SUBJECT_CLAIM": ["user.id", "user._id", "sub"],
    "EXTERNAL_ID_FIELD": "merkosUserId",
    "EMAIL_CLAIM": ["user.email", "email"],
    "NAME_CLAIM": ["user.name", "name"],
    "EMAILS_ARE_VERIFIED": True,
}


def token(id: str = "m-1", *, age: int = 0, lifetime: int = 3600, **person: Any) -> str:
    """Return a token of Merkos, issued ``age`` seconds ago."""
    issued_at = int(time.time()) - age
    person = {"id": id, "email": f"{id}@example.org", "name": id.title(), **person}
    claims = {"user": person, "iat": issued_at, "exp": issued_at + lifetime}
    return jwt.encode(claims, SECRET, "HS256")
