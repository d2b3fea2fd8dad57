"""Listing, merging and synchronising application data."""

from typing import Any

from bson import ObjectId

from chabad_auth_django.db.pages import PageQuery, Position
from chabad_auth_django.db.transactions import RetryTransaction, atomic
from chabad_auth_django.exceptions import AlreadyExists, NotFound, VersionConflict
from chabad_auth_django.models import Activity, AppData
from chabad_auth_django.validators import validate_name


@atomic
def synchronize_app_data(
    *,
    user_id: Any,
    app_id: str,
    data_key: str,
    data_value: Any,
    expected_version: int | None = None,
) -> AppData:
    """Store a value that a device changed, and the Activity ``settings_updated``; both or none.

    (Specification: "App Data Synchronization Flow".) A key that does not exist is created. One
    that does is updated if its version is ``expected_version``; otherwise, and where the device
    knows of none, ``VersionConflict`` tells what is stored. Raises ``ValidationError`` and
    ``UserNotFound`` too.
    """
    key = {"user_id": user_id, "app_id": app_id, "data_key": data_key}
    stored = AppData.find_by_user_app_and_key(**key)
    if stored is None:
        try:
            document = AppData.create_app_data(**key, data_value=data_value)
        except AlreadyExists as error:
            raise RetryTransaction("Another process has created the key.") from error
    elif expected_version is None:
        raise VersionConflict(current_version=stored.version, current_value=stored.data_value)
    else:
        document = AppData.update_app_data(
            **key, data_value=data_value, expected_version=expected_version
        )
    Activity.create_activity(
        user_id=user_id,
        app_id=app_id,
        event_type="settings_updated",
        event_data={"dataKey": data_key, "version": document.version},
    )
    return document


def list_app_data(
    *,
    user_id: ObjectId,
    app_id: str | None = None,
    limit: int = 100,
    position: Position | None = None,
) -> PageQuery:
    """Return a page of a user's values: of one application by key, or of all, oldest first."""
    query: dict[str, Any] = {"userId": user_id}
    if app_id is not None:
        query["appId"] = validate_name(app_id)
    return PageQuery(
        AppData.collection(),
        query,
        # The unique index has the keys of one application in order.
        field="_id" if app_id is None else "dataKey",
        owner="userId" if app_id is None else None,
        descending=False,
        limit=limit,
        position=position,
    )


def merge_app_data(
    *,
    user_id: Any,
    app_id: str,
    data_key: str,
    patch: Any,
    expected_version: int | None = None,
    stored: AppData | None = None,
) -> AppData:
    """Apply a JSON merge patch (RFC 7396) to a stored value; return it.

    Without ``expected_version`` it is applied to whatever is stored, and tries again when another
    process changes the value. ``stored`` is the value as it was read just now, if it was. Raises
    ``VersionConflict``, ``NotFound`` and ``ValidationError``.
    """
    key = {"user_id": user_id, "app_id": app_id, "data_key": data_key}
    current = stored or AppData.find_by_user_app_and_key(**key)
    while current is not None:
        if expected_version not in (None, current.version):
            raise VersionConflict(current_version=current.version, current_value=current.data_value)
        try:
            return AppData.merge_app_data(current, patch)
        except VersionConflict:
            if expected_version is not None:
                raise
        current = AppData.find_by_user_app_and_key(**key)
    raise NotFound
