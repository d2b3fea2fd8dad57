"""Identities that sign in, and tokens and clients of users who are signed in."""

from typing import Any

from rest_framework.test import APIClient

from chabad_auth_django.services.identity.identity import Identity
from chabad_auth_django.services.signing_in import sessions, tokens


def access_token(user_id: Any) -> str:
    """Return an access token of a new session of the user."""
    session, _ = sessions.open_session(user_id=user_id, auth_method="google")
    return tokens.issue_access_token(user_id=user_id, session_id=session.id)


def api_client(user_id: Any, **options: Any) -> APIClient:
    """Return a client of the API that sends the user's access token."""
    client = APIClient(**options)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_token(user_id)}")
    return client


def identity(**values: Any) -> Identity:
    """Return Ann's identity at an issuer, who has verified her address, or one with the values."""
    known: dict[str, Any] = {
        "auth_method": "google",
        "issuer": "https://issuer.example.org",
        "subject": "ann",
        "email": "ann@example.org",
        "email_verified": True,
        "name": None,
    }
    return Identity(**{**known, **values})
