"""Whatever schemathesis makes of the calls' description, no answer is another than described.

Five thousand cases; a few hundred with ``--sample``.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.claims import Claim
from support.example_server import example_server
from support.merkos import token

CHECKS = "not_a_server_error,status_code_conformance,response_schema_conformance"


@pytest.mark.slow
def test_no_call_is_an_error_of_the_server(
    mongodb: str, tmp_path: Path, pytestconfig: pytest.Config, claim: Claim
) -> None:
    # It outlives the run: an access token would expire, and nobody would be signed in any more.
    signed_in = token("ann", lifetime=24 * 60 * 60)
    is_whole = pytestconfig.option.sample == 1
    config = tmp_path / "schemathesis.toml"
    config.write_text('[parameters]\n"path.user" = "me"\n')
    with example_server(
        mongodb, tmp_path, DJANGO_SETTINGS_MODULE="support.portal_settings"
    ) as address:
        result = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                *("--config-file", config, "run", f"{address}/api/universe/schema/"),
                *("--header", f"Authorization: Bearer {signed_in}"),
                # Signing out would leave nobody for the cases that follow.
                *("--exclude-path-regex", "logout", "--phases", "coverage,fuzzing"),
                *("--checks", CHECKS, "--max-examples", "600" if is_whole else "10"),
                *("--generation-with-security-parameters", "false"),
                *("--generation-deterministic", "--no-shrink", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    print(result.stdout)
    assert result.returncode == 0, result.stderr
    generated = int(re.search(r"(\d+) generated", result.stdout)[1])
    wanted = 5_000 if is_whole else 200
    claim("no call of the clients is an error", f"{generated:,} cases", generated >= wanted)
