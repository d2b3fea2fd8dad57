import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from pymongo.server_api import ServerApi
from support.cases import each
from support.processes import django_admin

URI = "mongodb://localhost/chabad"


class Ask:
    """A callable URI with the same name in each test process."""

    def __call__(self) -> str:
        return URI

    def __repr__(self) -> str:
        return "ask"


#: Values that a setting may have, and the ids that others give.
GOOD: list[dict[str, Any]] = [
    {},
    {"MONGODB_URI": "mongodb+srv://cluster.example.org/db?w=majority"},
    {"MONGODB_URI": "mongodb://[::1]:1,b:2,[::2]:3/db?replicaSet=rs0"},
    {"MONGODB_URI": Ask()},
    {"MONGODB_OPTIONS": {"maxPoolSize": 50, "w": "majority"}},
    {"MONGODB_URI": f"{URI}?w=1", "MONGODB_OPTIONS": {"W": "majority"}},
    {"MONGODB_URI": f"{URI}?tz_aware=true;w=majority;uuidRepresentation=standard"},
    {"MONGODB_URI": "mongodb+srv://cluster.example.org/db?srvMaxHosts=2"},
    {"EMBEDDED_DATA_DIR": "data"},
    {"EMBEDDED_DATA_DIR": Path("data")},
    {"TRANSACTION_TIMEOUT": 1},
    {"AUTH_METHODS": ["x"]},
    {"ROLE_PERMISSIONS": {}},
    {"ROLE_PERMISSIONS": {"admin": ("*",)}},
    {"ACTIVITY_RETENTION_DAYS": 1},
    {"ACTIVITY_RETENTION_DAYS": 24_855},
    {"DELETION_GRACE_SECONDS": 0},
    {"DELETION_GRACE_SECONDS": 0.5},
    {"JSON_MAX_DEPTH": 90},
]

NAN, INFINITY = float("nan"), float("inf")

BAD: list[tuple[Any, str]] = [
    *((value, "E001") for value in ([], "mongodb://localhost", 5)),
    ({"MONGODB_URL": "mongodb://localhost"}, "E002"),
    *(
        ({"MONGODB_URI": value}, "E003")
        for value in (5, "", "localhost", "postgres://localhost", "mongodb://", "mongodb://[")
    ),
    ({"MONGODB_URI": "mongodb://localhost:port/db"}, "E003"),
    ({"MONGODB_URI": "mongodb://localhost/my.db"}, "E003"),
    ({"MONGODB_URI": "mongodb://localhost/db?tls=true&tlsCAFile=/missing.pem"}, "E003"),
    ({"MONGODB_URI": "mongodb://localhost/db?tls=true&tlsCertificateKeyFile=/no.pem"}, "E003"),
    ({"MONGODB_URI": f"{URI}?w=1"}, "E004"),
    ({"MONGODB_URI": f"{URI}?W=0"}, "E004"),
    ({"MONGODB_OPTIONS": {"w": 1}}, "E004"),
    ({"MONGODB_OPTIONS": {"W": 0}}, "E004"),
    ({"MONGODB_URI": Ask(), "MONGODB_OPTIONS": {"w": 2}}, "E004"),
    # What is read must be what the code expects, by whatever name and separator it is asked for.
    *(
        ({"MONGODB_URI": f"{uri}{query}"}, "E004")
        for uri in (f"{URI}?", "mongodb+srv://cluster.example.org/db?")
        for query in (
            "readConcernLevel=local",
            "maxPoolSize=5;readconcernlevel=majority",
            "appname=x;w=1",
            "tz_aware=false",
            "uuidRepresentation=javaLegacy",
            "unicode_decode_error_handler=strict",
        )
    ),
    *(
        ({"MONGODB_OPTIONS": value}, "E004")
        for value in (
            {"tz_aware": False},
            {"TZ_Aware": False},
            {"datetime_conversion": "DATETIME_CLAMP"},
            {"uuidRepresentation": "unspecified"},
            {"document_class": dict},
            {"server_api": ServerApi("1", strict=True)},
        )
    ),
    ({"MONGODB_URI": "mongodb+srv://cluster.example.org/db?w=majority&tls=true;a=b"}, "E003"),
    *(
        ({"MONGODB_OPTIONS": value}, "E005")
        for value in (
            None,
            [],
            "w=1",
            {1: 2},
            {"db": "other"},
            {"host": "other"},
            {"maxPoolSise": 5},
            {"maxPoolSize": "many"},
            {"connect": True, "alias": "x"},
            {"tlsCAFile": "/no/such/file"},
        )
    ),
    *(({"EMBEDDED_DATA_DIR": value}, "chabad_auth_embedded.E001") for value in (5, ["data"])),
    *(
        ({"TRANSACTION_TIMEOUT": value}, "E007")
        for value in (None, 0, -1, True, "5", NAN, INFINITY)
    ),
    *(({"AUTH_METHODS": value}, "E008") for value in (None, [], "google", [5], [""], {"google"})),
    *(
        ({"ROLE_PERMISSIONS": value}, "E009")
        for value in (None, [], {"admin": "*"}, {"admin": [5]}, {"admin": None})
    ),
    *(
        ({"ACTIVITY_RETENTION_DAYS": value}, "E010")
        for value in (None, 0, -1, True, 1.5, 90.0, "90", 24_856, NAN, INFINITY)
    ),
    *(({"DELETION_GRACE_SECONDS": value}, "E011") for value in (None, -1, "1", NAN, INFINITY)),
    *(
        ({name: value}, number)
        for name, number in {
            "PURGE_BATCH_SIZE": "E012",
            "APP_DATA_MAX_BYTES": "E013",
            "METADATA_MAX_BYTES": "E014",
            "EVENT_DATA_MAX_BYTES": "E015",
            "JSON_MAX_DEPTH": "E016",
            "JSON_MAX_KEYS": "E017",
        }.items()
        for value in (None, 0, -1, True, 1.5, "1")
    ),
    ({"JSON_MAX_DEPTH": 91}, "E016"),
    # What MongoDB, a socket or a time of Python does not take.
    *(({"TRANSACTION_TIMEOUT": value}, "E007") for value in (86_401, 1e300, 10**400)),
    ({"REQUEST_TIMEOUT": 2_500_000}, "E019"),
    *(({"DELETION_GRACE_SECONDS": value}, "E011") for value in (1e300, 10**400)),
    ({"PURGE_BATCH_SIZE": 10_001}, "E012"),
    *(
        ({name: 2**31}, number)
        for name, number in {"JSON_MAX_KEYS": "E017", "BODY_MAX_BYTES": "E018"}.items()
    ),
    *(({"ROLE_PERMISSIONS": {name: ["x"]}}, "E009") for name in (None, 1, "")),
    ({"HOST_GROUP_ROLES": {1: ["user"]}}, "E071"),
    *(
        ({"SCHEDULED_COMMANDS": value}, "E072")
        for value in ({1: 60}, {"chabad_stats": 60}, {"chabad_purge_deleted": 1e300})
    ),
    ({"THROTTLE_RATES": {"sign-in": "1/min"}}, "E040"),
    *(
        ({"AUTH_METHODS": value, "SOCIAL_AUTH_METHODS": {"google": "x"}}, "E008")
        for value in (None, 5)
    ),
]


def found(value: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    if isinstance(value, dict):
        value = {"MONGODB_URI": URI, **value}
    monkeypatch.delenv("MONGODB_URI", raising=False)
    monkeypatch.setattr(settings, "CHABAD_AUTH", value, raising=False)
    return [message.id.removeprefix("chabad_auth.") for message in run_checks()]


@each("value", GOOD, ids=str)
def test_a_setting_that_works_gives_no_message(
    monkeypatch: pytest.MonkeyPatch, value: dict[str, Any]
) -> None:
    assert found(value, monkeypatch) == []


@each(("value", "number"), BAD, ids=str)
def test_a_setting_that_cannot_work_gives_its_message(
    monkeypatch: pytest.MonkeyPatch, value: Any, number: str
) -> None:
    assert found(value, monkeypatch) == [number]


def test_no_mongodb_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found({"MONGODB_URI": None}, monkeypatch) == ["W001"]


def test_every_wrong_setting_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"NOTHING": 1, "JSON_MAX_KEYS": 0, "PURGE_BATCH_SIZE": 0}
    assert sorted(found(wrong, monkeypatch)) == ["E002", "E012", "E017"]


def test_an_unknown_setting_is_told_with_similar_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CHABAD_AUTH", {"mongo_uri": URI})
    hints = [message.hint for message in run_checks() if message.id == "chabad_auth.E002"]
    assert [hint.startswith("Similar names are MONGODB_URI, ") for hint in hints] == [True]


@pytest.mark.parametrize(
    ("uri", "numbers"),
    [(URI, []), (f"{URI}?w=1", ["E004"]), ("postgres://localhost", ["E003"]), ("", ["W001"])],
)
def test_the_uri_of_the_environment_is_checked_too(
    monkeypatch: pytest.MonkeyPatch, uri: str, numbers: list[str]
) -> None:
    monkeypatch.setattr(settings, "CHABAD_AUTH", {})
    monkeypatch.setenv("MONGODB_URI", uri)
    assert [message.id for message in run_checks()] == [f"chabad_auth.{n}" for n in numbers]


@pytest.mark.parametrize("uri", ["postgres://localhost", "mongodb://[", "mongodb://h/?w=1"])
def test_a_wrong_uri_is_reported_by_the_check_and_not_by_a_traceback(
    tmp_path: Path, uri: str
) -> None:
    result = django_admin("check", cwd=tmp_path, MONGODB_URI=uri)
    assert result.returncode == 1
    assert re.search(r"\(chabad_auth\.E00[34]\)", result.stderr)
    assert "Traceback" not in result.stderr
