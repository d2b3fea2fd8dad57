"""A refused sign-in does not tell by its time whether the e-mail address exists."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import quantiles
from typing import Any

from support.claims import Claim
from support.processes import python

RUN = "import django; django.setup(); from support import login_timing; login_timing.main()"

#: How much the lower quartiles may differ: what else the machine does only ever adds time. Where
#: nothing is hashed they differ by more than half.
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
        found["quartile"] = quantiles(found["seconds"], n=4)[0]
    quartiles = known["quartile"], unknown["quartile"]
    return known, unknown, 1 - min(quartiles) / max(quartiles)


def test_a_refused_sign_in_takes_as_long_whether_the_user_exists(
    mongodb: str, tmp_path: Path, claim: Claim
) -> None:
    known, unknown, difference = measure(mongodb, tmp_path)
    assert known["hashes"] == unknown["hashes"] == len(known["seconds"])
    assert known["commands"] == unknown["commands"] == 0
    claim(
        "a refused sign-in does not tell by its time whether the user exists",
        f"lower quartiles of {len(known['seconds'])} tries each, interleaved: "
        f"{known['quartile'] * 1000:.1f} ms known, {unknown['quartile'] * 1000:.1f} ms unknown",
        difference < TOLERANCE,
    )


def test_the_measure_finds_a_backend_that_looks_before_it_hashes(
    mongodb: str, tmp_path: Path
) -> None:
    assert measure(mongodb, tmp_path, "naive")[2] > TOLERANCE
