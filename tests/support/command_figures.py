"""Time and memory of the scanning commands on 50,000 users with 1,000,000 events.

``python -m support.command_figures`` in ``tests`` starts a server of its own and prints a table.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django
from bson import ObjectId
from django.test import override_settings

USERS, EVENTS, DAYS = 50_000, 1_000_000, timedelta(days=80)


def fill() -> list[str]:
    """Store the users and the events, a fifth of them of each of the first two users.

    Returns the e-mail addresses.
    """
    from chabad_auth_django.models import Activity, Analytics, Preferences, Profile, User
    from chabad_auth_django.models.fields import now

    time_now = now()
    ids = [ObjectId() for _ in range(USERS)]
    times = {"createdAt": time_now, "updatedAt": time_now}
    for start in range(0, USERS, 5_000):
        batch = ids[start : start + 5_000]
        User.collection().insert_many(
            [
                {"_id": id, "email": f"user-{id}@example.org", "roles": ["user"], **times}
                for id in batch
            ]
        )
        for model in (Profile, Preferences):
            model.collection().insert_many([{"userId": id, **times} for id in batch])
    for start in range(0, EVENTS, 10_000):
        rows = [
            {
                "userId": ids[number % 5 if number % 5 < 2 else number % USERS],
                "appId": "app",
                "timestamp": time_now - number * DAYS / EVENTS,
                "eventData": {"page": "/home", "number": number},
            }
            for number in range(start, start + 10_000)
        ]
        if start % 20_000:
            events = [row | {"eventType": "view"} for row in rows]
            Activity.collection().insert_many(events, ordered=False)
        else:
            events = [row | {"eventName": "view", "eventCategory": "custom"} for row in rows]
            Analytics.collection().insert_many(events, ordered=False)
    return [f"user-{id}@example.org" for id in ids]


def measure(uri: str, *arguments: str, names: Path | None = None) -> None:
    """Run a command on a terminal of its own and print its seconds and its peak of memory.

    ``names`` is the file on its standard input.
    """
    master, slave = os.openpty()
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "django", *arguments],
        env=os.environ | {"MONGODB_URI": uri},
        stdin=names.open() if names else slave,
        stdout=subprocess.DEVNULL,
        stderr=slave,
    )
    os.close(slave)
    peak, shown = 0, b""
    os.set_blocking(master, False)
    while process.poll() is None:
        with suppress(FileNotFoundError, IndexError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, int(re.findall(r"VmHWM:\s+(\d+)", status)[0]))
        with suppress(OSError):
            shown += os.read(master, 65_536)
        time.sleep(0.02)
    seconds = time.monotonic() - started
    looks = shown.count(b"\r")
    sys.stdout.write(
        f"| `{' '.join(arguments)}` | {seconds:.1f} s | {peak / 1024:.0f} MB | {looks} looks, "
        f"exit {process.returncode} |\n"
    )
    sys.stdout.flush()


def main() -> None:
    """Measure every command that reads or deletes much."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "support.settings")
    django.setup()
    from chabad_auth_django.contrib.embedded.server import Mongod

    with tempfile.TemporaryDirectory() as folder:
        server = Mongod(Path(folder) / "data", replica_set="rs0")
        uri = server.start()
        try:
            with override_settings(CHABAD_AUTH={"MONGODB_URI": uri}):
                first, second, *others = fill()
            file, archive = str(Path(folder) / "user.json"), str(Path(folder) / "archive")
            names = Path(folder) / "names"
            names.write_text("\n".join(others))
            this_month = datetime.now(UTC).replace(day=1)
            before, month = f"{this_month:%Y-%m-%d}", f"{this_month - timedelta(days=1):%Y-%m}"
            measure(uri, "chabad_sync_indexes")
            measure(uri, "chabad_stats")
            measure(uri, "chabad_index_usage")
            measure(uri, "chabad_check_integrity")
            measure(uri, "chabad_verify_erasure", "nobody@example.org", str(ObjectId()))
            measure(uri, "chabad_set_retention", "30", "--dry-run")
            measure(uri, "chabad_export_user", first, "--output", file)
            measure(uri, "chabad_import_user", file)
            measure(uri, "chabad_delete_user", first, "--yes")
            measure(uri, "chabad_erase_user", second, "--yes", "--no-wait")
            measure(uri, "chabad_purge_deleted")
            measure(uri, "chabad_grant", "-", "--role", "moderator", names=names)
            measure(uri, "chabad_revoke", "-", "--role", "moderator", names=names)
            measure(uri, "chabad_rollup_analytics")
            measure(uri, "chabad_archive_analytics", "--before", before, "--to", archive)
            measure(uri, "chabad_archive_analytics", "--restore", month, "--to", archive)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
