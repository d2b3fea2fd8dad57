"""The API keeps to its OpenAPI description, whatever schemathesis makes of that.

The same few hundred cases each time; with ``SCHEMATHESIS_MAX_EXAMPLES=20`` thousands of others, in
all phases, and with ``--long`` tens of thousands.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.claims import Claim
from support.example_server import example_server

from chabad_auth_django.models import User
from chabad_auth_django.services.signing_in import flows

TESTS = Path(__file__).parent.parent

MAX_EXAMPLES = os.environ.get("SCHEMATHESIS_MAX_EXAMPLES")

#: With ``--long``.
LONG_EXAMPLES = "300"

#: What differs from schemathesis' expectations, and why.
CONFIG = """
[parameters]
# A user who exists: of any other, everything is 404.
"path.user" = "{user}"

[checks.positive_data_acceptance]
# 412: `If-Match` is a string by the schema; which one matches, only the answers say.
# 422: the same Idempotency-Key comes with other data.
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 412, 422, 429, 503]

[checks.negative_data_rejection]
# 412: the precondition comes before what only the database tells to be invalid.
expected-statuses = [400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 503]

[[operations]]
# A batch is answered 200 and names the events that are bad; a bad single event must be refused.
include-operation-id = ["chabad_activities_create", "chabad_analytics_create"]
checks.negative_data_rejection.expected-statuses = [200, 400, 401, 409, 413, 415, 422, 503]

[[operations]]
# 400: an id with a dot names a widget that can be switched, but not customized: there it is a key.
include-operation-id = "chabad_widgets_set"
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 412, 422, 503]
"""


@pytest.mark.slow
def test_the_api_keeps_to_its_description(
    mongodb: str, tmp_path: Path, long: bool, claim: Claim
) -> None:
    max_examples = MAX_EXAMPLES or (LONG_EXAMPLES if long else None)
    User.create_user(email="admin@example.org", roles=["admin"], auth_methods=["google"])
    user = User.create_user(email="user@example.org", auth_methods=["google", "cdsso"])
    token = flows.issue_tokens(name="admin@example.org").access_token
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.format(user=user.id))
    phases = "examples,coverage,fuzzing,stateful" if max_examples else "fuzzing"
    with example_server(mongodb, tmp_path) as address:
        result = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                *("--config-file", config, "run", f"{address}/api/schema/"),
                *("--header", f"Authorization: Bearer {token}"),
                *("--checks", "all", "--phases", phases),
                *("--max-examples", max_examples or "4"),
                # A cookie is not looked at beside a bearer token: a wrong one is not refused.
                *("--generation-with-security-parameters", "false"),
                *(() if max_examples else ("--generation-deterministic",)),
                *("--no-shrink", "--no-color"),
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(TESTS),
                "SCHEMATHESIS_HOOKS": "support.schemathesis_hooks",
            },
            capture_output=True,
            text=True,
        )
    print(result.stdout)
    assert result.returncode == 0, result.stderr
    generated = int(re.search(r"(\d+) generated", result.stdout)[1])
    wanted = 20_000 if long else 2_000 if max_examples else 200
    claim("the API keeps to its description", f"{generated:,} cases", generated >= wanted)
