"""The check of the database. It asks MongoDB, so it runs with ``check --database default`` only."""

import re
import sys
from collections.abc import Sequence
from typing import Any

import pymongo
from django.core.checks import CheckMessage, Warning
from django.db import DEFAULT_DB_ALIAS
from pymongo.errors import PyMongoError

from chabad_auth_django.checks import check_host_accounts, host_accounts_sign_in, settings_work
from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection, errors, testing
from chabad_auth_django.models import ExternalId
from chabad_auth_django.models.external_id import HOST
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.identity import hosts
from chabad_auth_django.services.lifecycle import deletion

#: Seconds in which the server must answer.
TIMEOUT = 10.0


def check_database(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return warnings of what is stored, of missing indexes and of a standalone server."""
    is_asked = DEFAULT_DB_ALIAS in (databases or ()) and connection.uri_setting()
    if not (is_asked and settings_work()):
        return []
    try:
        connection.ping(timeout=5.0)
        with pymongo.timeout(TIMEOUT):
            missing = indexes.compare().missing
            unknown = deletion.find_unknown_collections()
            is_standalone = not connection.supports_transactions()
            # The database of a test run has no accounts yet.
            is_closed = (
                testing.worker() is None and _no_address_counts() and not _is_any_account_linked()
            )
    except Exception as error:  # A callable MONGODB_URI raises what it likes.
        return [
            Warning(
                f"MongoDB is unchecked ({errors.name(error)}).",
                hint=errors.describe(error) if isinstance(error, PyMongoError) else None,
                id="chabad_auth.W012",
            )
        ]
    messages: list[CheckMessage] = [
        Warning(
            f"The collection {name!r} belongs to users, and this project does not have its "
            f"Document, {document}. A deletion of a user stays open here.",
            hint="Run chabad_purge_deleted in the project that has it too, or add the app here. "
            "Drop the collection if it is of no use any more.",
            id="chabad_auth.W010",
        )
        for name, document in unknown.items()
    ]
    if is_standalone:
        standalone_warning = Warning(
            "MongoDB is a standalone server, which has no transactions.",
            hint="What takes a replica set is the table 'A standalone server' in "
            "docs/lifecycle.md. One server alone can be a replica set.",
            id="chabad_auth.W013",
        )
        messages.append(standalone_warning)
    if is_closed:
        closed_warning = Warning(
            "No address of an account counts as verified, and no account is linked, so nobody can "
            "sign in by password.",
            hint="Link accounts with 'manage.py chabad_link_host_account', install "
            "django-allauth, or say in CHABAD_AUTH['HOST_ADAPTER'] which addresses are verified.",
            id="chabad_auth.W007",
        )
        messages.append(closed_warning)
    # "migrate" runs this check with the same arguments as "check --database", and then creates the
    # indexes. No check learns which command runs it, so only the command line tells them apart.
    creates_indexes = sys.argv[1:2] == ["migrate"] and conf.INDEXES_AFTER_MIGRATE
    if missing and not creates_indexes:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        index_warning = Warning(
            f"MongoDB indexes are missing: {missing[0]}{more}.",
            hint="Without a unique index two users can get one address. Run 'manage.py "
            "chabad_sync_indexes'; 'manage.py migrate' does so by itself when it ends.",
            id="chabad_auth.W011",
        )
        messages.append(index_warning)
    return messages


def _no_address_counts() -> bool:
    if not host_accounts_sign_in() or any(item.is_serious() for item in check_host_accounts()):
        return False
    return not hosts.verifies_addresses()


def _is_any_account_linked() -> bool:
    beginning = ExternalId.account_prefix(HOST, str(conf.HOST_ID))
    return ExternalId.read(_id={"$regex": f"^{re.escape(beginning)}"}) is not None
