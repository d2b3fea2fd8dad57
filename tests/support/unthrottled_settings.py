"""The example project without a limit on sign-ins: hundreds of them are tried in a minute."""

from config.settings import *  # noqa: F403
from config.settings import CHABAD_AUTH as EXAMPLE

CHABAD_AUTH = {**EXAMPLE, "THROTTLE_RATES": {"sign_in": None, "refresh": None}}
