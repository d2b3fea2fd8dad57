"""The accounts of the Django project: who they are, and whether they may sign in."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.module_loading import import_string
from django.utils.timezone import get_default_timezone

from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import SecondFactorRequired, ValidationError
from chabad_auth_django.models import ExternalId
from chabad_auth_django.models.external_id import HOST
from chabad_auth_django.validators import normalize_email

#: The authentication method of accounts of the Django project.
CREDENTIALS = "credentials"

#: The keys in a Django session under which allauth keeps how somebody signed in, and which account.
ALLAUTH_METHODS = "account_authentication_methods"
ALLAUTH_METHODS_USER = "account_authentication_methods_user"

#: What allauth asks for after a password. Recovery codes alone are no second factor to it.
SECOND_FACTORS = ("totp", "webauthn")


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
        """Return a text that stays the same as long as the account is the same person's.

        A database may use the primary key of a deleted account again: the new account must have
        another text. The default is the time at which the account was made. It is empty where the
        account has no such time; then primary keys must be unique for ever, as UUIDs are.
        """
        joined: Any = getattr(account, "date_joined", None)
        if isinstance(joined, datetime):
            # A new account has it in UTC, a stored one in the zone of the database; without USE_TZ
            # it has none.
            zone = joined.tzinfo or get_default_timezone()
            joined = joined.replace(tzinfo=zone).astimezone(UTC)
        return joined.isoformat() if joined else ""

    def email(self, *, account: Any) -> str | None:
        """Return the e-mail address of the account, verified or not."""
        field = getattr(account, "get_email_field_name", lambda: "email")()
        # EMAIL_FIELD may be None.
        value = getattr(account, field or "", None)
        return value if isinstance(value, str) and value else None

    def is_email_verified(self, *, account: Any, email: str) -> bool:
        """Tell whether the owner of the account has proved to receive mail at the address.

        The default asks allauth where it is installed, and says no elsewhere, because Django does
        not verify the addresses of its accounts.
        """
        if not apps.is_installed("allauth.account"):
            return False
        addresses = _model("account", "EmailAddress")
        verified = addresses.filter(user=account, verified=True).values_list("email", flat=True)
        return any(_reaches(address, email) for address in verified)

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
        is_mfa_enabled = import_string("allauth.mfa.utils.is_mfa_enabled")
        return bool(is_mfa_enabled(account, types=SECOND_FACTORS))

    def gave_second_factor(self, *, account: Any, session: Any) -> bool:
        """Tell whether the account gave its second factor, or a passkey, in this Django session.

        The default knows what allauth keeps there. Django's own login keeps nothing, so an account
        with a second factor that signed in to the Django admin is refused. So is one whose factor
        was removed since.
        """
        records = _allauth_records(account, session)
        given = [record.get("id") for record in records if record.get("method") == "mfa"]
        if not given:
            return False
        return bool(_model("mfa", "Authenticator").filter(user=account, pk__in=given).exists())

    def auth_method(self, *, account: Any, session: Any) -> str:
        """Return the authentication method with which the account opened this Django session.

        The default knows what allauth keeps there of a social login, and what
        ``CHABAD_AUTH["SOCIAL_AUTH_METHODS"]`` makes of its provider.
        """
        # A second factor and a password that was asked for again come on top of a sign-in.
        entries = [
            record
            for record in _allauth_records(account, session)
            if record.get("method") != "mfa" and not record.get("reauthenticated")
        ]
        if not entries or entries[-1].get("method") != "socialaccount":
            return CREDENTIALS
        methods: Mapping[Any, str] = conf.SOCIAL_AUTH_METHODS
        return methods.get(entries[-1].get("provider"), CREDENTIALS)

    def roles(self, *, account: Any) -> Collection[str]:
        """Return the roles that the account stands for.

        The default reads ``CHABAD_AUTH["HOST_SUPERUSER_ROLES"]`` and ``["HOST_GROUP_ROLES"]``.
        """
        roles = set(conf.HOST_SUPERUSER_ROLES if getattr(account, "is_superuser", False) else ())
        if conf.HOST_GROUP_ROLES and hasattr(account, "groups"):
            groups = account.groups.filter(name__in=conf.HOST_GROUP_ROLES)
            for name in groups.values_list("name", flat=True):
                roles.update(conf.HOST_GROUP_ROLES[name])
        return roles

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


def verifies_addresses() -> bool:
    """Tell whether anything can verify an address of an account."""
    own = type(adapter()).is_email_verified is not HostAdapter.is_email_verified
    return own or apps.is_installed("allauth.account")


def host_key(*, account: Any) -> str:
    """Return the ``_id`` of the claim on an account of the Django project."""
    generation = adapter().generation(account=account)
    return ExternalId.account_key(HOST, str(conf.HOST_ID), str(account.pk), generation)


def check_second_factor(*, account: Any, session: Any) -> None:
    """Raise ``SecondFactorRequired`` where the account has one and did not give it.

    ``session`` is the Django session that the account opened.
    """
    host = adapter()
    if host.has_second_factor(account=account) and not host.gave_second_factor(
        account=account, session=session
    ):
        raise SecondFactorRequired


def verified_email(*, account: Any) -> str | None:
    """Return the normal form of the account's address where it is verified, else ``None``."""
    host = adapter()
    email = _normal_form(host.email(account=account) or "")
    if not email or not host.is_email_verified(account=account, email=email):
        return None
    return email


def session_hash(*, account: Any) -> str | None:
    """Return the hash that a new session of the account keeps, or ``None``."""
    return next(iter(adapter().session_hashes(account=account)), None)


def _model(app: str, name: str) -> Any:
    return apps.get_model(app, name)._default_manager


def _allauth_records(account: Any, session: Any) -> list[dict[str, Any]]:
    """Return how the account signed in to the Django session, as allauth keeps it there.

    The session may also hold the records of another account that began to sign in before.
    """
    primary_key = account._meta.pk.value_to_string(account)
    if session is None or session.get(ALLAUTH_METHODS_USER) != primary_key:
        return []
    records = session.get(ALLAUTH_METHODS)
    if not isinstance(records, list):
        return []
    return [record for record in records if isinstance(record, dict)]


def _reaches(address: str, email: str) -> bool:
    """Tell whether mail to the verified address went to the mailbox with this normal form.

    A mail server may tell apart what the normal form does not, such as full-width letters before
    the ``@``. Django's mailer takes some domains for others: mail to ``straße.de`` goes to
    ``strasse.de``.
    """
    local_part, _, domain = address.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode().lower()
    except UnicodeError:
        return False
    return local_part.isascii() and f"{local_part.lower()}@{ascii_domain}" == email


def _normal_form(email: str) -> str:
    try:
        return normalize_email(email)
    except ValidationError:
        return ""
