"""A refused sign-in does not tell by its time whether the e-mail address exists."""

import json
from pathlib import Path
from statistics import median
from typing import Any

from support.claims import Claim
from support.processes import python

RUN = "import django; django.setup(); from support import login_timing; login_timing.main()"

#: How much the medians may differ; where nothing is hashed they differ by more than half.
TOLERANCE = 0.2


def measure(uri: str, cwd: Path, *arguments: str) -> tuple[dict[str, Any], dict[str, Any], float]:
    result = python(
        *("-c", RUN, *arguments),
        cwd=cwd,
        MONGODB_URI=uri,
        DJANGO_SETTINGS_MODULE="support.api_settings",
    )
    assert result.returncode == 0, result.stderr
    known, unknown = json.loads(result.stdout)
    for found in (known, unknown):
        found["median"] = median(found["seconds"])
    medians = known["median"], unknown["median"]
    return known, unknown, 1 - min(medians) / max(medians)


def test_a_refused_sign_in_takes_as_long_whether_the_user_exists(
    mongodb: str, tmp_path: Path, claim: Claim
) -> None:
    known, unknown, difference = measure(mongodb, tmp_path)
    assert known["hashes"] == unknown["hashes"] == len(known["seconds"])
    assert known["commands"] == unknown["commands"] == 0
    claim(
        "a refused sign-in does not tell by its time whether the user exists",
        f"medians of {len(known['seconds'])} tries each, interleaved: "
        f"{known['median'] * 1000:.1f} ms known, {unknown['median'] * 1000:.1f} ms unknown",
        difference < TOLERANCE,
    )


def test_the_measure_finds_a_backend_that_looks_before_it_hashes(
    mongodb: str, tmp_path: Path
) -> None:
    assert measure(mongodb, tmp_path, "naive")[2] > TOLERANCE
