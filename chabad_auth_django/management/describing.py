"""Errors in the words of a command."""

import mongoengine
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as SQLError
from pymongo.errors import PyMongoError

from chabad_auth_django.db import errors
from chabad_auth_django.exceptions import ChabadAuthError

#: The errors that an operator can meet; any other is a mistake in the code.
DESCRIBED = (
    ChabadAuthError,
    ImproperlyConfigured,
    OSError,
    PyMongoError,
    mongoengine.OperationError,
    # The project's own database is away or damaged, or has no tables.
    SQLError,
)


def describe(error: Exception) -> str:
    """Return what an operator reads of the error; of an unexpected one only its kind."""
    if isinstance(error, (PyMongoError, mongoengine.OperationError)):
        return _describe_driver(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    if isinstance(error, SQLError):
        return f"The project's own database: {str(error).partition(chr(10))[0].rstrip('.')}."
    if isinstance(error, DESCRIBED):
        return str(error)
    return f"Code of the project failed: {type(error).__qualname__}. The log says where."


def _describe_driver(error: Exception) -> str:
    # mongoengine wraps the driver's errors.
    cause = error if isinstance(error, PyMongoError) else error.__context__ or error
    return f"{errors.describe(cause)} Then run the same command again."
