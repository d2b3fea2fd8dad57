"""Tokens of users who are signed in."""

from typing import Any

from chabad_auth_django.services.signing_in import sessions, tokens


def access_token(user_id: Any) -> str:
    """Return an access token of a new session of the user."""
    session, _ = sessions.open_session(user_id=user_id, auth_method="google")
    return tokens.issue_access_token(user_id=user_id, session_id=session.id)
