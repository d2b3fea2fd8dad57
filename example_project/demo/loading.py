"""Loading many users and events at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chabad_auth_django.models import Activity, Analytics, Preferences, Profile, User
from demo import events
from demo.people import DOMAIN
from demo.report import Report


def remove_earlier_run(report: Report) -> None:
    """Delete the users of an earlier run; a QuerySet's ``delete()`` cascades too."""
    found = User.objects(email__endswith=DOMAIN)
    if found.count():
        report.title("Earlier run")
        count = found.delete()
        report.check("User.objects(...).delete", found.count() == 0, f"{count} users removed")


def load_people(report: Report, people: Sequence[dict[str, Any]]) -> list[User]:
    """Insert users in bulk; each gets a profile and preferences, as with ``create_user``."""
    report.title("People and events")
    users: list[User] = User.objects.insert([User(**fields) for fields in people])
    ids = [user.id for user in users]
    report.check(
        "User.objects.insert",
        Profile.objects(user_id__in=ids).count() == len(users)
        and Preferences.objects(user_id__in=ids).count() == len(users),
        f"{len(users)} more, each with profile and preferences",
    )
    return users


def load_events(report: Report, users: Sequence[User]) -> events.History:
    """Insert 90 days of events in bulk."""
    with report.progress(events.ACTIVITIES + events.ANALYTICS) as progress:
        history = events.load(users, progress.advance)
    ids = [user.id for user in users]
    for model, loaded in ((Activity, history.activities), (Analytics, history.analytics)):
        report.check(
            f"{model.__name__}.objects.insert",
            model.objects(user_id__in=ids).count() == len(loaded),
            f"{len(loaded):,} over the last 90 days",
        )
    return history
