"""People for the pages for staff to show, some of them hostile."""

from datetime import timedelta
from typing import Any

from chabad_auth_django.models import Activity, Analytics, AppData, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.identity import blocking
from chabad_auth_django.services.signing_in import sessions

#: Names that could turn, end or colour what stands around them.
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '" onmouseover="alert(1)',
    "terminal": "\x1b[31mred\x1b[0m\x07",
    "hebrew": "\u202e" + "שלום עולם " * 20,
    "formula": "=HYPERLINK(1)",
}
HOSTILE["all"] = " ".join(HOSTILE.values())

AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"


def make() -> dict[str, User]:
    """Store who has more rights, somebody with data, somebody blocked, and hostile names."""
    made = {
        "root": User.create_user(email="root@example.org", name="Root", roles=["user", "admin"]),
        "mod": User.create_user(email="mod@example.org", roles=["user", "moderator"]),
        "ann": User.create_user(
            email="ann@example.org", name="Ann Levin", merkos_user_id="m-1", auth_methods=["google"]
        ),
        "bob": User.create_user(email="bob@example.org", name="Bob Levin"),
    }
    for key, name in HOSTILE.items():
        made[key] = User.create_user(email=f"{key}@example.org")
        # As another program stores it, whatever our limits are.
        User.collection().update_one({"_id": made[key].id}, {"$set": {"name": name}})
    blocking.block_user(user_id=made["bob"].id, reason="abuse", text=HOSTILE["script"])
    fill(made["ann"])
    return made


def fill(user: User, *, events: int = 3, **values: Any) -> None:
    """Give the user a session, app data and events of both kinds."""
    sessions.open_session(user_id=user.id, auth_method="google", user_agent=AGENT)
    AppData.create_app_data(
        user_id=user.id, app_id="books", data_key="page", data_value={"at": HOSTILE["script"]}
    )
    for number in range(events):
        time = now() - timedelta(hours=20 * number + 1)
        common = {"user_id": user.id, "app_id": "books", "timestamp": time, **values}
        Activity.create_activity(
            event_type="page_view", event_data={"path": HOSTILE["script"]}, **common
        )
        Analytics.create_analytics(
            event_name="open", event_category="engagement", session_id="s 1", **common
        )
