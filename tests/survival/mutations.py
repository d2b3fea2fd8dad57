"""Break the package on purpose, one promise at a time, and see that a test notices.

``python tests/survival/mutations.py [WORD]``: each mutation is made in a copy of the project, whose
named tests must fail then; all of them must pass before. Prints one line for each and exits with 1
when one was not caught. With a word only the mutations whose names hold it are tried.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PACKAGE = "chabad_auth_django"

#: pytest's exit status when tests ran and some failed; another is a broken copy.
TESTS_FAILED = 1


@dataclass(frozen=True)
class Mutation:
    """A text of the package, what it becomes, and the tests that must fail then."""

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


MUTATIONS = [
    Mutation(
        "no check after a write whether the user still exists",
        "models/owned.py",
        "        wanted = set(user_ids.values())\n",
        "        wanted = set()\n",
        ("tests/services/lifecycle/test_deletion.py::test_a_deleted_user_is_gone_for_every_write",),
    ),
    Mutation(
        "no check of the user for an event that is stored already",
        "services/data/events.py",
        "        document = model.read(_id=",
        "        return model.read(_id=",
        ("tests/api/test_events.py::test_a_repeated_event_for_a_user_who_is_gone_is_refused",),
    ),
    Mutation(
        "the version: not compared",
        "models/app_data_criteria.py",
        '    return {"version": {"$eq": expected}}\n',
        "    return {}\n",
        (
            "tests/models/test_concurrency.py"
            "::test_concurrent_updates_with_the_expected_version_lose_none",
        ),
    ),
    Mutation(
        "majority writes: w=1",
        "db/client.py",
        '**{**super().write_concern.document, "w": "majority"}',
        '**{**super().write_concern.document, "w": 1}',
        (
            "tests/db/test_joining.py::test_outside_a_transaction_every_write_waits_for_the_majority",
        ),
    ),
    Mutation(
        "majority writes: not asked of the connection",
        "db/connection.py",
        '    "w": "majority",\n',
        "",
        ("tests/db/test_connection.py",),
    ),
    Mutation(
        "free-form JSON: no limit of depth",
        "validators.py",
        "                if depth == max_depth:\n",
        "                if depth == -1:\n",
        ("tests/test_validators.py::test_depth_and_keys_are_settings",),
    ),
    Mutation(
        "ownership: everybody passes for the owner",
        "api/http/permissions.py",
        '    return view.kwargs.get("user") in ("me", str(caller.id))\n',
        "    return True\n",
        ("tests/api/test_permissions.py::test_another_user_cannot_tell_whether_somebody_exists",),
    ),
    Mutation(
        "a deletion: done without a grace period",
        "services/lifecycle/deletion.py",
        "    return now() - timedelta(seconds=conf.DELETION_GRACE_SECONDS)\n",
        "    return now()\n",
        ("tests/services/lifecycle/test_deletion.py::test_a_job_is_kept_for_the_grace_period",),
    ),
    Mutation(
        "a deletion: no second sweep",
        "services/lifecycle/deletion.py",
        "    purged = purging.purge(user_id=user_id)\n    job =",
        "    purged = {}\n    return Outcome(user_id, purged, finished=True)\n    job =",
        (
            "tests/services/lifecycle/test_deletion.py::test_the_sweep_takes_what_a_killed_writer_left",
        ),
    ),
    Mutation(
        "the last administrator: nobody says that they are about to go",
        "services/identity/administrators.py",
        '{"$concatArrays": [live, [new]]}',
        "live",
        (
            "tests/services/identity/test_administrators.py"
            "::test_without_transactions_who_comes_just_before_the_change_is_refused",
        ),
    ),
    Mutation(
        "an error report: shows the variables",
        "api/http/views.py",
        "    @sensitive_variables()\n",
        "",
        ("tests/api/test_secrets.py::test_a_report_of_a_bug_shows_nothing",),
    ),
]


def copy_project(target: Path) -> None:
    """Copy what the tests need."""
    for name in (PACKAGE, "tests", "example_project", "docs", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source,
                target / name,
                ignore=shutil.ignore_patterns("__pycache__", "mongodb-data", "*.sqlite3"),
            )
        else:
            shutil.copy(source, target / name)


def run(project: Path, tests: Sequence[str], *options: str) -> int:
    """Run tests of the copy; return pytest's exit status."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", *options, *tests],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
        check=False,
    ).returncode


def is_caught(project: Path, mutation: Mutation) -> bool:
    """Mutate the copy, run the tests, and undo it; raise where the text is not there once."""
    file = project / PACKAGE / mutation.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutation.before) != 1:
        raise SystemExit(f"{mutation.name}: {mutation.file} has changed; correct the mutation.")
    file.write_text(text.replace(mutation.before, mutation.after), encoding="utf-8")
    try:
        return run(project, mutation.tests, "-x") == TESTS_FAILED
    finally:
        file.write_text(text, encoding="utf-8")


def main(word: str = "") -> int:
    """Try the mutations; return the exit status."""
    mutations = [mutation for mutation in MUTATIONS if word in mutation.name]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        copy_project(project)
        tests = dict.fromkeys(test for mutation in mutations for test in mutation.tests)
        if run(project, list(tests)):
            raise SystemExit("The tests fail before anything is broken.")
        for mutation in mutations:
            began = time.monotonic()
            caught = is_caught(project, mutation)
            missed += not caught
            word = "caught" if caught else "MISSED"
            sys.stdout.write(f"{word}  {mutation.name} ({time.monotonic() - began:.0f} s)\n")
            sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
