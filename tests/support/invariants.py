"""What must hold in the database whatever was killed, and a thread that watches it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern


def content(database: Database[dict[str, Any]]) -> dict[str, int]:
    """Return the number of documents in each collection that is not empty.

    But for the guard of the last administrator, which is there once for all, and the audit trail.
    """
    names = set(database.list_collection_names()) - {"audit_log", "guards"}
    counts = {name: database[name].count_documents({}) for name in names}
    return {name: count for name, count in counts.items() if count}


def leftovers(database: Database[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the documents that belong to no user, and the jobs, by collection."""
    users = set(database.users.distinct("_id"))
    found = {}
    for name in database.list_collection_names():
        if name not in ("audit_log", "users", "system.profile"):
            path = "_id.userId" if name == "appdata_tombstones" else "userId"
            gone = {path: {"$exists": True, "$nin": list(users)}}
            criteria = {"state": {"$exists": True}} if name == "deletions" else gone
            if documents := list(database[name].find(criteria).limit(3)):
                found[name] = documents
    return found


def incomplete_users(database: Database[dict[str, Any]]) -> list[ObjectId]:
    """Return the users who lack a profile or preferences at some moment of this call.

    Each is seen before and after the look at its children, so it was there at that moment: an id
    is never used twice.
    """
    users = {user["_id"] for user in database.users.find({}, {"_id": 1})}
    lacking = set()
    for name in ("profiles", "preferences"):
        lacking |= users - {child["userId"] for child in database[name].find({}, {"userId": 1})}
    return [
        user["_id"] for user in database.users.find({"_id": {"$in": list(lacking)}}, {"_id": 1})
    ]


@contextmanager
def watched(uri: str) -> Iterator[None]:
    """Poll the database; fail when a user was ever visible without its children."""
    seen: list[ObjectId] = []
    polls = 0
    end = threading.Event()

    def watch() -> None:
        nonlocal polls
        with pymongo.MongoClient(uri, timeoutMS=2_000) as client:
            # What a kill may still undo has not happened yet.
            majority = ReadConcern("majority")
            database = client.get_default_database(read_concern=majority)
            # At least once: the body may be over before this thread's first turn.
            while not (end.is_set() and polls):
                try:
                    seen.extend(incomplete_users(database))
                except PyMongoError:
                    # The server is being killed as well.
                    if end.is_set():
                        return
                    continue
                polls += 1
                end.wait(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
    assert polls, "The observer did not look."
    assert seen == [], "A user was visible without its profile or preferences."


def end_transactions_of_the_dead(database: Database[dict[str, Any]]) -> None:
    """Do at once what the server does after ``transactionLifetimeLimitSeconds``, a minute.

    A client that is killed inside a transaction leaves it open, and its documents locked.
    """
    if "setName" in database.client.admin.command("hello"):
        database.client.admin.command("killAllSessions", [])
