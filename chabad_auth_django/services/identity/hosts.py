"""What the accounts of the Django project say: who they are, and whether they may come in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.module_loading import import_string

from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.validators import normalize_email

#: The key in a Django session under which allauth keeps how its user has signed in.
ALLAUTH_METHODS = "account_authentication_methods"


class HostAdapter:
    """Answers every question about an account of the Django project.

    A project whose accounts are different subclasses it and names the subclass in
    ``CHABAD_AUTH["HOST_ADAPTER"]``. ``account`` is always an instance of ``AUTH_USER_MODEL``.
    """

    def get_account(self, *, primary_key: str) -> Any | None:
        """Return the account with the primary key, or ``None``."""
        model = get_user_model()
        try:
            return model._default_manager.filter(pk=primary_key).first()
        except (DjangoValidationError, TypeError, ValueError):
            return None

    def generation(self, *, account: Any) -> str:
        """Return a text that stays while the account is the same person's.

        A database may give the primary key of a deleted account to a new one; both must differ in
        this. The default is the time at which the account was made, which is empty text where the
        account has none: then its primary key must never be used again, as with a UUID.
        """
        joined = getattr(account, "date_joined", None)
        return joined.isoformat() if joined else ""

    def email(self, *, account: Any) -> str | None:
        """Return the e-mail address of the account, verified or not."""
        field = getattr(account, "get_email_field_name", lambda: "email")()
        value = getattr(account, field, None)
        return value if isinstance(value, str) and value else None

    def is_email_verified(self, *, account: Any, email: str) -> bool:
        """Tell whether the owner of the account has proved to receive mail at the address.

        The default asks allauth where it is installed, and says no elsewhere: whoever edits a
        plain Django account decides its address.
        """
        if not apps.is_installed("allauth.account"):
            return False
        addresses = _model("account", "EmailAddress")
        verified = addresses.filter(user=account, verified=True).values_list("email", flat=True)
        return email in map(_normal_form, verified)

    def name(self, *, account: Any) -> str | None:
        """Return the full name of the account's owner, or ``None``."""
        return getattr(account, "get_full_name", str)() or None

    def is_active(self, *, account: Any) -> bool:
        """Tell whether the account may sign in."""
        return bool(getattr(account, "is_active", True))

    def has_second_factor(self, *, account: Any) -> bool:
        """Tell whether a password alone must not open anything for the account.

        The default asks ``allauth.mfa`` where it is installed.
        """
        if not apps.is_installed("allauth.mfa"):
            return False
        authenticators = _model("mfa", "Authenticator")
        return authenticators.filter(user=account).exists()

    def gave_second_factor(self, *, session: Any) -> bool:
        """Tell whether the second factor was given in this Django session.

        The default knows what allauth keeps there. Django's own login keeps nothing, so an account
        with a second factor that signed in to the Django admin is refused.
        """
        methods = session.get(ALLAUTH_METHODS) if session is not None else None
        return isinstance(methods, list) and any(
            isinstance(method, dict) and method.get("method") == "mfa" for method in methods
        )

    def session_hashes(self, *, account: Any) -> Sequence[str]:
        """Return what Django compares a session with; the first one is for new sessions.

        It changes with the password. The others are made with ``SECRET_KEY_FALLBACKS``.
        """
        if not hasattr(account, "get_session_auth_hash"):
            return []
        fallbacks = getattr(account, "get_session_auth_fallback_hash", tuple)
        return [account.get_session_auth_hash(), *fallbacks()]


def adapter() -> HostAdapter:
    """Return the adapter that ``CHABAD_AUTH["HOST_ADAPTER"]`` names."""
    made: HostAdapter = import_string(conf.HOST_ADAPTER)()
    return made


def verified_email(*, account: Any) -> str | None:
    """Return the normal form of the account's address where it is verified, else ``None``."""
    host = adapter()
    email = _normal_form(host.email(account=account) or "")
    if not email or not host.is_email_verified(account=account, email=email):
        return None
    return email


def _model(app: str, name: str) -> Any:
    return apps.get_model(app, name)._default_manager


def _normal_form(email: str) -> str:
    try:
        return normalize_email(email)
    except ValidationError:
        return ""
