"""An example of each request body, by the name of its component."""

from typing import Any

_ID = "6b04d3e5a6d83321f01d32ef"
_OTHER_ID = "6b04d3e6ccfb449ef3eeefa0"
_TIME, _LATER = "2026-01-31T12:00:00.000Z", "2026-01-31T12:15:00.000Z"
_TIMES = {"createdAt": _TIME, "updatedAt": _LATER}
_OWNED = {"id": _OTHER_ID, "userId": _ID}

_SUMMARY = {"id": _ID, "email": "ann@example.org", "name": "Ann"}
_USER = {
    **_SUMMARY,
    "valuUserId": None,
    "merkosUserId": None,
    "authMethods": ["google"],
    "roles": ["user"],
    "permissions": [],
    "lastLogin": _LATER,
    **_TIMES,
}
_AVATAR = {"url": "https://example.org/ann.png", "thumbnailUrl": "https://example.org/ann-64.png"}
_NEW_PROFILE = {
    "displayName": "Ann",
    "bio": "Hello!",
    "avatar": _AVATAR,
    "metadata": {"city": "NY"},
}
_PROFILE = {**_OWNED, **_NEW_PROFILE, **_TIMES}
_NEW_PREFERENCES = {
    "theme": "dark",
    "language": "en",
    "notifications": {"email": True, "push": False, "inApp": True},
    "widgets": {
        "enabled": ["clock"],
        "disabled": [],
        "customizations": {"clock": {"color": "blue"}},
    },
    "dashboard": {"layout": "grid", "defaultView": "overview", "favoriteApps": ["cteen"]},
}
_PREFERENCES = {**_OWNED, **_NEW_PREFERENCES, **_TIMES}
_EVENT = {"appId": "cteen", "sessionId": "s-1", "eventData": {"page": "/events"}}
_NEW_ACTIVITY = {**_EVENT, "eventType": "page_view"}
_ACTIVITY = {**_OWNED, **_NEW_ACTIVITY, "metadata": None, "timestamp": _TIME}
_NEW_ANALYTICS = {**_EVENT, "eventName": "signup", "eventCategory": "conversion"}
_ANALYTICS = {**_OWNED, **_NEW_ANALYTICS, "timestamp": _TIME}
_APP_DATA = {
    **_OWNED,
    "appId": "cteen",
    "dataKey": "settings",
    "dataValue": {"volume": 7},
    "version": 2,
    **_TIMES,
}
_BLOCK = {"reason": "abuse", "text": "Wrote to everybody."}
_IDENTITY = {
    "id": "0f3c5a7e9b1d2f4a6c8e0b1d",
    "kind": "issuer",
    "issuer": "https://accounts.google.com",
    "subject": "1093",
    "authMethod": "google",
    "createdAt": _TIME,
}
_TOKENS = {
    "accessToken": "eyJhbGciOi…",
    "refreshToken": f"{_OTHER_ID}.…",
    "tokenType": "Bearer",
    "expiresIn": 900,
    "user": _USER,
}
_SESSION = {
    "id": _OTHER_ID,
    "authMethod": "google",
    "userAgent": "Mozilla/5.0",
    "createdAt": _TIME,
    "lastUsedAt": _LATER,
    "expiresAt": "2026-03-02T12:15:00.000Z",
    "current": True,
}
_AUDIT_ENTRY = {
    "id": _OTHER_ID,
    "timestamp": _TIME,
    "actor": {"kind": "command", "id": "chabad_grant", "operator": "root"},
    "action": "role.grant",
    "userId": _ID,
    "outcome": "done",
    "code": None,
    "details": {"role": "moderator"},
}
_EXPORT = {
    "format": "chabad_auth_export",
    "version": 1,
    "user": _ID,
    "exportedAt": _TIME,
    "documents": [{"collection": "users", "document": {"_id": {"$oid": _ID}}}],
    "counts": {"users": 1},
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
_ERASURE = {
    "userId": _ID,
    "requestedAt": _TIME,
    "finishedAt": None,
    "deleted": {"users": 1, "activities": 120},
    "left": {"activities": 30},
    "auditEntries": 2,
}


def _page(*results: Any) -> dict[str, Any]:
    return {"next": None, "previous": None, "results": list(results)}


EXAMPLES: dict[str, Any] = {
    "ChabadActiveUsers": {
        "time": "2026-01-31T00:00:00.000Z",
        "users": 120,
        "week": 310,
        "month": 600,
        "stickiness": 0.2,
    },
    "ChabadActivity": _ACTIVITY,
    "ChabadActivityPage": _page(_ACTIVITY),
    "ChabadAnalytics": _ANALYTICS,
    "ChabadAnalyticsPage": _page(_ANALYTICS),
    "ChabadAppData": _APP_DATA,
    "ChabadAppDataPage": _page(_APP_DATA),
    "ChabadAppDataWriteRequest": {"dataValue": {"volume": 7}, "version": 1},
    "ChabadAuditPage": _page(_AUDIT_ENTRY),
    "ChabadAvatar": _AVATAR,
    "ChabadAvatarRequest": _AVATAR,
    "ChabadBatch": {"accepted": 2, "duplicates": 0, "rejected": [], "rejectedCount": 0},
    "ChabadBlock": {"userId": _ID, **_BLOCK, "blockedBy": _OTHER_ID, "createdAt": _TIME},
    "ChabadBlockRequest": _BLOCK,
    "ChabadCategoryCount": {"category": "conversion", "count": 7},
    "ChabadDeleted": {"deleted": 3},
    "ChabadErasure": _ERASURE,
    "ChabadEventCount": {"eventName": "signup", "count": 7},
    "ChabadExpandedUser": {**_USER, "profile": _PROFILE, "preferences": _PREFERENCES},
    "ChabadExport": _EXPORT,
    "ChabadHealth": {"status": "ok"},
    "ChabadIdentity": _IDENTITY,
    "ChabadIdentityList": {"results": [_IDENTITY]},
    "ChabadLinkRequest": {"token": "eyJhbGciOi…"},
    "ChabadLoginRequest": {"username": "ann", "password": "correct-horse", "appId": "cteen"},
    "ChabadMetadataValue": {"value": "NY"},
    "ChabadMetadataValueRequest": {"value": "NY"},
    "ChabadPreferences": _PREFERENCES,
    "ChabadPreferencesRequest": {"theme": "dark", "notifications": {"push": False}},
    "ChabadProfile": _PROFILE,
    "ChabadProfileRequest": _NEW_PROFILE,
    "ChabadPurging": {"id": _ID, "state": "purging"},
    "ChabadReadiness": {
        "status": "ok",
        "scheduled": [
            {
                "command": "chabad_purge_deleted",
                "lastRunAt": _TIME,
                "lastSuccessAt": _TIME,
                "status": 0,
                "late": False,
            }
        ],
    },
    "ChabadRefreshRequest": {"refreshToken": f"{_OTHER_ID}.…"},
    "ChabadRetention": {"time": "2026-01-31T00:00:00.000Z", "users": 120, "retained": [60, 48]},
    "ChabadRules": {"roles": {"user": [], "admin": ["*"]}},
    "ChabadSessionList": {"results": [_SESSION]},
    "ChabadTimeseries": {"time": "2026-01-31T00:00:00.000Z", "count": 7},
    "ChabadTokens": _TOKENS,
    "ChabadUser": _USER,
    "ChabadUserCreateRequest": {"email": "ann@example.org", "name": "Ann"},
    "ChabadUserPage": _page(_USER),
    "ChabadUserPatchRequest": {"name": "Ann"},
    "ChabadWidgetRequest": {"enabled": True, "customization": {"color": "blue"}},
}


def add_examples(operation: dict[str, Any]) -> None:
    """Add an example to each body of an operation that has none."""
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for content in (content for body in bodies for content in body.get("content", {}).values()):
        example = _example(content["schema"])
        if example is not None and "examples" not in content:
            content["example"] = example


def _example(schema: dict[str, Any]) -> Any:
    if schema.get("type") == "array":
        example = _example(schema["items"])
        return None if example is None else [example]
    return EXAMPLES.get(schema.get("$ref", "").rpartition("/")[2])
