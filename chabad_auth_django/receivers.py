"""Our own receivers: the lifecycle of a user's documents; connected in ``ready()``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bson import ObjectId
from django.core.signals import setting_changed

from chabad_auth_django import connection, signals
from chabad_auth_django.models import User
from chabad_auth_django.services import accounts, deletion


def connect() -> None:
    """Connect every receiver; connecting twice changes nothing."""
    signals.pre_user_create.connect(create_dependents, sender=User)
    signals.pre_user_delete.connect(begin_deletion, sender=User)
    signals.post_user_delete.connect(remove_dependents, sender=User)
    setting_changed.connect(connection.close_if_changed)


def create_dependents(*, users: Sequence[User], **kwargs: Any) -> None:
    """Store Profile and Preferences in the transaction that stores the users."""
    accounts.create_dependents(user_ids=[user.id for user in users])


def begin_deletion(*, user_ids: Sequence[ObjectId], **kwargs: Any) -> None:
    """Leave the jobs from which a deletion can always be finished."""
    deletion.begin(user_ids=user_ids)


def remove_dependents(*, user_ids: Sequence[ObjectId], **kwargs: Any) -> None:
    """Remove what the removed users own."""
    deletion.remove_dependents(user_ids=user_ids)
