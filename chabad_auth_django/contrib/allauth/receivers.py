"""What follows a change of an account: the receivers of allauth's signals."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import pymongo
from allauth.account import signals as account_signals
from allauth.core import context
from allauth.socialaccount import signals as social_signals
from django.apps import apps
from django.contrib.auth import signals as auth_signals
from django.db.models.signals import post_delete
from django.utils.module_loading import import_string

from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import Blocked
from chabad_auth_django.failures import log_failure
from chabad_auth_django.services.identity import hosts, identities
from chabad_auth_django.services.signing_in import flows, sessions

#: The key in a Django session under which the id of the session that it opened here is kept.
SESSION_ID = "chabad_auth_session"

Receiver = Callable[..., None]


def connect() -> None:
    """Connect every receiver; connecting twice changes nothing."""
    account_signals.email_changed.connect(follow_changed_email)
    account_signals.email_confirmed.connect(follow_confirmed_email)
    account_signals.password_changed.connect(keep_session)
    account_signals.password_set.connect(keep_session)
    auth_signals.user_logged_out.connect(end_session)
    social_signals.social_account_added.connect(add_auth_method)
    # allauth's own signals tell of what the owner removes, but not of what staff delete.
    if apps.is_installed("allauth.socialaccount"):
        post_delete.connect(end_other_sessions, sender="socialaccount.SocialAccount")
    if apps.is_installed("allauth.mfa"):
        mfa_signals = import_string("allauth.mfa.signals")
        mfa_signals.authenticator_added.connect(follow_second_factor)
        post_delete.connect(end_other_sessions, sender="mfa.Authenticator")


def _quiet(receiver: Receiver) -> Receiver:
    """Log what fails in a receiver: the change of the account is made, and must be answered."""

    @wraps(receiver)
    def call(**kwargs: Any) -> None:
        try:
            with pymongo.timeout(conf.TRANSACTION_TIMEOUT):
                receiver(**kwargs)
        except Blocked:
            # Nothing of a blocked user changes.
            return
        except Exception as error:
            log_failure(receiver, error, moment="after a change of an account")

    return call


@_quiet
def follow_changed_email(*, user: Any, **kwargs: Any) -> None:
    """Give our user the new address of the account."""
    _follow_email(user)


@_quiet
def follow_confirmed_email(*, email_address: Any, **kwargs: Any) -> None:
    """Give our user the address of the account that is verified now."""
    _follow_email(email_address.user)


@_quiet
def keep_session(*, request: Any, user: Any, **kwargs: Any) -> None:
    """Let the session go on in which the password was changed; all others of the account end."""
    session_id = request.session.get(SESSION_ID)
    if session_id is not None:
        sessions.keep_host_session(
            session_id=session_id,
            opened_by=hosts.host_key(account=user),
            host_hash=hosts.session_hash(account=user),
        )


@_quiet
def end_session(*, request: Any, user: Any, **kwargs: Any) -> None:
    """End our session with the Django session that opened it."""
    session_id = request.session.get(SESSION_ID)
    if session_id is None or user is None:
        return
    claimant = identities.find_claimant(key=hosts.host_key(account=user))
    if claimant is not None:
        flows.sign_out(user_id=claimant.id, session_id=session_id)


@_quiet
def follow_second_factor(*, request: Any, user: Any, authenticator: Any, **kwargs: Any) -> None:
    """End the other sessions when the account gets its first second factor.

    Whoever knew its password may have opened one of them.
    """
    factors = type(authenticator).objects.filter(user=user, type__in=hosts.SECOND_FACTORS)
    if authenticator.type in hosts.SECOND_FACTORS and factors.count() == 1:
        _end_other_sessions(request, user)


@_quiet
def end_other_sessions(*, sender: Any, instance: Any, origin: Any, **kwargs: Any) -> None:
    """End the other sessions when the account loses a social account or a second factor.

    Whoever has it may have opened one of them. What goes with the account itself ends its own.
    """
    is_alone = getattr(origin, "model", type(origin)) is sender
    # New recovery codes replace the old ones.
    if is_alone and getattr(instance, "type", None) != "recovery_codes":
        _end_other_sessions(context.request, instance.user)


@_quiet
def add_auth_method(*, sociallogin: Any, **kwargs: Any) -> None:
    """Give our user the authentication method that the new social account stands for."""
    auth_method = conf.SOCIAL_AUTH_METHODS.get(sociallogin.account.provider)
    user = identities.find_claimant(key=hosts.host_key(account=sociallogin.user))
    if auth_method is not None and user is not None:
        user.add_auth_method(auth_method)


def _end_other_sessions(request: Any, account: Any) -> None:
    claimant = identities.find_claimant(key=hosts.host_key(account=account))
    if claimant is not None:
        keep = request.session.get(SESSION_ID) if request else None
        sessions.revoke_all_sessions(user_id=claimant.id, keep=keep)


def _follow_email(account: Any) -> None:
    identity = identities.of_host_account(account=account)
    if identity.email_verified and identities.find_claimant(key=identity.key) is not None:
        identities.find_or_create_user(identity=identity)
