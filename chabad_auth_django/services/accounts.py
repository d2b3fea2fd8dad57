"""Users together with their Profile and Preferences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bson import ObjectId

from chabad_auth_django import connection
from chabad_auth_django.models import Preferences, Profile, User
from chabad_auth_django.services import deletion


@dataclass(frozen=True)
class CompleteProfile:
    """A user with the two documents that every user has."""

    user: User
    profile: Profile
    preferences: Preferences


def create_dependents(*, user_ids: Sequence[ObjectId]) -> None:
    """Store the Profile and Preferences of users that the caller inserts next.

    (Specification: "User Creation Flow".) The children come first: the user, with its unique
    e-mail address, is the commit point, so nobody ever sees a user without them.
    """
    if not connection.supports_transactions():
        deletion.begin_creation(user_ids=user_ids)
    for model in (Profile, Preferences):
        model.insert_documents([model(user_id=user_id) for user_id in user_ids], fence=False)


def get_complete_profile(*, email: str) -> CompleteProfile | None:
    """Return the user with the e-mail address, its profile and preferences; ``None`` if unknown.

    One query for each of the three (specification: query pattern 1). A user that another program
    stored without them gets them now.
    """
    user = User.find_by_email(email)
    if user is None:
        return None
    return CompleteProfile(
        user=user,
        profile=Profile.find_or_create_profile(user.id),
        preferences=Preferences.find_or_create_preferences(user.id),
    )
