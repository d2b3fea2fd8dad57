"""The signals of the user lifecycle. ``sender`` is always the ``User`` class.

A receiver of a signal that is sent *inside the transaction* may write to MongoDB: its writes are
committed or undone with the rest, and it may run more than once, because a transaction is retried
after a transient error. One that raises refuses the change: nothing is stored. If the body of an
``atomic`` function around it catches the error, the function raises it at its end.

A receiver of a signal that is sent *after commit* runs once and sees the change stored. If it
raises an error, the other receivers still run, and the caller is not affected. The logger
``chabad_auth_django`` logs the receiver's name and where the error was raised, but not its text.
``KeyboardInterrupt`` and its like are passed on.
"""

from collections.abc import Callable
from typing import Any

from django.dispatch import Signal

from chabad_auth_django.failures import log_failure


class RobustSignal(Signal):
    """A signal that is sent with ``send_robust`` only: one receiver stops no other."""

    def _log_robust_failure(self, receiver: Callable[..., Any], err: Exception) -> None:
        # Django's own logs the text of the error, and needs a receiver that has a name.
        log_failure(receiver, err, moment="as a receiver")


#: Inside the transaction, before new users are inserted.
#: Arguments: ``users``, the list of new ``User`` documents, each with its ``id`` set.
pre_user_create = Signal()

#: After commit, once for each new user. Arguments: ``user``, the stored ``User``.
user_created = RobustSignal()

#: Inside the transaction, before external ids of stored users change. Arguments: ``user_ids``, the
#: list of their ``ObjectId``; ``values``, stored field -> new value, ``None`` if it is removed.
pre_external_ids_change = Signal()

#: Inside the transaction, before users are removed.
#: Arguments: ``user_ids``, the list of their ``ObjectId``.
pre_user_delete = Signal()

#: Inside the transaction, after the users were removed and before their data is.
#: Arguments: ``user_ids``, the list of their ``ObjectId``.
post_user_delete = Signal()

#: After commit, once for each removed user: nobody sees it, its events may still be
#: being purged. Arguments: ``user_id``, its ``ObjectId``.
user_deleted = RobustSignal()

#: After commit of a sign-in. Arguments: ``user``, the ``User`` with its new ``last_login``;
#: ``auth_method``, the method that was used, or ``None``; ``app_id``, the application, or ``None``.
user_logged_in = RobustSignal()

#: Sent by ``chabad_purge_deleted`` at each run. A receiver removes what is overdue and returns how
#: many documents that were. One that raises stops no other, and the command ends with an error.
purge_due = RobustSignal()
