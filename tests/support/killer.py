"""Killing a job somewhere on its way."""

import random
import time
from typing import Any

from django.conf import settings
from pymongo.database import Database
from support.fork_server import ForkServer
from support.invariants import end_transactions_of_the_dead


class Killer:
    """Starts jobs and kills each somewhere, by the count of its commands or by the clock."""

    def __init__(self, processes: ForkServer, raw: Database) -> None:
        self.processes, self.raw = processes, raw
        self.chance = random.Random()
        self.killed = 0

    def __call__(self, job: str, *, commands: int, seconds: float, **arguments: Any) -> None:
        chance = self.chance
        moment = chance.choice(["before", "after", "clock"])
        crash = None if moment == "clock" else (moment, chance.randint(1, commands))
        process = self.processes.start(job, dict(settings.CHABAD_AUTH), crash=crash, **arguments)
        process.go()
        if crash is None:
            time.sleep(chance.uniform(0, seconds))
            process.kill()
        self.killed += process.wait() != 0
        end_transactions_of_the_dead(self.raw)
