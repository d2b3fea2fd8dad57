"""How long the server runs, and who shares it."""

import signal
from pathlib import Path

import pytest
from contrib.processes import PATIENCE, USER, User, manage, mongods, run, wait_for

from chabad_auth_django.contrib.embedded.server import Mongod

pytestmark = [pytest.mark.usefixtures("our_server"), pytest.mark.slow]

#: A process of the project that does not use the database, like runserver's reloader.
BYSTANDER = """
import sys, django
django.setup()
print("ready", flush=True)
sys.stdin.readline()
"""
FORKER = """
import os, sys, django
django.setup()
from chabad_auth_django.contrib.embedded import mongodb_uri
mongodb_uri()
if os.fork():
    os._exit(0)
print("child", flush=True)
sys.stdin.readline()
"""
#: A test run that is told to end while a test runs.
TESTER = """
import os, signal, sys, unittest, django
from django.test.utils import setup_test_environment
django.setup()
setup_test_environment()
class Case(unittest.TestCase):
    def test(self):
        os.kill(os.getpid(), signal.SIGTERM)
unittest.main(argv=["tests"])
"""
#: Forks a process that catches everything, as a test runner does.
POOL = """
import multiprocessing, time, django
django.setup()
context = multiprocessing.get_context("fork")
started = context.Event()
def work():
    while True:
        try:
            started.set()
            time.sleep(120)
        except BaseException:
            pass
worker = context.Process(target=work)
worker.start()
started.wait()
worker.terminate()
worker.join(30)
print(worker.exitcode)
worker.kill()
"""


def test_a_second_process_reuses_the_server(data_dir: Path) -> None:
    with User(data_dir) as one, User(data_dir) as two:
        assert one.line() == two.line() != ""


def test_processes_that_start_at_once_get_one_server(data_dir: Path) -> None:
    users = [User(data_dir) for _ in range(8)]
    try:
        uris = {user.line() for user in users}
        assert (len(uris), len(mongods(data_dir))) == (1, 1)
    finally:
        for user in users:
            user.kill()
            user.process.communicate()


def test_the_server_stops_with_its_last_user(data_dir: Path) -> None:
    with User(data_dir) as user:
        user.line()
        user.leave()
    assert mongods(data_dir) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_server_stops_with_a_last_user_that_is_told_to_end(data_dir: Path, number: int) -> None:
    with User(data_dir) as user:
        user.line()
        user.process.send_signal(number)
        assert user.process.wait(PATIENCE) == 128 + number
    assert mongods(data_dir) == []


def test_the_server_stops_with_the_last_of_users_that_leave_at_once(data_dir: Path) -> None:
    users = [User(data_dir) for _ in range(4)]
    for user in users:
        user.line()
    for user in users:
        assert user.process.stdin
        user.process.stdin.close()
        user.process.stdin = None
    for user in users:
        user.process.communicate()
    assert mongods(data_dir) == []


def test_the_server_stays_while_it_has_a_user(data_dir: Path) -> None:
    with User(data_dir) as one, User(data_dir) as two:
        one.line()
        two.line()
        one.leave()
        assert len(mongods(data_dir)) == 1


def test_the_last_user_stops_the_server_even_if_it_never_used_it(data_dir: Path) -> None:
    with User(data_dir, BYSTANDER) as reloader, User(data_dir) as child:
        reloader.line()
        child.line()
        child.leave()
        assert len(mongods(data_dir)) == 1
        reloader.leave()
    assert mongods(data_dir) == []


def test_a_process_that_uses_no_database_starts_no_server(data_dir: Path) -> None:
    with User(data_dir, BYSTANDER) as bystander:
        bystander.line()
        assert mongods(data_dir) == []


def test_a_killed_starter_leaves_the_server_to_the_next_process(data_dir: Path) -> None:
    with User(data_dir) as first:
        uri = first.line()
        pids = mongods(data_dir)
        first.kill()
    with User(data_dir) as second:
        assert (second.line(), mongods(data_dir)) == (uri, pids)


def test_a_server_that_was_left_behind_stops_with_its_next_last_user(data_dir: Path) -> None:
    Mongod(data_dir).start()
    with User(data_dir) as user:
        user.line()
        user.leave()
    assert mongods(data_dir) == []


def test_a_kept_server_survives_its_last_user(data_dir: Path) -> None:
    manage(data_dir, "start")
    with User(data_dir) as user:
        user.line()
        user.leave()
    assert len(mongods(data_dir)) == 1


def test_a_forked_child_is_a_user_of_its_own(data_dir: Path) -> None:
    with User(data_dir, FORKER) as parent, User(data_dir) as other:
        assert parent.line() == "child"
        other.line()
        other.leave()
        assert len(mongods(data_dir)) == 1
        parent.leave()
    wait_for(lambda: mongods(data_dir) == [])


def test_a_forked_child_ends_when_its_parent_tells_it_to(data_dir: Path) -> None:
    assert run(data_dir, POOL).stdout.strip() == str(-signal.SIGTERM)


def test_a_test_run_that_is_told_to_end_does_not_go_on(data_dir: Path) -> None:
    ended = run(data_dir, TESTER)
    assert ended.returncode != 0
    assert "Ran 1 test" not in ended.stderr


def test_the_app_is_not_needed_to_share_and_stop_the_server(data_dir: Path) -> None:
    with User(data_dir, USER, APPS="") as user:
        user.line()
        user.leave()
    assert mongods(data_dir) == []


def test_a_uri_in_the_environment_starts_nothing(data_dir: Path) -> None:
    result = run(data_dir, USER, MONGODB_URI="mongodb://db.example/app")
    assert (result.stdout.strip(), data_dir.exists()) == ("mongodb://db.example/app", False)


def test_a_folder_that_cannot_be_made_does_not_stop_the_project(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(tmp_path / "file" / "data", BYSTANDER)
    assert (result.stdout.strip(), result.stderr) == ("ready", "")


def test_importing_the_callable_does_not_import_the_driver(data_dir: Path) -> None:
    code = "import contrib.settings, sys; print('pymongo' in sys.modules)"
    assert run(data_dir, code).stdout.strip() == "False"
