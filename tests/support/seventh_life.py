"""The life of a Document that a host project added; prints as JSON what became of it."""

import io
import json
from typing import Any

import django
from bson import ObjectId

django.setup()

from django.core.management import CommandError, call_command  # noqa: E402
from support.exports import exported, imported  # noqa: E402
from support.seventh.models import Achievement  # noqa: E402

from chabad_auth_django.models import User  # noqa: E402
from chabad_auth_django.services.lifecycle import deletion  # noqa: E402


def command(name: str, *arguments: str) -> Any:
    out = io.StringIO()
    try:
        call_command(name, *arguments, "--json", stdout=out, stderr=io.StringIO())
    except CommandError:
        assert out.getvalue()
    return json.loads(out.getvalue())


def find(name: str, rows: list[dict[str, Any]]) -> list[Any]:
    return [row[name] for row in rows if row["collection"] == "achievements"]


def live() -> dict[str, Any]:
    collection = Achievement.collection()
    found: dict[str, Any] = {"indexes": len(command("chabad_sync_indexes")["created"])}
    user = User.create_user(email="ann@example.org")
    for badge in ("first", "second"):
        Achievement(user_id=user.id, badge=badge).save()
    found["counted"] = command("chabad_stats")["collections"]["achievements"]["documents"]
    found["used"] = find("declared", command("chabad_index_usage")["indexes"])
    found["sharded"] = find("key", command("chabad_shard_plan")["collections"])

    file = exported(user.id)
    user.delete()
    found["left"] = collection.count_documents({})
    collection.insert_one({"userId": user.id, "badge": "of a writer that was killed"})
    found["swept"] = [outcome.purged for outcome in deletion.run()]

    found["would import"] = imported(file, dry_run=True).inserted["achievements"]
    found["imported"] = imported(file).inserted["achievements"]
    collection.delete_one({"badge": "first"})
    again = Achievement(user_id=user.id, badge="first").save()
    found["differing"] = imported(file).differing["achievements"]
    found["kept"] = Achievement.objects(badge="first").get() == again

    collection.update_one({"badge": "second"}, {"$unset": {"badge": 1}})
    collection.insert_one({"userId": ObjectId(), "badge": "nobody's"})
    found["amiss"] = find("kind", command("chabad_check_integrity", "--repair")["findings"])
    found["repaired"] = collection.count_documents({"badge": "nobody's"})
    return found


print(json.dumps(live()))
