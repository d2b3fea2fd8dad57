"""The six Documents of the specification, and those that this package adds."""

from chabad_auth_django.models.activity import Activity
from chabad_auth_django.models.analytics import Analytics
from chabad_auth_django.models.app_data import ALL, AppData
from chabad_auth_django.models.app_data_tombstone import AppDataTombstone
from chabad_auth_django.models.archive import AnalyticsArchive, AnalyticsArchiveExclusion
from chabad_auth_django.models.audit import AuditEntry
from chabad_auth_django.models.block import Block
from chabad_auth_django.models.deletion import Deletion
from chabad_auth_django.models.departed_identity import DepartedIdentity
from chabad_auth_django.models.external_id import ExternalId
from chabad_auth_django.models.guard import Guard
from chabad_auth_django.models.heartbeat import Heartbeat
from chabad_auth_django.models.idempotency import IdempotencyRecord
from chabad_auth_django.models.owned_collection import OwnedCollection
from chabad_auth_django.models.preferences import Preferences
from chabad_auth_django.models.profile import Profile
from chabad_auth_django.models.rollup import (
    AnalyticsDaily,
    AnalyticsDailyUser,
    AnalyticsQuarters,
    AnalyticsRollup,
    AnalyticsUserNumber,
)
from chabad_auth_django.models.session import Session
from chabad_auth_django.models.user import User

__all__ = [
    "ALL",
    "Activity",
    "Analytics",
    "AnalyticsArchive",
    "AnalyticsArchiveExclusion",
    "AnalyticsDaily",
    "AnalyticsDailyUser",
    "AnalyticsQuarters",
    "AnalyticsRollup",
    "AnalyticsUserNumber",
    "AppData",
    "AppDataTombstone",
    "AuditEntry",
    "Block",
    "Deletion",
    "DepartedIdentity",
    "ExternalId",
    "Heartbeat",
    "Guard",
    "IdempotencyRecord",
    "OwnedCollection",
    "Preferences",
    "Profile",
    "Session",
    "User",
]
