"""Every writable field of the API takes every hostile value: a 4xx, or an exact round trip."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient
from support.claims import Claim
from support.hostile import VALUES
from support.requests import send

from chabad_auth_django.models import User
from chabad_auth_django.services.signing_in import flows

ME = "/api/users/me/"
PREFERENCES = f"{ME}preferences/"
VALUE = f"{ME}app-data/a/k/"
APP_DATA = (f"{ME}app-data/", f"{ME}app-data/a/", f"{ME}app-data/?appId=a")
RANGE = "?start=2026-01-01T00:00:00Z&end=2099-01-01T00:00:00Z"
ACTIVITIES = (f"{ME}activities/", f"{ME}activities/?expand=user", "/api/activities/")
ANALYTICS = (
    *(f"{ME}analytics/", f"{ME}analytics/?expand=user", "/api/analytics/"),
    *(f"{ME}analytics/{kind}-counts/{RANGE}" for kind in ("event", "category")),
)
USERS = ("/api/users/", "/api/users/?order=email", f"{ME}?expand=profile,preferences")

#: Fields that are not shown again as they were sent, and why.
NOT_SHOWN = {
    "version",  # what the caller expects to be stored
    "messageId",  # tells an event that comes twice
    "timestamp",  # in UTC, and corrected by
    "sentAt",  # the client's clock
    "email",  # normalised
}

Read = Callable[[APIClient, Any], Any]


def by_get(path: str, *names: str) -> Read:
    def read(api: APIClient, answer: Any) -> Any:
        shown = api.get(path).json()
        for name in names:
            shown = shown[name]
        return shown

    return read


def first_of(path: str) -> Read:
    return lambda api, answer: api.get(path).json()["results"][0]


def widget(api: APIClient, answer: Any) -> Any:
    widgets = api.get(PREFERENCES).json()["widgets"]
    return {
        "enabled": "w" in widgets["enabled"],
        "customization": widgets["customizations"].get("w"),
    }


@dataclass(frozen=True)
class Operation:
    """How to send a body, what it must hold beside the field, and where it is seen afterwards."""

    verb: str
    path: str
    body: Callable[[int], dict[str, Any]]
    read: Read
    lists: tuple[str, ...]


OPERATIONS = {
    "users_create": Operation(
        "POST",
        "/api/users/",
        lambda n: {"email": f"n{n}@example.org"},
        lambda api, answer: api.get(f"/api/users/{answer.json()['id']}/").json(),
        USERS,
    ),
    "users_update": Operation("PATCH", ME, lambda n: {}, by_get(ME), (*USERS, *ACTIVITIES)),
    "profile_update": Operation(
        "PATCH", f"{ME}profile/", lambda n: {}, by_get(f"{ME}profile/"), USERS
    ),
    "avatar_set": Operation(
        "PUT",
        f"{ME}profile/avatar/",
        lambda n: {"url": "https://example.org/a.png"},
        by_get(f"{ME}profile/", "avatar"),
        USERS,
    ),
    "metadata_set": Operation(
        *("PUT", f"{ME}profile/metadata/k/", lambda n: {}),
        by_get(f"{ME}profile/metadata/k/"),
        (f"{ME}profile/", *USERS),
    ),
    "preferences_update": Operation("PATCH", PREFERENCES, lambda n: {}, by_get(PREFERENCES), USERS),
    "widgets_set": Operation("PUT", f"{PREFERENCES}widgets/w/", lambda n: {}, widget, USERS),
    "activities_create": Operation(
        *("POST", ACTIVITIES[0], lambda n: {"eventType": f"e{n}"}),
        first_of(ACTIVITIES[0]),
        ACTIVITIES,
    ),
    "analytics_create": Operation(
        *("POST", ANALYTICS[0], lambda n: {"eventName": f"e{n}", "eventCategory": "custom"}),
        first_of(ANALYTICS[0]),
        ANALYTICS,
    ),
    "app_data_set": Operation("PUT", VALUE, lambda n: {"dataValue": n}, by_get(VALUE), APP_DATA),
    # A merge: what is shown is the sent value over the stored one, for which a scalar makes room.
    "app_data_patch": Operation("PATCH", VALUE, lambda n: {}, by_get(VALUE), APP_DATA),
}

#: What refuses even a good value: nobody signs in so, and nobody blocks themselves.
REFUSED = {
    "auth_login": ("POST", "/api/auth/login/", {"username": "a", "password": "b"}),
    "auth_refresh": ("POST", "/api/auth/refresh/", {}),
    "identities_link": ("POST", f"{ME}identities/", {"username": "a", "password": "b"}),
    "block_set": ("PUT", f"{ME}block/", {"reason": "abuse"}),
}

numbers = itertools.count()


class Prober:
    """Send values to the fields that the OpenAPI description names, and look what became of it."""

    def __init__(self, document: dict[str, Any], api: APIClient) -> None:
        self.document, self.api = document, api
        self.outcomes: Counter[str] = Counter()

    def fields(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each writable field, nested ones too, with its operation."""
        for path in self.document["paths"].values():
            for operation in path.values():
                if "requestBody" in operation:
                    schema = operation["requestBody"]["content"]["application/json"]["schema"]
                    for field in dict.fromkeys(self._fields(schema)):
                        yield operation["operationId"].removeprefix("chabad_"), field

    def _fields(self, schema: Any) -> Iterator[tuple[str, ...]]:
        if "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for alternative in (*schema.get("oneOf", ()), *schema.get("allOf", ())):
            yield from self._fields(alternative)
        for name, member in schema.get("properties", {}).items():
            yield (name,)
            yield from ((name, *rest) for rest in self._fields(member))

    def probe(self, name: str, field: tuple[str, ...], value: str) -> None:
        """Send the value, which is JSON; fail unless it is refused or comes back exactly."""
        if name in REFUSED:
            verb, path, body = REFUSED[name]
            self._refused(send(self.api, verb, path, text(body, field, value)))
            return
        operation = OPERATIONS[name]
        if name == "app_data_patch":
            assert send(self.api, "PUT", VALUE, '{"dataValue": 1}').status_code in (200, 201)
        body = text(operation.body(next(numbers)), field, value)
        answer = send(self.api, operation.verb, operation.path, body)
        if answer.status_code >= 400:
            self._refused(answer)
            return
        self.outcomes["accepted"] += 1
        shown = operation.read(self.api, answer)
        if NOT_SHOWN.isdisjoint(field):
            sent = json.loads(value)
            for part in field:
                shown = shown[part]
            if name == "app_data_patch":
                sent = without_nulls(sent)
            elif name == "preferences_update":
                shown = common(sent, shown)
            elif name == "profile_update" and field == ("metadata",) and sent is None:
                # It removes all of it.
                sent = {}
            assert json.dumps(shown, sort_keys=True) == json.dumps(sent, sort_keys=True), field
        for path in operation.lists:
            assert self.api.get(path).status_code == 200, (path, body[:200])

    def _refused(self, answer: Any) -> None:
        assert 400 <= answer.status_code < 500, answer.content
        assert answer.json().keys() >= {"code", "detail"}
        self.outcomes["refused"] += 1


def text(body: dict[str, Any], field: tuple[str, ...], value: str) -> str:
    """Return the body with the value in the field, as it is."""
    for part in reversed(field[1:]):
        value = f"{{{json.dumps(part)}: {value}}}"
    rest = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in body.items() if k != field[0]]
    return "{" + ", ".join([*rest, f"{json.dumps(field[0])}: {value}"]) + "}"


def without_nulls(value: Any) -> Any:
    """Return what merging the value into a scalar makes of it (RFC 7396)."""
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(member) for key, member in value.items() if member is not None}


def common(sent: Any, shown: Any) -> Any:
    """Return the part of the shown object that was sent: preferences merge at every depth."""
    if not (isinstance(sent, dict) and isinstance(shown, dict)):
        return shown
    return {key: common(sent[key], shown[key]) for key in sent if key in shown}


@pytest.fixture
def prober(mongodb: str) -> Prober:
    User.create_user(email="ann@example.org", roles=["admin"], auth_methods=["google"])
    token = flows.issue_tokens(name="ann@example.org").access_token
    api = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
    return Prober(api.get("/api/schema/").json(), api)


@pytest.fixture
def unthrottled(settings: Any, mongodb: str) -> None:
    rates = {"sign_in": None, "refresh": None}
    settings.CHABAD_AUTH = {**settings.CHABAD_AUTH, "THROTTLE_RATES": rates}


def test_every_hostile_value_in_every_field(
    prober: Prober, unthrottled: None, long: bool, claim: Claim
) -> None:
    fields = list(prober.fields())
    assert {name for name, _ in fields} == OPERATIONS.keys() | REFUSED.keys()
    pairs = list(itertools.product(fields, VALUES))
    # The quick form takes every seventh, so each field and each value is among them.
    for (name, field), value in pairs if long else pairs[::7]:
        prober.probe(name, field, value)
    refused, accepted = prober.outcomes["refused"], prober.outcomes["accepted"]
    claim(
        "a hostile value is refused with a 4xx, or comes back exactly and breaks no list",
        f"{len(fields)} fields, {refused:,} values refused, {accepted:,} accepted",
        refused > 100 and accepted > 30,
    )


#: Operation and field of free-form JSON.
FREE = [
    ("app_data_set", ("dataValue",)),
    ("app_data_patch", ("dataValue",)),
    ("metadata_set", ("value",)),
    ("profile_update", ("metadata",)),
    ("widgets_set", ("customization",)),
    ("activities_create", ("eventData",)),
    ("activities_create", ("metadata",)),
    ("analytics_create", ("eventData",)),
]

#: Mostly good, so that much is stored; now and then what MongoDB would stumble over.
GOOD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
)
BAD = st.sampled_from([2**63, -(2**64), float("nan"), float("inf")])
KEYS = st.text(st.characters(exclude_characters="$.\0", exclude_categories=["Cs"]), min_size=1)
BAD_KEYS = st.sampled_from(["$set", "a.b", "", "_cls", "\0"])


def json_values(scalars: Any, keys: Any) -> Any:
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=5), st.dictionaries(keys, inner, max_size=5)
        ),
        max_leaves=20,
    )


SAFE = json_values(GOOD, KEYS)
UNSAFE = json_values(st.one_of(GOOD, BAD), st.one_of(KEYS, BAD_KEYS))
JSON = st.one_of(SAFE, st.dictionaries(KEYS, SAFE, max_size=5), UNSAFE)


def test_random_json_in_every_free_form_field(prober: Prober, long: bool, claim: Claim) -> None:
    @settings(
        max_examples=2_000 if long else 60,
        deadline=None,
        derandomize=not long,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(FREE), JSON)
    def probe(place: tuple[str, tuple[str, ...]], value: Any) -> None:
        prober.probe(*place, json.dumps(value))

    probe()
    refused, accepted = prober.outcomes["refused"], prober.outcomes["accepted"]
    claim(
        "random JSON is refused with a 4xx, or comes back exactly and breaks no list",
        f"{refused:,} values refused, {accepted:,} accepted",
        refused > 10 and accepted > 10,
    )
