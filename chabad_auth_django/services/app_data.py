"""Synchronising application data between devices."""

from __future__ import annotations

from typing import Any

from chabad_auth_django.exceptions import AlreadyExists, VersionConflict
from chabad_auth_django.models import Activity, AppData
from chabad_auth_django.transactions import RetryTransaction, atomic


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
            raise RetryTransaction("The key was created meanwhile.") from error
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
