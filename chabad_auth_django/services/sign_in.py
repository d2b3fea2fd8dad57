"""What happens when a user signs in."""

from __future__ import annotations

from functools import partial
from typing import Any

from chabad_auth_django import connection, signals
from chabad_auth_django.models import Activity, Analytics, User
from chabad_auth_django.transactions import atomic, on_commit
from chabad_auth_django.validators import to_object_id


@atomic
def record_login(
    *,
    user_id: Any,
    app_id: str | None = None,
    session_id: str | None = None,
    auth_method: str | None = None,
) -> User:
    """Set ``last_login`` and store the Activity and the Analytics event ``login``; all or none.

    (Specification: "User Activity Tracking Flow".) Returns the user. Raises ``UserNotFound`` and
    ``ValidationError``. Sends ``user_logged_in`` after commit.
    """
    user = User(id=to_object_id(user_id))
    user.update_last_login()
    event = {
        "user_id": user.id,
        "app_id": app_id,
        "session_id": session_id,
        "timestamp": user.last_login,
        "event_data": {"authMethod": auth_method} if auth_method else None,
    }
    # Changing the user makes the transaction conflict with its deletion; without one, look again.
    fence = not connection.supports_transactions()
    Activity.insert_documents([Activity(event_type="login", **event)], fence=fence)
    Analytics.insert_documents(
        [Analytics(event_name="login", event_category="engagement", **event)], fence=fence
    )
    on_commit(
        partial(
            signals.user_logged_in.send,
            sender=User,
            user=user,
            auth_method=auth_method,
            app_id=app_id,
        )
    )
    return user
