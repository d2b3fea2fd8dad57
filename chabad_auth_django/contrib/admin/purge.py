"""Going on with the open deletions for a limited time."""

import time
from dataclasses import dataclass

from chabad_auth_django.models import Deletion, User
from chabad_auth_django.models.deletion import DELETING, PURGING
from chabad_auth_django.services.lifecycle import deletion, purging


@dataclass(frozen=True)
class Progress:
    """What a bounded run of the purge has done."""

    documents: int
    finished: int
    #: Deletions for which there was no time, or whose last sweep is not due.
    open: int


def run(*, seconds: float) -> Progress:
    """Go on with the open deletions for that long, the oldest first, as cron does without a limit.

    Raises ``PyMongoError``; what was purged until then stays purged.
    """
    until = time.monotonic() + seconds
    documents = finished = 0
    jobs = list(Deletion.collection().find({"state": {"$in": [DELETING, PURGING]}}).sort("since"))
    there = User.existing_ids(job["_id"] for job in jobs)
    for job in jobs:
        # A user who exists was imported again, or is to be removed first: ``resume`` decides.
        if job["_id"] not in there:
            documents += sum(purging.purge(user_id=job["_id"], until=until).values())
        if time.monotonic() >= until:
            break
        # Only what was stored since is left, and the last sweep.
        outcome = deletion.attempt(user_id=job["_id"])
        documents += sum(outcome.purged.values())
        finished += outcome.finished
    return Progress(documents, finished, len(jobs) - finished)
