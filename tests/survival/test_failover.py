"""Three servers, the example project under gunicorn, eight writers; and the servers break."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from django.test import override_settings
from pymongo.errors import PyMongoError
from support.claims import Claim
from support.gunicorn import Gunicorn, gunicorn
from support.invariants import incomplete_users, leftovers
from support.ledger import Ledger
from support.replica_set import ReplicaSet
from support.signed_in import access_token
from support.writers import TAKEN, Answer, Writer, writing

from chabad_auth_django.conf import Conf
from chabad_auth_django.db import connection
from chabad_auth_django.models import User
from chabad_auth_django.services.deployment import indexes

#: Seconds of an outage of the majority.
OUTAGE = 20

#: Seconds without a successful write after the primary is lost, beside the election timeout; where
#: it hangs, beside what a client without this package has to wait.
BEYOND = 2

#: Seconds that an answer may take beside its budget: the sockets, the processor.
SLACK = 1

ACCESS_SECONDS = 3_600

#: Seconds after which a client gives up a primary that hangs.
HANG = (
    connection.DEFAULT_OPTIONS["connectTimeoutMS"]
    + connection.DEFAULT_OPTIONS["heartbeatFrequencyMS"]
) / 1000


@pytest.fixture(scope="module")
def replica_set(
    our_server: None, tmp_path_factory: pytest.TempPathFactory, long: bool
) -> Iterator[ReplicaSet]:
    servers = ReplicaSet(
        tmp_path_factory.mktemp("failover"),
        election_timeout=10 if long else 2,
        parameters={"enableTestCommands": 1},
    )
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


@pytest.fixture
def server(replica_set: ReplicaSet, tmp_path: Path) -> Iterator[Gunicorn]:
    """Serve an empty database with the indexes deployed."""
    changed = {"MONGODB_URI": replica_set.uri, "ACCESS_TOKEN_SECONDS": ACCESS_SECONDS}
    with override_settings(CHABAD_AUTH=changed):
        connection.get_client().drop_database(connection.get_database())
        indexes.create()
        with gunicorn(replica_set.uri, tmp_path) as server:
            yield server
        connection.close()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def writers(server: Gunicorn, ledger: Ledger, long: bool) -> list[Writer]:
    def token(email: str, role: str) -> str:
        user = User.create_user(email=email, roles=[role], auth_methods=["google"])
        return access_token(user.id)

    admin = token(TAKEN, "admin")
    return [
        Writer(server.port, token(f"writer{n}@example.org", "user"), admin, ledger, seed=n)
        for n in range(8 if long else 4)
    ]


def kill(servers: ReplicaSet) -> None:
    killed = servers.primary()
    killed.kill()
    servers.primary()
    time.sleep(3)
    killed.start()


def pause(servers: ReplicaSet) -> None:
    with servers.primary().paused():
        # In the long form longer than any request may take.
        time.sleep(2 * servers.election_timeout + HANG)


def step_down(servers: ReplicaSet) -> None:
    servers.step_down()


def lose_majority(servers: ReplicaSet) -> None:
    lost = servers.secondaries()
    for member in lost:
        member.kill()
    time.sleep(OUTAGE)
    for member in lost:
        member.start()


Fault = Callable[[ReplicaSet], None]

#: What happens to the primary, each with its name.
FAULTS: dict[str, Fault] = {"killed": kill, "stepped down": step_down, "paused": pause}


def good(answers: list[Answer]) -> list[float]:
    """Return when writes succeeded."""
    return [answer.ended for answer in answers if answer.status in (200, 201)]


def silence(times: list[float], since: float, until: float) -> float:
    """Return the longest time without a successful write."""
    within = sorted(time for time in times if since < time < until)
    return max(after - before for before, after in pairwise([since, *within, until]))


@contextmanager
def probing(servers: ReplicaSet) -> Iterator[list[float]]:
    """Write with plain PyMongo, as impatiently as it can; yield when that succeeds."""
    times: list[float] = []
    end = threading.Event()
    options = {
        "heartbeatFrequencyMS": 500,
        "connectTimeoutMS": 1_000,
        "serverSelectionTimeoutMS": 1_000,
        "socketTimeoutMS": 2_000,
        "wtimeoutMS": 1_500,
    }

    def probe() -> None:
        with servers.client(w="majority", **options) as client:
            while not end.wait(0.05):
                with suppress(PyMongoError):
                    client.probes.probes.insert_one({})
                    times.append(time.monotonic())

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield times
    finally:
        end.set()
        thread.join()


def test_no_acknowledged_write_is_lost_when_the_primary_fails(
    replica_set: ReplicaSet,
    server: Gunicorn,
    writers: list[Writer],
    ledger: Ledger,
    long: bool,
    claim: Claim,
) -> None:
    names = (list(FAULTS) + ["without a majority"]) * 2 if long else list(FAULTS)
    workers = server.workers()
    spans = []
    with writing(writers), probing(replica_set) as probes:
        time.sleep(2)
        for name in names:
            started = time.monotonic()
            FAULTS.get(name, lose_majority)(replica_set)
            replica_set.wait_until_whole()
            time.sleep(3)
            spans.append((name, started, time.monotonic()))

    answers = [answer for writer in writers for answer in writer.answers]
    wrong = [answer for writer in writers for answer in writer.wrong]
    with replica_set.client() as client:
        database = client.get_default_database()
        findings = ledger.audit(database)
        assert incomplete_users(database) == []
        assert leftovers(database) == {}
    claim(
        "Failover: what was acknowledged is stored once, what was refused is not",
        f"{ledger.count('once')} acknowledged, {ledger.count('never')} refused, "
        f"{ledger.count('either')} unknown; {findings}",
        not findings,
    )
    refused = [answer for answer in answers if answer.status == 503]
    claim(
        "Failover: no answer but success, refusal and 503 with Retry-After",
        f"{len(answers)} answers, {len(refused)} × 503, {len(wrong)} wrong",
        not wrong and all(answer.retry_after for answer in refused),
    )
    slowest = max(answer.ended - answer.started for answer in answers)
    claim(
        "Failover: no answer takes longer than 20 s",
        f"the slowest took {slowest:.1f} s",
        slowest <= Conf.REQUEST_TIMEOUT.default + SLACK,
    )
    claim(
        "Failover: nothing has to be restarted",
        f"{len(workers)} workers, the same as before",
        server.workers() == workers,
    )
    for fault in dict.fromkeys(names):
        ours, plain = (
            max(silence(times, since, until) for name, since, until in spans if name == fault)
            for times in (good(answers), probes)
        )
        limits = {**dict.fromkeys(FAULTS, replica_set.election_timeout), "paused": max(plain, HANG)}
        claim(
            f"Failover: the longest silence when the primary is {fault}",
            f"{ours:.1f} s with an election timeout of {replica_set.election_timeout:.0f} s; plain "
            f"PyMongo: {plain:.1f} s",
            fault not in limits or ours <= limits[fault] + BEYOND,
        )


def test_the_audit_finds_the_losses_of_a_careless_writer(
    replica_set: ReplicaSet, ledger: Ledger, claim: Claim
) -> None:
    primary, others = replica_set.primary(), replica_set.secondaries()
    with ExitStack() as stack:
        for member in others:
            stack.enter_context(member.not_replicating())
        with replica_set.client(w=1, journal=True) as client:
            analytics = client.get_default_database().analytics
            analytics.delete_many({})
            for number in range(100):
                analytics.insert_one({"eventData": {"marker": str(number)}})
                ledger.note("once", str(number))
        primary.kill()
    replica_set.primary()
    primary.start()
    replica_set.wait_until_whole()
    with replica_set.client() as client:
        findings = ledger.audit(client.get_default_database())
    claim(
        "Failover: the audit sees what w:1 loses when replication stands still",
        f"{len(findings.lost)} of 100 writes lost",
        len(findings.lost) > 0,
    )
