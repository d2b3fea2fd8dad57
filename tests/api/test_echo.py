"""An answer repeats no long name, and a read takes only what is shown."""

from api.conftest import Login
from pymongo.database import Database
from rest_framework.test import APIClient
from support.commands import CommandCounter
from support.requests import check_error

from chabad_auth_django.models import Activity, User

LONG = "n" * 255


def test_a_refused_grant_repeats_no_long_name(login: Login, owner: User) -> None:
    clerk = User.create_user(email="clerk@example.org", permissions=["permissions:write"])
    answer = login(clerk).put(f"/api/users/{owner.id}/permissions/{LONG}/")
    check_error(answer, 403, "permission_denied")
    assert LONG[:101] not in answer.content.decode()


def test_what_is_shown_of_a_user_beside_events_is_all_that_is_read(
    api: APIClient, owner: User, raw: Database, commands: CommandCounter
) -> None:
    # What other programs keep in a user may be large, and a page may show a thousand of them.
    raw.users.update_one({"_id": owner.id}, {"$set": {"notes": "x" * 100_000}})
    Activity.create_activity(user_id=owner.id, event_type="x")
    (event,) = api.get("/api/users/me/activities/?expand=user").json()["results"]
    assert event["user"] == {"id": str(owner.id), "email": owner.email, "name": owner.name}
    finds = [item for name, item in commands.sent if item.get("find") == "users"]
    assert finds[-1]["projection"] == {"email": 1, "name": 1}
