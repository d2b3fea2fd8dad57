"""Show all that matters about a user."""

from collections.abc import Iterator
from typing import Any

from chabad_auth_django.management.output import Line, Table
from chabad_auth_django.management.users import UsersCommand
from chabad_auth_django.services.lifecycle import creation

#: A session, without its secrets.
SESSION_KEYS = {
    "id": "id",
    "authMethod": "auth_method",
    "userAgent": "user_agent",
    "createdAt": "created_at",
    "lastUsedAt": "last_used_at",
    "expiresAt": "expires_at",
}


class Command(UsersCommand):
    help = (
        "Show users: the stored document, profile and preferences, how many documents each has in "
        "every collection, the sessions and the last activity. It changes nothing."
    )
    is_audited = False
    json_keys = {
        "users": "a list of objects with user, profile, preferences (as stored; null where "
        "missing), counts (collection: documents), sessions and lastActivity"
    }

    def handle(self, *args: Any, **options: Any) -> None:

        def show(name: str) -> dict[str, Any]:
            summary = creation.summarize(user=creation.find_user(name=name))
            return {
                "user": summary.user.stored,
                "profile": summary.profile,
                "preferences": summary.preferences,
                "counts": summary.counts,
                "sessions": [
                    {key: getattr(session, name) for key, name in SESSION_KEYS.items()}
                    for session in summary.sessions
                ],
                "lastActivity": summary.last_activity,
            }

        shown = self.each(options["users"], show)
        if options["as_json"]:
            self.report({"users": list(shown)}, [])
            return
        for number, item in enumerate(shown):
            self.report({}, ([""] if number else []) + list(_lines(item)))


def _lines(item: dict[str, Any]) -> Iterator[Line]:
    for title in ("user", "profile", "preferences"):
        if item[title] is None:
            yield f"{title}: missing; 'chabad_check_integrity --repair' makes it"
            continue
        yield f"{title}:"
        yield Table([(f"  {key}", value) for key, value in item[title].items()])
    yield f"sessions: {len(item['sessions'])}"
    if item["sessions"]:
        yield Table([list(row.values()) for row in item["sessions"]], list(SESSION_KEYS))
    yield "documents:"
    yield Table([(f"  {name}", count) for name, count in item["counts"].items()])
    yield Table([("last activity", item["lastActivity"])])
