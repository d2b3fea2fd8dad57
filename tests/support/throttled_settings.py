"""The example project with a limit on how often one user may write."""

from config.settings import *  # noqa: F403
from config.settings import CHABAD_AUTH as EXAMPLE

CHABAD_AUTH = {**EXAMPLE, "THROTTLE_RATES": {"write": "60/min"}}
