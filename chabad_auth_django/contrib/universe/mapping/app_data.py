"""AppData as the front ends read and write it."""

import re
from typing import Any
from urllib.parse import unquote

from bson import ObjectId

from chabad_auth_django.contrib.universe.conf import conf
from chabad_auth_django.contrib.universe.errors import VersionConflict
from chabad_auth_django.contrib.universe.mapping.shared import Row, as_shown, same, times
from chabad_auth_django.db.transactions import in_transaction
from chabad_auth_django.exceptions import AlreadyExists, NotFound, UserNotFound, ValidationError
from chabad_auth_django.exceptions import VersionConflict as StoredVersionConflict
from chabad_auth_django.models import AppData
from chabad_auth_django.models.app_data_criteria import is_version, whole
from chabad_auth_django.services.data import app_data
from chabad_auth_django.validators import validate_name

# What a browser takes out of a URL, or reads as something else in it. The front ends put the
# namespace into a URL as it is.
_NOT_IN_A_URL = re.compile(r"[#\\]|%[0-9A-Fa-f]{2}|\A\?|[ ?]\Z|\A[^?]*(?<![^/])\.\.?(?![^/?])")


def shape(row: Row) -> dict[str, Any]:
    """Return a value."""
    # A client sends it back: with one that no write finds, it would meet a conflict for ever.
    version = row.get("version")
    number = whole(version)
    return {
        "userId": row["userId"],
        "appId": row.get("appId"),
        "namespace": row.get("dataKey"),
        "data": row.get("dataValue", {}),
        "version": number if number > 0 and is_version(version, number) else None,
        **times(row),
    }


def read_all(user_id: ObjectId, app_id: str) -> Row:
    """Return the ``rows`` of an application, and whether there are ``more`` than are listed."""
    limit = conf.UNIVERSE_APP_DATA_MAX
    page = app_data.list_app_data(user_id=user_id, app_id=app_id, limit=limit).fetch()
    return {"rows": page.rows, "more": page.next is not None}


def namespace_of(path: str, query: str) -> str:
    """Return the namespace that was put into a URL as it is: a ``?`` in it begins a query there."""
    return f"{path}?{unquote(query)}" if query else path


def validate_namespace(namespace: str) -> None:
    """Raise ``ValidationError`` for a namespace that the front ends could not delete again."""
    validate_name(namespace)
    if _NOT_IN_A_URL.search(namespace):
        raise ValidationError(
            errors={
                "namespace": "It must not have #, \\ or % with two hexadecimal digits, begin with "
                "?, end with ? or a space, nor have . or .. between slashes."
            }
        )


def store(user_id: ObjectId, app_id: str, namespace: str, data: Any, version: int | None) -> Row:
    """Store a value and return it as it is stored.

    Without a version it is stored whatever is there; version 0 is only for what is not there yet.
    Raises ``VersionConflict`` with what is stored, ``UserNotFound`` and ``ValidationError``.
    """
    validate_namespace(namespace)
    key: dict[str, Any] = {"user_id": user_id, "app_id": app_id, "data_key": namespace}
    try:
        return _row(_write(key, data, version))
    except UserNotFound:
        raise
    except (AlreadyExists, NotFound, StoredVersionConflict):
        stored = AppData.read_key(**key)
    while stored is not None and _goes_with(stored.get("dataValue", {}), data):
        # What is there may be of a type that JSON does not have.
        try:
            return _row(AppData.add_members(AppData.from_stored(stored), data))
        except (NotFound, StoredVersionConflict):
            stored = AppData.read_key(**key)
    raise VersionConflict(None if stored is None else shape(stored))


def _write(key: dict[str, Any], data: Any, version: int | None) -> AppData:
    if version is None:
        return AppData.upsert_app_data(**key, data_value=data)
    if version:
        return AppData.update_app_data(**key, data_value=data, expected_version=version)
    if in_transaction() and AppData.read_key(**key) is not None:
        # There a duplicate key would end what it could be read in.
        raise AlreadyExists
    return AppData.create_app_data(**key, data_value=data)


def _goes_with(stored: Any, sent: Any) -> bool:
    if not (conf.UNIVERSE_MERGES_APP_DATA and isinstance(stored, dict) and isinstance(sent, dict)):
        return False
    return all(same(sent[name], as_shown(stored[name])) for name in sent.keys() & stored.keys())


def _row(document: AppData) -> Row:
    row: Row = document.to_mongo() if document.stored is None else document.stored
    return row
