"""The state of the installation, which any process reads from MongoDB when Prometheus asks."""

import threading
import time
from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pymongo.errors import PyMongoError

from chabad_auth_django.db import connection
from chabad_auth_django.models import AnalyticsRollup
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import heartbeats, indexes, retention, statistics

#: Seconds for which the figures are given again, and that reading one of them may take.
LIFESPAN, TIMEOUT = 5.0, 2.0

_lock = threading.Lock()
_read: tuple[float, list[Metric]] = (0.0, [])


class StateCollector(Collector):
    """Gauges of the state; without MongoDB ``chabad_auth_up`` is 0 and there are no others."""

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering must not ask MongoDB."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the gauges; they are read once for all who ask within some seconds."""
        global _read
        with _lock:
            if time.monotonic() >= _read[0]:
                _read = time.monotonic() + LIFESPAN, list(_gauges())
            return _read[1]


def _gauges() -> Iterator[Metric]:
    found: list[Metric] = []
    for read in (_deletions, _rollups, _indexes, _ttl, _heartbeats):
        # One that fails or is slow takes no other with it.
        try:
            with connection.time_limit(TIMEOUT):
                found += read()
        except PyMongoError:
            if not connection.is_answering():
                found = []
                break
    yield _gauge("up", "Whether MongoDB answers.", bool(found))
    yield from found


def _deletions() -> Iterator[Metric]:
    queue = statistics.deletion_queue()
    yield _gauge("open_deletions", "Deletions that are not finished.", queue["open"])
    text = "Age of the oldest deletion that is not finished; 0 without one."
    yield _gauge("oldest_deletion_age_seconds", text, _age(queue["oldest"]))


def _rollups() -> Iterator[Metric]:
    counted = {"_id": {"$type": "date"}, "builtAt": {"$exists": True}}
    if last := AnalyticsRollup.collection().find_one(counted, {"_id": 1}, sort=[("_id", -1)]):
        text = "Time since the end of the last day that is counted."
        yield _gauge("rollup_age_seconds", text, max(0.0, _age(last["_id"]) - 86_400))


def _indexes() -> Iterator[Metric]:
    comparison = indexes.compare()
    family = GaugeMetricFamily(
        "chabad_auth_indexes", "Indexes that are not as declared.", labels=["state"]
    )
    for state in ("missing", "differing", "extra"):
        family.add_metric([state], len(getattr(comparison, state)))
    yield family


def _ttl() -> Iterator[Metric]:
    text = "By how much the oldest activity has outlived the retention."
    yield _gauge("ttl_lag_seconds", text, statistics.ttl_lag_seconds(days=retention.current_days()))


def _heartbeats() -> Iterator[Metric]:
    last = GaugeMetricFamily(
        "chabad_auth_command_last_success_timestamp_seconds",
        "When a scheduled command ended well last; absent where it never did.",
        labels=["command"],
    )
    late = GaugeMetricFamily(
        "chabad_auth_command_late",
        "Whether a scheduled command is late, by SCHEDULED_COMMANDS.",
        labels=["command"],
    )
    for beat in heartbeats.read():
        late.add_metric([beat.command], beat.is_late)
        if beat.succeeded_at:
            last.add_metric([beat.command], beat.succeeded_at.timestamp())
    yield from (last, late)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"chabad_auth_{name}", text, value=value)


def _age(time: datetime | None) -> float:
    return (now() - time).total_seconds() if time else 0.0
