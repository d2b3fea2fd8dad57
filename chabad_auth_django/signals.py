"""The signals of the user lifecycle. ``sender`` is always the ``User`` class.

A receiver of a signal that is sent *inside the transaction* may write to MongoDB: its writes are
committed or undone with the rest, and it may run more than once, because a transaction is retried
after a transient error. A receiver of a signal that is sent *after commit* runs once and sees the
change stored.
"""

from django.dispatch import Signal

#: Inside the transaction, before new users are inserted.
#: Arguments: ``users``, the list of new ``User`` documents, each with its ``id`` set.
pre_user_create = Signal()

#: After commit, once for each new user. Arguments: ``user``, the stored ``User``.
user_created = Signal()

#: Inside the transaction, before users are removed.
#: Arguments: ``user_ids``, the list of their ``ObjectId``.
pre_user_delete = Signal()

#: Inside the transaction, after the users were removed and before their data is.
#: Arguments: ``user_ids``, the list of their ``ObjectId``.
post_user_delete = Signal()

#: After commit, once for each removed user: it is gone for everybody, its events may still be
#: being purged. Arguments: ``user_id``, its ``ObjectId``.
user_deleted = Signal()

#: After commit of a sign-in. Arguments: ``user``, the ``User`` with its new ``last_login``;
#: ``auth_method``, the method that was used, or ``None``; ``app_id``, the application, or ``None``.
user_logged_in = Signal()
