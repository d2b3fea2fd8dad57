"""The tutorial, run as it stands: its commands and its files, on a plain virtual environment."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.chromium import needs_chromium
from support.chromium import page as open_page

from chabad_auth_django.contrib.embedded.folder import DataFolder
from chabad_auth_django.contrib.embedded.probe import free_port

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial.md"

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: The first line of a file is a comment that says its name.
NAME = re.compile(r"\S+ (\w+)/([\w.]+)(, at the end)?")

#: What a shell of the reader has.
INHERITED = ("HOME", "LANG", "PIP_", "SSL_", "http_proxy", "https_proxy", "no_proxy")

SECONDS = 900

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("our_server")]


class Tutorial(NamedTuple):
    """Where the reader has arrived: the front end's address, and what curl has answered."""

    front_end: str
    answer: str


def script(text: str, ports: dict[str, str]) -> str:
    """Return the page as a script of one shell, which waits for each server that it starts."""
    lines = ["set -eu"]
    for language, block in BLOCK.findall(text):
        if language != "bash":
            folder, name, at_end = NAME.match(block).groups()
            target = f"{'>>' if at_end else '>'} {folder}/{name}"
            lines.append(f"mkdir -p {folder}; cat {target} <<'END OF FILE'\n{block}END OF FILE")
        elif "runserver" in block or "http.server" in block:
            port = ports["8000" if "runserver" in block else "5500"]
            wait = f"curl -s --retry {SECONDS} --retry-delay 1 --retry-connrefused 127.0.0.1:{port}"
            lines.append(f"{block.strip()} > {port}.log 2>&1 &\n{wait} > page")
        else:
            lines.append(block)
    return "\n".join([*lines, "echo; echo ARRIVED; wait"])


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tutorial]:
    """Do what the page says; its servers run until the end."""
    folder = tmp_path_factory.mktemp("tutorial")
    ports = {"8000": str(free_port()), "5500": str(free_port())}
    text = PAGE.read_text(encoding="utf-8").replace("/path/to/the/clone", str(ROOT))
    text = re.sub("8000|5500", lambda port: ports[port[0]], text)
    text = text.replace("manage.py runserver", f"manage.py runserver {ports['8000']}")
    environment = {name: value for name, value in os.environ.items() if name.startswith(INHERITED)}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    log = folder.parent / "tutorial.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["bash", "-c", script(text, ports)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + SECONDS
        while "ARRIVED" not in log.read_text():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield Tutorial(f"http://127.0.0.1:{ports['5500']}/", log.read_text().splitlines()[-2])
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
    while DataFolder(folder / "mongodb-data").in_use():
        assert time.monotonic() < deadline + 60, "The MongoDB server goes on."
        time.sleep(0.2)


def test_the_reader_signs_in_and_reads_who_she_is(tutorial: Tutorial) -> None:
    assert json.loads(tutorial.answer)["email"] == "ann@example.org"


@needs_chromium
def test_the_front_end_reads_writes_and_loses_nothing(tutorial: Tutorial) -> None:
    def sign_in(tab):
        tab.goto(tutorial.front_end)
        tab.fill("[name=password]", "correct-horse")
        tab.click("text=Sign in")
        tab.wait_for_selector("text=Signed in as ann@example.org")

    def save(tab, text):
        tab.fill("textarea", text)
        tab.click("text=Save")

    with open_page() as first:
        first.goto(tutorial.front_end)
        first.fill("[name=password]", "wrong")
        first.click("text=Sign in")
        first.wait_for_selector("text=The username or the password is wrong.")
        second = first.context.new_page()
        sign_in(first)
        sign_in(second)
        save(first, "milk")
        first.wait_for_selector("text=Saved")
        save(second, "bread")
        second.wait_for_selector("text=Changed elsewhere: milk")
        sign_in(second)
        assert second.input_value("textarea") == "milk"
        save(second, "milk and bread")
        second.wait_for_selector("text=Saved")
        sign_in(first)
        assert first.input_value("textarea") == "milk and bread"
