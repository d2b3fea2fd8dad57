"""Deleting a user, and all that belongs to the user, for good."""

from __future__ import annotations

from collections.abc import Sequence

from chabad_auth_django.exceptions import UserNotFound
from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User
from demo.report import Report

OWNED = (Profile, Preferences, Activity, AppData, Analytics)


def count_documents(users: Sequence[User]) -> dict[str, int]:
    """Return how many documents each collection holds for the users."""
    ids = [user.id for user in users]
    counts = {"users": User.objects(id__in=ids).count()}
    for model in OWNED:
        counts[model.collection().name] = model.objects(user_id__in=ids).count()
    return counts


def delete_user(report: Report, user: User, others: Sequence[User]) -> None:
    """Delete one user; nobody else loses anything (Cascade Deletion Strategy)."""
    report.title("Cascade deletion")
    before, kept = count_documents([user]), count_documents(others)
    user.delete()
    write = Activity.create_activity
    report.refusal(
        "A write that comes late", UserNotFound, write, user_id=user.id, event_type="page_viewed"
    )
    after = count_documents([user])
    report.check("User.delete", not any(after.values()), f"nothing is left of {user.name}")
    rows = [(name, before[name], after[name]) for name in before]
    report.table(("", "before", "after"), *rows)
    documents = f"{sum(kept.values()):,} documents"
    report.check("Everybody else", count_documents(others) == kept, f"keeps all {documents}")
    report.check("The e-mail address", User.find_by_email(user.email) is None, "is free again")
    report.fact("The second sweep", "manage.py chabad_purge_deleted, from cron")
