"""A host project with every door: passwords, sessions, issuers and the real allauth."""

from support.allauth_settings import *  # noqa: F403

# The package asks whether an address is verified; here allauth lets everybody so far.
ACCOUNT_EMAIL_VERIFICATION = "none"
ALLOWED_HOSTS = ["testserver"]
