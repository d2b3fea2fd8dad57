"""Our own receivers: the lifecycle of a user's documents; connected in ``ready()``."""

import logging
import sys
from collections.abc import Sequence
from typing import Any

import pymongo
from bson import ObjectId
from django.apps import apps
from django.contrib.auth import signals as auth_signals
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS
from pymongo.errors import PyMongoError

from chabad_auth_django import journal, signals
from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection, errors, testing
from chabad_auth_django.models import Analytics, AnalyticsDailyUser, ExternalId, User
from chabad_auth_django.services.analytics import kept_counts, ledger
from chabad_auth_django.services.deployment import automatic_indexes, indexes
from chabad_auth_django.services.identity import audit, departures, external_ids
from chabad_auth_django.services.lifecycle import creation, deletion
from chabad_auth_django.services.signing_in import flows

#: The attribute of a request in which a login opens a session of ours, which records the login.
OPENS_SESSION = "chabad_auth_opens_session"

logger = logging.getLogger("chabad_auth_django")


def connect() -> None:
    """Connect every receiver; connecting twice changes nothing."""
    Analytics.purge_with(ledger.erase_events)
    Analytics.import_with(check=kept_counts.check, note=ledger.count_once)
    AnalyticsDailyUser.purge_with(ledger.erase_rows)
    ExternalId.purge_with(departures.purge_claims)
    signals.pre_user_create.connect(create_dependents, sender=User)
    signals.pre_external_ids_change.connect(external_ids.change_fields, sender=User)
    signals.pre_user_delete.connect(deletion.begin, sender=User)
    signals.post_user_delete.connect(deletion.remove_dependents, sender=User)
    signals.user_created.connect(tell_of_creation, sender=User)
    signals.user_deleted.connect(tell_of_deletion, sender=User)
    setting_changed.connect(connection.close_if_changed)
    testing.database_emptied.connect(create_indexes)
    if apps.is_installed("django.contrib.auth"):
        auth_signals.user_logged_in.connect(record_django_login)


def create_dependents(*, users: Sequence[User], **kwargs: Any) -> None:
    """Store Profile, Preferences, external ids and who acts in the users' transaction."""
    audit.record_many(
        action="user.create",
        users={user.id: {"roles": user.roles, "permissions": user.permissions} for user in users},
    )
    creation.create_dependents(user_ids=[user.id for user in users])
    items = []
    for user in users:
        fields = {"valuUserId": user.valu_user_id, "merkosUserId": user.merkos_user_id}
        items += external_ids.fields_of(stored={"_id": user.id, **fields})
    external_ids.claim_fields(items=items)


def create_indexes(**kwargs: Any) -> None:
    """Create the indexes of a database that is empty."""
    indexes.create()


def create_missing_indexes(
    *, using: str, verbosity: int = 1, stdout: Any = None, **kwargs: Any
) -> None:
    """Create the missing indexes after ``migrate``; a failure is logged and fails nothing."""
    is_wanted = using == DEFAULT_DB_ALIAS and conf.INDEXES_AFTER_MIGRATE
    # In a test run they are created when the database is used first.
    if not (is_wanted and connection.uri_setting()) or testing.worker() is not None:
        return
    try:
        created = automatic_indexes.create_missing(warn=logger.warning)
    except Exception as error:
        # What a callable URI raises could name more than the server.
        is_driver = isinstance(error, PyMongoError)
        reason = errors.describe(error) if is_driver else f"{errors.name(error)}."
        logger.warning(
            "No MongoDB indexes were created: %s Then run 'manage.py chabad_sync_indexes'.", reason
        )
        return
    if created and verbosity >= 1:
        (stdout or sys.stdout).write(f"  Created {created} MongoDB indexes.\n")


def tell_of_creation(*, user: User, **kwargs: Any) -> None:
    """Log that a user was created."""
    journal.tell(
        journal.LIFECYCLE,
        "user_created",
        "User {user} was created",
        level=logging.INFO,
        user=user.id,
    )


def tell_of_deletion(*, user_id: ObjectId, **kwargs: Any) -> None:
    """Log that a user was deleted."""
    journal.tell(
        journal.LIFECYCLE,
        "user_deleted",
        "User {user} was deleted",
        level=logging.INFO,
        user=user_id,
    )


def record_django_login(*, user: Any, request: Any = None, **kwargs: Any) -> None:
    """Run the login flow for a user who logged in to the host project."""
    if getattr(request, OPENS_SESSION, False):
        return
    try:
        with pymongo.timeout(conf.TRANSACTION_TIMEOUT):
            flows.record_host_login(account=user, session=getattr(request, "session", None))
    except Exception as error:
        # Whatever fails here, the host's login goes on. The text could name the e-mail address.
        logger.warning("The login of a Django user was not recorded: %s", type(error).__name__)
