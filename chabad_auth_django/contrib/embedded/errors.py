"""What can go wrong with the embedded server; each message is one line for a person."""

from chabad_auth_django.exceptions import Unavailable


class EmbeddedMongoError(Unavailable):
    """Report that the embedded MongoDB server cannot be used, and what to do about it."""


class BinaryError(EmbeddedMongoError):
    """Report that there is no ``mongod``, or that this machine cannot execute it."""


class ServerError(EmbeddedMongoError):
    """Report that ``mongod`` did not start, did not stop, or is not what was asked for."""
