"""``manage.py chabad_mongod`` as an operator runs it."""

import json
from pathlib import Path

import pytest
from contrib.processes import manage, mongods

from chabad_auth_django.contrib.embedded.server import Mongod

pytestmark = [pytest.mark.usefixtures("our_server"), pytest.mark.slow]


def test_start_leaves_a_server_behind_and_shows_its_uri(data_dir: Path) -> None:
    result = manage(data_dir, "start")
    assert (result.returncode, len(mongods(data_dir))) == (0, 1)
    assert f"uri          {Mongod(data_dir).status().uri}\n" in result.stdout


def test_start_refuses_when_the_environment_names_a_server(data_dir: Path) -> None:
    result = manage(data_dir, "start", MONGODB_URI="mongodb://db.example/app")
    assert (result.returncode, mongods(data_dir)) == (2, [])
    assert result.stderr.startswith("CommandError: MONGODB_URI is set")


def test_status_of_a_running_server_exits_with_zero(data_dir: Path) -> None:
    server = Mongod(data_dir)
    server.start()
    result = manage(data_dir, "status", "--json")
    answer = json.loads(result.stdout)
    assert (result.returncode, answer["running"], answer["pid"]) == (0, True, server.pid)
    assert (answer["data_dir"], answer["keep"]) == (str(data_dir), False)


def test_status_leaves_a_server_that_has_no_users_running(data_dir: Path) -> None:
    Mongod(data_dir).start()
    manage(data_dir, "status")
    assert len(mongods(data_dir)) == 1


def test_status_of_a_stopped_server_exits_with_one(data_dir: Path) -> None:
    result = manage(data_dir, "status")
    assert (result.returncode, result.stderr) == (1, "CommandError: The server does not run.\n")
    assert result.stdout.startswith("state        stopped\n")
    quiet = manage(data_dir, "status", "-v", "0")
    assert (quiet.returncode, quiet.stdout) == (1, "")
    refused = manage(data_dir, "fly")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)


def test_stop_ends_a_kept_server(data_dir: Path) -> None:
    manage(data_dir, "start")
    result = manage(data_dir, "stop")
    assert (result.returncode, result.stdout, mongods(data_dir)) == (0, "Stopped.\n", [])
    assert not Mongod(data_dir).status().keep


def test_stop_says_that_nothing_was_running(data_dir: Path) -> None:
    result = manage(data_dir, "stop")
    assert (result.returncode, result.stdout) == (0, "Nothing was running.\n")
