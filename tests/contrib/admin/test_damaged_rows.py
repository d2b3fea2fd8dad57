"""Rows of our own collections that another program has damaged are shown, or left out."""

from contrib.admin.conftest import Run

BEGIN = """
from datetime import datetime
from bson import Decimal128, ObjectId
from chabad_auth_django.models.fields import now

ODD = (None, "a b/c?", 1.5, [1], {"a": 1}, Decimal128("1"), ObjectId())
person = str(make()["ann"].id)
browser, wrong = superuser(), []
database = connection.get_database()

def look(collection, rows, *pages):
    for row in rows:
        database[collection].insert_one(row)
        for page in pages:
            status = browser.get(f"{BASE}{page}").status_code
            if status != 200:
                wrong.append([str(row), page, status])
        database[collection].delete_one({"_id": row["_id"]})

def damaged(row, *names):
    for name in names:
        yield from ({**row, "_id": row.get("_id", ObjectId()), name: odd} for odd in ODD)
        yield {"_id": ObjectId(), **{key: row[key] for key in row if key != name}}
"""


def test_the_pages_for_staff_show_damaged_rows(run: Run) -> None:
    told = run(
        BEGIN
        + """
entry = {"timestamp": now(), "actorKind": "user", "actorId": person, "action": "user.erase",
         "userId": ObjectId(person), "outcome": "done", "details": {}}
look("audit_log", damaged(entry, "actorKind", "actorId", "action", "userId", "details"), "audit/")
session = {"userId": ObjectId(person), "familyHash": "f", "tokenHash": "t",
           "expiresAt": datetime(2100, 1, 1)}
look("sessions", damaged(session, "userId", "userAgent", "createdAt"), "sessions/")
claims = [{"_id": key, "userId": ObjectId(person)} for key in (
    7, 1.5, {"a": 1}, "", "issuer:", "issuer:{", "issuer:7", "host:null", 'host:["example"]')]
look("external_ids", claims, f"people/{person}/identities/")
job = {"_id": ObjectId(), "state": "deleting", "since": now(), "receipt": {"since": now()}}
pages = ("deletions/", "operations/")
look("deletions", damaged(job, "since", "receipt"), *pages)
look("deletions", damaged({**job, "since": None}, "receipt"), *pages)
look("deletions", [{**job, "_id": odd} for odd in ("a b/c?", 1.5, {"a": 1})], *pages)
tell(wrong)
"""
    )
    assert told == [[]]


def test_days_whose_roll_up_is_damaged_are_counted_by_their_events(run: Run) -> None:
    told = run(
        BEGIN
        + """
from datetime import UTC, timedelta
from chabad_auth_django.models import Analytics, AnalyticsRollup
from chabad_auth_django.services.analytics import rollups
Analytics.collection().insert_one({
    "userId": ObjectId(person), "eventName": "x", "eventCategory": "custom",
    "timestamp": now() - timedelta(days=3)})
list(rollups.run())
records = AnalyticsRollup.collection()
row = records.find_one({"_id": {"$type": "date"}, "builtAt": {"$exists": True}})
def total():
    chart = browser.get(f"{BASE}analytics/", {"days": "7", "zone": "UTC"}).context["chart"]
    return chart.total
expected = total()
damages = [{"$set": {name: odd}} for name in ("builtAt", "changedAt") for odd in ODD[:4]]
for damage in (*damages, {"$unset": {"build": 1}}):
    records.update_one({"_id": row["_id"]}, damage)
    tell(total() == expected)
    records.replace_one({"_id": row["_id"]}, row)
"""
    )
    assert told == [True] * 9
