"""Hooks of the ``schemathesis`` command: what OpenAPI cannot say of valid data."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import schemathesis
from bson import ObjectId
from schemathesis.core import NOT_SET

#: What no part of a path refuses.
NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f.$]+")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Make what is valid by the schema valid; leave what is to be refused."""
    if not case.meta.generation.mode.is_positive:
        return
    # A cursor is opaque: only `next` and `previous` of a page hold one.
    if case.query:
        case.query.pop("cursor", None)
        # Hours, and the days of other time zones, are counted for so many days only.
        if "timeZone" in case.query:
            case.query["timeZone"] = "UTC"
        if case.query.get("bucket") == "hour":
            case.query["bucket"] = "day"
    name = case.operation.definition.raw["operationId"]
    if name in ("chabad_users_delete", "chabad_users_erase"):
        # The user of all other cases stays.
        case.path_parameters["user"] = str(ObjectId())
    # In the stateful phase a link replaces one part of the path, and the case then counts as
    # valid although another part is to be refused.
    for name, value in (case.path_parameters or {}).items():
        if not NAME.fullmatch(unquote(str(value))):
            case.path_parameters[name] = "name"
    if case.method == "PUT" and "method" in (case.path_parameters or {}):
        case.path_parameters["method"] = "google"
    if case.body is not NOT_SET:
        case.body = _tidy(case.body)


def _tidy(value: Any, depth: int = 0) -> Any:
    if isinstance(value, list):
        return [_tidy(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_tidy_key(key): _tidy_member(key, value[key], depth) for key in value}
    if isinstance(value, int) and not isinstance(value, bool):
        # MongoDB's integers have 64 bits.
        return value % 2**63
    return value


def _tidy_key(key: str) -> str:
    # Keys of free-form JSON must not look like MongoDB's operators and paths.
    return key.replace("$", "_").replace(".", "_").replace("\0", "_") or "empty"


def _tidy_member(key: str, value: Any, depth: int) -> Any:
    if key in ("timestamp", "sentAt"):
        # Not after now, and not before the retention; the one corrects the other.
        return datetime.now(UTC).isoformat()
    return _tidy(value, depth + 1)
