"""How a user can sign in for the first time, in sentences for an operator."""

from chabad_auth_django.conf import conf, configured_issuers
from chabad_auth_django.exceptions import AuthMethodDisabled
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import hosts
from chabad_auth_django.services.signing_in import callers


def describe(*, user: User) -> list[str]:
    """Return a sentence for each way in which the user can sign in the first time."""
    ways = []
    try:
        callers.check_host_door()
    except AuthMethodDisabled:
        pass
    else:
        if hosts.verifies_addresses():
            ways.append(
                f"With an account of this Django project whose verified address is {user.email}."
            )
        ways.append(
            "With an account of this Django project, after "
            f"'chabad_link_host_account {user.email} PRIMARY-KEY'."
        )
    for issuer in configured_issuers():
        # Such tokens link to nobody who has more than the default role.
        if issuer["AUTH_METHOD"] in conf.AUTH_METHODS and issuer["TOKENS_HAVE_ISSUER"]:
            ways.append(
                f"With a token of {issuer['ISSUER']} for the verified address {user.email}."
            )
    return ways
