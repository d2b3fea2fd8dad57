"""What anybody stored, or typed, is told by every command on one line and harms no terminal."""

import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import bson
import pytest
from bson import ObjectId
from django.core.management import CommandError, call_command
from pymongo.database import Database
from support.command_reference import command_names
from support.management import run

from chabad_auth_django.management.terminal import Terminal
from chabad_auth_django.models import User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.lifecycle.export_file import Writer

#: An order, a turn of direction, an order of one byte, and all that ends a line somewhere.
ENDS = "\r\n|\x85|\u2028|\u2029|\x0b|\x0c|\x1c"
EVIL = "x\x1b[2J\u202egnp\x9b31m\x07" + ENDS.replace("|", "FORGED") + "FORGED אסתר😀"

#: Where nothing was done, or all went into a file.
SILENT = {"chabad_export_user", "chabad_rollup_analytics", "chabad_purge_deleted"}

ENCODINGS = ["utf-8", "ascii", "cp1252"]

JANUARY = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def evil(raw: Database, user: User) -> ObjectId:
    """A user, and a database around it, with evil texts wherever there is a text."""
    user_id = user.id
    texts = {
        "name": EVIL,
        "email": f"a@b.c{EVIL}",
        "authMethods": [EVIL],
        "roles": [EVIL],
        "permissions": [EVIL],
        "valuUserId": EVIL,
    }
    raw.users.update_one({"_id": user_id}, {"$set": texts})
    raw.users.insert_one({"_id": EVIL, **texts, "valuUserId": f"{EVIL}2", "email": EVIL})
    raw.external_ids.insert_one({"_id": f"valuUserId:{EVIL}", "userId": user_id})
    raw.blocks.insert_one({"userId": user_id, "reason": EVIL, "text": EVIL, "createdAt": now()})
    event = {"userId": user_id, "timestamp": now() - timedelta(days=1), "appId": EVIL, EVIL: EVIL}
    raw.activities.insert_many([{**event, "eventType": EVIL}, {"_id": EVIL, "userId": EVIL}])
    old = {**event, "eventName": EVIL, "eventCategory": EVIL, "timestamp": JANUARY}
    raw.analytics.insert_many([old, {**old, "_id": EVIL, "timestamp": [JANUARY]}])
    raw.appdatas.insert_one({"userId": user_id, "appId": EVIL, "dataKey": EVIL, "dataValue": EVIL})
    raw.sessions.insert_one(
        {"userId": user_id, "userAgent": EVIL, "method": EVIL, "createdAt": now(), "usedAt": now()}
    )
    raw.audit_log.insert_one(
        {"action": EVIL, "actorId": EVIL, "actorKind": EVIL, "userId": user_id, "timestamp": now()}
    )
    raw.deletions.insert_one({"_id": ObjectId(), "state": "deleting", "since": now(), "x": EVIL})
    raw[f"other {EVIL}"].insert_one({"_id": EVIL, "value": EVIL, EVIL: str(user_id)})
    raw.other.create_index("a", name=EVIL)
    return user_id


def arguments(user_id: ObjectId, folder: Path) -> dict[str, list[list[str]]]:
    """Return for each command arguments with which it tells of evil texts."""
    file = folder / f"{EVIL}.json"
    with file.open("wb") as opened:
        writer = Writer(opened, user_id=(other := ObjectId()))
        writer.write("users", bson.encode({"_id": other, "email": EVIL, "name": EVIL}))
        writer.close()
    user, archives = str(user_id), str(folder / EVIL)
    return {
        "chabad_archive_analytics": [
            ["--before", "2025-02-01", "--to", archives],
            ["--restore", EVIL, "--to", archives],
            ["--restore", f"{EVIL}.jsonl.gz"],
            ["--before", EVIL, "--to", archives],
        ],
        "chabad_block_user": [[user, "--reason", EVIL], [EVIL, "--reason", "x"]],
        "chabad_check_integrity": [[]],
        "chabad_create_admin": [["--email", EVIL]],
        "chabad_create_user": [
            ["--email", "e@example.org", "--name", EVIL, "--role", EVIL],
            ["--email", EVIL],
        ],
        "chabad_delete_user": [[user, "--dry-run"], [EVIL, "--yes"]],
        "chabad_erase_user": [[user, "--dry-run"], [EVIL, "--yes"]],
        "chabad_export_user": [[user, "--output", str(folder / f"out{EVIL}")], [EVIL]],
        "chabad_find_users": [["--email", "a@b"], ["--name", "x"], ["--role", EVIL]],
        "chabad_grant": [[user, "--role", EVIL], [user, "--role", EVIL, "--force"]],
        "chabad_import_user": [[str(file)], [f"{folder}/{EVIL}"], [str(folder)]],
        "chabad_index_usage": [[]],
        "chabad_issue_token": [[EVIL], [user]],
        "chabad_link_host_account": [[user, EVIL]],
        "chabad_list_audit": [[], ["--actor", EVIL], ["--action", EVIL]],
        "chabad_list_deletions": [[]],
        "chabad_list_sessions": [[user], [EVIL]],
        "chabad_purge_deleted": [[]],
        "chabad_replay_receipts": [[str(file)], [f"{folder}/{EVIL}"]],
        "chabad_revoke": [[user, "--role", EVIL]],
        "chabad_revoke_sessions": [[user], [EVIL]],
        "chabad_rollup_analytics": [[]],
        "chabad_set_retention": [[EVIL], ["90", "--dry-run"]],
        "chabad_shard_plan": [[]],
        "chabad_show_user": [[user], [EVIL], [EVIL, f"{EVIL}2"]],
        "chabad_stats": [[], ["--days", EVIL]],
        "chabad_sync_django_users": [["--dry-run"]],
        "chabad_sync_indexes": [["--check"]],
        "chabad_unblock_user": [[user], [EVIL]],
        "chabad_verify_erasure": [[user, EVIL], [EVIL]],
    }


def tell(encoding: str, name: str, *given: str) -> tuple[str, str]:
    """Run a command as from a shell, with streams of the encoding; return what they got."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="") for _ in range(2)]
    out, err = streams
    with mock.patch.object(sys, "stdin", io.StringIO(f"{EVIL}\n")):
        try:
            call_command(name, *given, stdout=out, stderr=err)
        except CommandError as error:
            Terminal(err).write(f"CommandError: {error}")
    for stream in streams:
        stream.flush()
    told_out, told_err = (stream.buffer.getvalue().decode(encoding) for stream in streams)  # type: ignore[attr-defined]
    return told_out, told_err


def harmless(text: str) -> None:
    for line in text.split("\n"):
        assert line.isprintable(), line
        assert not line.lstrip().startswith("FORGED"), line


def test_every_command_has_its_evil_arguments(tmp_path: Path) -> None:
    assert set(arguments(ObjectId(), tmp_path)) == set(command_names())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_told_harms_no_terminal(evil: ObjectId, tmp_path: Path, encoding: str) -> None:
    for name, ways in arguments(evil, tmp_path).items():
        for given in ways:
            options: list[Any] = [[]]
            if name not in ("chabad_export_user", "chabad_issue_token"):
                options.append(["--json"])
            for option in options:
                out, err = tell(encoding, name, *given, *option)
                harmless(out)
                harmless(err)
                assert out or err or name in SILENT, (name, given)
                if option and out:
                    json.loads(out)
        # Names that come by standard input, one a line.
        if ways != ["-"] and name in ("chabad_show_user", "chabad_verify_erasure"):
            harmless("".join(tell(encoding, name, "-")))


def test_an_exported_file_harms_no_terminal(evil: ObjectId, tmp_path: Path) -> None:
    assert run("chabad_export_user", evil, "--output", tmp_path / "file").code == 0
    harmless((tmp_path / "file").read_text())
