"""The server and its indexes."""

from __future__ import annotations

from django.core.management.base import CommandError

from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.models import Activity
from chabad_auth_django.services.deployment import indexes
from demo.report import Report


def describe(report: Report) -> None:
    """Connect, which starts the embedded server where ``MONGODB_URI`` names no other."""
    client = connection.get_client()
    milliseconds = connection.ping() * 1000
    report.title("Server")
    version = client.server_info()["version"]
    report.fact("MongoDB", f"{version}, answers in {milliseconds:.1f} ms")
    nodes = ", ".join(f"{host}:{port}" for host, port in sorted(client.nodes))
    report.fact("Database", f"{connection.get_database().name} on {nodes}")
    atomic = connection.supports_transactions()
    kind = "yes, a replica set" if atomic else "no, a standalone server"
    report.fact("Transactions", kind)


def deploy_indexes(report: Report) -> None:
    """Create the indexes that are missing, and look for the TTL index on activities."""
    report.title("Index strategy")
    declared = indexes.declared_indexes()
    created = indexes.create()
    comparison = indexes.compare()
    if comparison.differing:
        raise CommandError("Some indexes differ: run manage.py chabad_sync_indexes --fix first.")
    report.check(
        "indexes.create",
        not comparison.missing,
        f"{len(declared)} indexes in place, {len(created)} of them new",
    )
    found = Activity.collection().index_information().values()
    expiry = [index["expireAfterSeconds"] for index in found if "expireAfterSeconds" in index]
    days = conf.ACTIVITY_RETENTION_DAYS
    report.check(
        "TTL index on Activity.timestamp",
        expiry == [days * 24 * 60 * 60],
        f"activities expire after {days} days",
    )
