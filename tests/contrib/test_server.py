"""One server on one folder: start, reuse, crash, ports."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pymongo
import pytest
from contrib.processes import kill_mongods, mongods, run, wait_for
from pymongo.uri_parser import parse_uri

from chabad_auth_django.contrib.embedded import ServerError
from chabad_auth_django.contrib.embedded.probe import free_port, is_free
from chabad_auth_django.contrib.embedded.server import Mongod

pytestmark = pytest.mark.usefixtures("our_server")


def port_of(uri: str) -> int:
    return int(parse_uri(uri)["nodelist"][0][1])


@contextmanager
def listener(port: int = 0) -> Iterator[int]:
    """A foreign program that takes connections and closes them without a word."""

    def serve() -> None:
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return

    with closing(socket.socket()) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


#: What a process has done when it is killed right after it has started the server.
HALF_WAY = """
import os, sys
from chabad_auth_django.contrib.embedded.binary import find_mongod
from chabad_auth_django.contrib.embedded.folder import DataFolder, State
from chabad_auth_django.contrib.embedded.probe import free_port
from chabad_auth_django.contrib.embedded.process import spawn
from chabad_auth_django.contrib.embedded.server import Mongod
folder, port = DataFolder(os.environ["DATA_DIR"]), free_port()
folder.prepare()
folder.write(State(port))
spawn(find_mongod(), Mongod(folder.path).arguments(port), folder)
os._exit(9)
"""


def test_it_starts_for_a_caller_whose_time_is_up(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chabad_auth_django.contrib.embedded.server.START_TIMEOUT", 20)
    server = Mongod(data_dir)
    with pymongo.timeout(0.001):
        uri = server.start()
    assert server.status().uri == uri
    server.stop()


def test_a_started_server_is_a_writable_replica_set(data_dir: Path) -> None:
    uri = Mongod(data_dir, database="here").start()
    with pymongo.MongoClient(uri) as client, client.start_session() as session:
        with session.start_transaction():
            client.get_default_database()["things"].insert_one({}, session=session)
        assert client["here"]["things"].count_documents({}) == 1


def test_starting_again_returns_the_running_server(data_dir: Path) -> None:
    first, second = Mongod(data_dir), Mongod(data_dir)
    uri, pid = first.start(), first.pid
    assert (second.start(), second.pid) == (uri, pid)


def test_threads_that_start_at_once_get_one_server(data_dir: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        uris = set(pool.map(lambda _: Mongod(data_dir).start(), range(8)))
    assert (len(uris), len(mongods(data_dir))) == (1, 1)


def test_without_a_replica_set_the_server_is_standalone(data_dir: Path) -> None:
    uri = Mongod(data_dir, replica_set=None).start()
    with pymongo.MongoClient(uri) as client:
        assert "setName" not in client.admin.command("hello")


def test_parameters_reach_the_server(data_dir: Path) -> None:
    uri = Mongod(data_dir, replica_set=None, parameters={"ttlMonitorSleepSecs": 1}).start()
    with pymongo.MongoClient(uri) as client:
        answer = client.admin.command("getParameter", 1, ttlMonitorSleepSecs=1)
    assert answer["ttlMonitorSleepSecs"] == 1


def test_a_running_server_of_another_kind_is_refused(data_dir: Path) -> None:
    Mongod(data_dir, replica_set=None).start()
    with pytest.raises(ServerError, match="stop it first"):
        Mongod(data_dir).start()


def test_two_folders_have_two_servers(data_dir: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    try:
        assert Mongod(data_dir).start() != Mongod(other).start()
    finally:
        kill_mongods(other)


def test_stopping_ends_the_process(data_dir: Path) -> None:
    server = Mongod(data_dir)
    server.start()
    assert server.stop()
    wait_for(lambda: mongods(data_dir) == [])


def test_stopping_nothing_says_so_and_makes_no_folder(data_dir: Path) -> None:
    assert (Mongod(data_dir).stop(), data_dir.exists()) == (False, False)


def test_a_killed_server_restarts_on_its_port_with_its_data(data_dir: Path) -> None:
    server = Mongod(data_dir)
    uri = server.start()
    with pymongo.MongoClient(uri, w="majority", journal=True) as client:
        client["here"]["things"].insert_many([{} for _ in range(1000)])
        pid = server.pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        assert server.start() == uri
        assert client["here"]["things"].count_documents({}) == 1000


def test_a_killed_server_moves_with_its_data_when_its_port_is_taken(data_dir: Path) -> None:
    server = Mongod(data_dir)
    uri = server.start()
    with pymongo.MongoClient(uri, w="majority", journal=True) as client:
        client["here"]["things"].insert_many([{} for _ in range(1000)])
    kill_mongods(data_dir)
    # The kernel closes the sockets of a killed process after its name is gone from the table.
    wait_for(lambda: is_free(port_of(uri)))
    with listener(port_of(uri)):
        moved = server.start()
    assert moved != uri
    with pymongo.MongoClient(moved) as client:
        client["here"]["things"].insert_one({})
        assert client["here"]["things"].count_documents({}) == 1001


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(data_dir: Path) -> None:
    with listener() as port, pytest.raises(ServerError, match=f"Port {port} is taken"):
        Mongod(data_dir, port=port).start()


def test_a_server_whose_starter_died_before_the_initiation_heals(data_dir: Path) -> None:
    run(data_dir, HALF_WAY)
    wait_for(lambda: Mongod(data_dir).status().running)
    with pymongo.MongoClient(Mongod(data_dir).start()) as client:
        assert client.admin.command("hello")["isWritablePrimary"]


def test_a_server_whose_starter_died_a_moment_ago_is_waited_for(data_dir: Path) -> None:
    run(data_dir, HALF_WAY)
    Mongod(data_dir).start()
    assert len(mongods(data_dir)) == 1


def test_a_server_killed_before_the_initiation_heals(data_dir: Path) -> None:
    run(data_dir, HALF_WAY)
    wait_for(lambda: Mongod(data_dir).status().running)
    kill_mongods(data_dir)
    with pymongo.MongoClient(Mongod(data_dir).start()) as client:
        assert client.admin.command("hello")["isWritablePrimary"]


def test_a_pid_that_another_program_has_now_is_left_alone(data_dir: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (data_dir / "db").mkdir(parents=True)
    (data_dir / "db" / "mongod.lock").write_text(f"{stranger.pid}\n")
    (data_dir / "server.json").write_text(json.dumps({"port": free_port(), "keep": False}))
    server = Mongod(data_dir)
    assert not server.stop()
    server.start()
    server.stop()
    assert stranger.poll() is None
    stranger.communicate(b"\n")


def test_a_port_that_another_server_has_now_is_not_taken_for_ours(
    data_dir: Path, tmp_path: Path
) -> None:
    other = Mongod(tmp_path / "other", replica_set=None)
    data_dir.mkdir()
    try:
        state = {"port": port_of(other.start()), "keep": False}
        (data_dir / "server.json").write_text(json.dumps(state))
        assert not Mongod(data_dir).status().running
    finally:
        kill_mongods(other.data_dir)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"port": "x", "keep": 1}'])
def test_a_broken_state_file_counts_as_none(data_dir: Path, content: str) -> None:
    data_dir.mkdir()
    (data_dir / "server.json").write_text(content)
    assert not Mongod(data_dir).status().running


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["long" * 50] * 4)
    try:
        assert Mongod(folder, replica_set=None).start().startswith("mongodb://127.0.0.1:")
    finally:
        kill_mongods(folder)


def test_a_relative_path_means_the_folder_it_meant_then(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = Mongod(data_dir.name, replica_set=None)
    monkeypatch.chdir("/")
    server.start()
    assert server.status().data_dir == data_dir


def test_a_server_that_dies_at_its_start_says_why(data_dir: Path) -> None:
    with pytest.raises(ServerError, match="noSuchParameter"):
        Mongod(data_dir, parameters={"noSuchParameter": 1}).start()


def test_a_folder_that_cannot_be_made_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Exception, match="cannot be made: Not a directory") as caught:
        Mongod(tmp_path / "file" / "data").start()
    assert "\n" not in str(caught.value)
