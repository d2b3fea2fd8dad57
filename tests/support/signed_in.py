"""Tokens and clients of users who are signed in."""

from typing import Any

from rest_framework.test import APIClient

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
