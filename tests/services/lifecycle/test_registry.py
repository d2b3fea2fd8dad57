"""Every list of Documents has the Document that an app of the host project adds."""

import json
from pathlib import Path

from support.processes import python


def test_a_document_of_a_host_needs_nothing_but_its_model(
    either_server: str, tmp_path: Path
) -> None:
    result = python(
        "-m",
        "support.seventh_life",
        cwd=tmp_path,
        MONGODB_URI=either_server,
        DJANGO_SETTINGS_MODULE="support.seventh_settings",
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "indexes": 2,
        "counted": 2,
        "used": [True, True],
        "sharded": [None],
        "left": 0,
        "swept": [{"achievements": 1}],
        "would import": 2,
        "imported": 2,
        "differing": 1,
        "kept": True,
        "amiss": ["invalid", "orphan"],
        "repaired": 0,
    }
