"""The API against a model of the specification, in random order and with concurrent twins."""

import itertools
import json
from collections import Counter
from functools import partial
from typing import Any

from bson import ObjectId
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from rest_framework.test import APIClient
from support.api_model import DEFAULT_PREFERENCES, ModelUser, add, merge, merged, remove
from support.claims import Claim
from support.signed_in import access_token
from support.threads import errors, together

from chabad_auth_django.models import User

SLOTS = st.sampled_from(["ann", "bob"])
NAMES = st.one_of(st.none(), st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=9))
APPS = st.sampled_from(["a", "b"])
KEYS = st.tuples(APPS, st.sampled_from(["k", "l"]))
WORDS = st.sampled_from(["x", "y", "z"])
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(WORDS, inner, max_size=2)),
    max_leaves=4,
)
OBJECTS = st.dictionaries(WORDS, JSON, max_size=2)

#: For addresses and keys that no earlier run has used.
numbers = itertools.count()


class Api(RuleBasedStateMachine):
    """Two users whom an administrator creates, changes and deletes."""

    token = ""
    steps = twins = 0

    def __init__(self) -> None:
        super().__init__()
        self.run = next(numbers)
        self.client = self.new_client()
        self.users: dict[str, ModelUser | None] = {"ann": None, "bob": None}
        self.ids = {name: str(ObjectId()) for name in self.users}

    def new_client(self) -> APIClient:
        return APIClient(HTTP_AUTHORIZATION=f"Bearer {Api.token}")

    def call(
        self,
        verb: str,
        path: str,
        body: Any = None,
        client: APIClient | None = None,
        **headers: Any,
    ) -> Any:
        data = "" if body is None else json.dumps(body)
        client = client or self.client
        return client.generic(
            verb, f"/api/{path}", data, content_type="application/json", **headers
        )

    def expect(self, status: int, verb: str, path: str, body: Any = None, **headers: Any) -> Any:
        answer = self.call(verb, path, body, **headers)
        assert answer.status_code == status, (verb, path, body, answer.content)
        return answer.json() if answer.content else None

    def both(self, verb: str, path: str, body: Any = None, **headers: Any) -> list[Any]:
        """Do the same twice at once; return both answers, the smaller status first."""
        Api.twins += 1
        call = partial(self.call, verb, path, body, **headers)
        answers = together([partial(call, client=self.new_client()) for _ in range(2)])
        assert errors(answers) == []
        return sorted(answers, key=lambda answer: int(answer.status_code))

    def statuses(self, answers: list[Any]) -> list[int]:
        return [answer.status_code for answer in answers]

    def path(self, slot: str, rest: str = "") -> str:
        return f"users/{self.ids[slot]}/{rest}"

    def change(self, slot: str, verb: str, rest: str, body: Any = None) -> ModelUser | None:
        """Send a change that succeeds; return the user in the model, ``None`` where it is 404."""
        user = self.users[slot]
        answer = self.call(verb, self.path(slot, rest), body)
        expected = (200, 201, 204) if user else (404,)
        assert answer.status_code in expected, (verb, rest, body, answer.content)
        return user

    @invariant()
    def count(self) -> None:
        Api.steps += 1

    # --- users --------------------------------------------------------------------------------

    def email(self, slot: str) -> str:
        return f"{slot}{self.run}@example.org"

    def born(self, slot: str, answer: Any, name: str | None) -> None:
        self.ids[slot] = answer["id"]
        self.users[slot] = ModelUser(answer["id"], self.email(slot), name)

    @rule(slot=SLOTS, name=NAMES)
    def create(self, slot: str, name: str | None) -> None:
        body = {"email": self.email(slot)} | ({"name": name} if name else {})
        if self.users[slot]:
            assert self.expect(409, "POST", "users/", body)["code"] == "duplicate_email"
        else:
            self.born(slot, self.expect(201, "POST", "users/", body), name)

    @rule(slot=SLOTS)
    def create_twice(self, slot: str) -> None:
        answers = self.both("POST", "users/", {"email": self.email(slot).upper()})
        if self.users[slot]:
            assert self.statuses(answers) == [409, 409]
        else:
            assert self.statuses(answers) == [201, 409]
            self.born(slot, answers[0].json(), None)

    # Rarely, or most steps would find nobody.
    @rule(slot=SLOTS, often=st.integers(0, 4))
    def delete(self, slot: str, often: int) -> None:
        if often == 0:
            self.change(slot, "DELETE", "")
            self.users[slot] = None

    @rule(slot=SLOTS, often=st.integers(0, 4))
    def delete_twice(self, slot: str, often: int) -> None:
        if often == 0:
            answers = self.both("DELETE", self.path(slot))
            first = 204 if self.users[slot] else 404
            assert self.statuses(answers) in ([first, 404], [202, 404])
            self.users[slot] = None

    @rule(slot=SLOTS, name=NAMES)
    def rename(self, slot: str, name: str | None) -> None:
        if user := self.change(slot, "PATCH", "", {"name": name}):
            user.name = name

    @rule(
        slot=SLOTS,
        kind=st.sampled_from(["roles", "permissions"]),
        name=st.sampled_from(["moderator", "user", "x:y"]),
        verb=st.sampled_from(["PUT", "DELETE"]),
        twice=st.booleans(),
    )
    def grant(self, slot: str, kind: str, name: str, verb: str, twice: bool) -> None:
        rest = f"{kind}/{name}/"
        user = self.users[slot]
        if twice:
            answers = self.both(verb, self.path(slot, rest))
            assert self.statuses(answers) == [200 if user else 404] * 2
        else:
            self.change(slot, verb, rest)
        if user:
            (add if verb == "PUT" else remove)(getattr(user, kind), name)

    @rule()
    def remove_the_administrator(self) -> None:
        for path in ("users/me/", "users/me/roles/admin/"):
            assert self.expect(409, "DELETE", path)["code"] == "last_administrator"

    # --- profile and preferences ----------------------------------------------------------------

    @rule(slot=SLOTS, name=NAMES, bio=NAMES, metadata=OBJECTS)
    def change_profile(self, slot: str, name: Any, bio: Any, metadata: Any) -> None:
        body = {"displayName": name, "bio": bio, "metadata": metadata}
        if user := self.change(slot, "PATCH", "profile/", body):
            user.profile = body

    @rule(slot=SLOTS, key=WORDS, value=JSON)
    def set_metadata(self, slot: str, key: str, value: Any) -> None:
        if user := self.change(slot, "PUT", f"profile/metadata/{key}/", {"value": value}):
            user.profile["metadata"][key] = value

    @rule(slot=SLOTS, values=st.lists(JSON, min_size=2, max_size=2))
    def set_two_keys_at_once(self, slot: str, values: list[Any]) -> None:
        Api.twins += 1
        calls = [
            partial(
                *(self.call, "PUT", self.path(slot, f"profile/metadata/{key}/"), {"value": value}),
                client=self.new_client(),
            )
            for key, value in zip("xy", values, strict=True)
        ]
        user = self.users[slot]
        assert self.statuses(together(calls)) == [200 if user else 404] * 2
        if user:
            user.profile["metadata"] |= dict(zip("xy", values, strict=True))

    @rule(
        slot=SLOTS,
        theme=st.sampled_from(["light", "dark", "auto"]),
        push=st.booleans(),
        enabled=st.lists(WORDS, unique=True, max_size=2),
    )
    def change_preferences(self, slot: str, theme: str, push: bool, enabled: list[str]) -> None:
        body = {"theme": theme, "notifications": {"push": push}, "widgets": {"enabled": enabled}}
        if user := self.change(slot, "PATCH", "preferences/", body):
            merge(user.preferences, body)

    @rule(slot=SLOTS)
    def reset_preferences(self, slot: str) -> None:
        if user := self.change(slot, "POST", "preferences/reset/"):
            user.preferences = json.loads(json.dumps(DEFAULT_PREFERENCES))

    @rule(slot=SLOTS, app=WORDS, verb=st.sampled_from(["PUT", "DELETE"]), twice=st.booleans())
    def favourite(self, slot: str, app: str, verb: str, twice: bool) -> None:
        rest = f"preferences/favorite-apps/{app}/"
        user = self.users[slot]
        if twice:
            answers = self.both(verb, self.path(slot, rest))
            assert self.statuses(answers) == [200 if user else 404] * 2
        else:
            self.change(slot, verb, rest)
        if user:
            favourites = user.preferences["dashboard"]["favoriteApps"]
            (add if verb == "PUT" else remove)(favourites, app)

    @rule(slot=SLOTS, widget=WORDS, enabled=st.booleans(), customization=OBJECTS)
    def set_widget(self, slot: str, widget: str, enabled: bool, customization: Any) -> None:
        body = {"enabled": enabled, "customization": customization}
        if user := self.change(slot, "PUT", f"preferences/widgets/{widget}/", body):
            widgets = user.preferences["widgets"]
            add(widgets["enabled" if enabled else "disabled"], widget)
            remove(widgets["disabled" if enabled else "enabled"], widget)
            widgets["customizations"][widget] = customization

    # --- app data -------------------------------------------------------------------------------

    @rule(slot=SLOTS, key=KEYS, value=JSON)
    def put(self, slot: str, key: tuple[str, str], value: Any) -> None:
        user = self.users[slot]
        status = (200 if key in user.values else 201) if user else 404
        body = {"dataValue": value}
        answer = self.expect(status, "PUT", self.path(slot, "app-data/{}/{}/".format(*key)), body)
        if user:
            assert answer["version"] == user.put(key, value)

    @rule(slot=SLOTS, key=KEYS, value=JSON, behind=st.integers(-1, 1))
    def put_version(self, slot: str, key: tuple[str, str], value: Any, behind: int) -> None:
        user = self.users[slot]
        stored = user.values.get(key) if user else None
        version = (stored.version if stored else 1) + behind
        path = self.path(slot, "app-data/{}/{}/".format(*key))
        answer = self.call("PUT", path, {"dataValue": value, "version": max(version, 1)})
        if user is None or stored is None:
            assert answer.status_code == 404, answer.content
        elif max(version, 1) != stored.version:
            assert answer.status_code == 409
            current = {"version": stored.version, "dataValue": stored.value}
            assert answer.json()["current"] == current
        else:
            assert answer.status_code == 200
            assert answer.json()["version"] == user.put(key, value)

    @rule(slot=SLOTS, key=KEYS, values=st.lists(JSON, min_size=2, max_size=2), knows=st.booleans())
    def put_at_once(self, slot: str, key: tuple[str, str], values: list[Any], knows: bool) -> None:
        user = self.users[slot]
        stored = user.values.get(key) if user else None
        path = self.path(slot, "app-data/{}/{}/".format(*key))
        expected = {"version": stored.version} if stored and knows else {}
        Api.twins += 1
        calls = [
            partial(
                *(self.call, "PUT", path, {"dataValue": value, **expected}),
                client=self.new_client(),
            )
            for value in values
        ]
        answers = together(calls)
        statuses = sorted(self.statuses(answers))
        if user is None:
            assert statuses == [404, 404]
            return
        if expected:
            assert statuses == [200, 409]
        else:
            assert statuses == ([200, 200] if stored else [200, 201])
        done = [a.json() for a in answers if a.status_code < 400]
        for answer in sorted(done, key=lambda answer: int(answer["version"])):
            assert answer["version"] == user.put(key, answer["dataValue"])

    @rule(slot=SLOTS, key=KEYS, patch=JSON)
    def patch(self, slot: str, key: tuple[str, str], patch: Any) -> None:
        user = self.users[slot]
        stored = user.values.get(key) if user else None
        path = self.path(slot, "app-data/{}/{}/".format(*key))
        answer = self.call("PATCH", path, {"dataValue": patch})
        assert answer.status_code == (200 if stored else 404), answer.content
        if user and stored:
            value = merged(stored.value, patch)
            shown = answer.json()
            assert shown["dataValue"] == value
            # A merge that changes nothing may keep the version.
            if shown["version"] != stored.version:
                assert shown["version"] == user.put(key, value)

    @rule(slot=SLOTS, key=KEYS, twice=st.booleans())
    def delete_value(self, slot: str, key: tuple[str, str], twice: bool) -> None:
        user = self.users[slot]
        path = self.path(slot, "app-data/{}/{}/".format(*key))
        first = 204 if user and key in user.values else 404
        answers = self.both("DELETE", path) if twice else [self.call("DELETE", path)]
        assert self.statuses(answers) == [first, 404][: len(answers)]
        if user:
            user.values.pop(key, None)

    @rule(slot=SLOTS, app=APPS)
    def delete_app(self, slot: str, app: str) -> None:
        user = self.users[slot]
        answer = self.call("DELETE", self.path(slot, f"app-data/{app}/"))
        if user is None:
            assert answer.status_code == 404
            return
        gone = [key for key in user.values if key[0] == app]
        assert (answer.status_code, answer.json()) == (200, {"deleted": len(gone)})
        for key in gone:
            del user.values[key]

    # --- events ---------------------------------------------------------------------------------

    @rule(slot=SLOTS, kind=WORDS, data=OBJECTS, message=st.one_of(st.none(), WORDS))
    def record(self, slot: str, kind: str, data: Any, message: str | None) -> None:
        body = {"eventType": kind, "eventData": data} | ({"messageId": message} if message else {})
        if user := self.change(slot, "POST", "activities/", body):
            user.record(kind, data, message)

    @rule(slot=SLOTS, kind=WORDS, message=WORDS)
    def record_twice(self, slot: str, kind: str, message: str) -> None:
        body = {"eventType": kind, "eventData": {}, "messageId": message}
        answers = self.both("POST", self.path(slot, "activities/"), body)
        user = self.users[slot]
        assert self.statuses(answers) == [201 if user else 404] * 2
        if user:
            assert answers[0].json() == answers[1].json()
            user.record(kind, {}, message)

    @rule(slot=SLOTS, kind=WORDS, twice=st.booleans())
    def record_with_a_key(self, slot: str, kind: str, twice: bool) -> None:
        key = {"HTTP_IDEMPOTENCY_KEY": f"key{next(numbers)}"}
        path, body = self.path(slot, "activities/"), {"eventType": kind, "eventData": {}}
        user = self.users[slot]
        if twice:
            answers = self.both("POST", path, body, **key)
            # 409: while the first is still running.
            assert self.statuses(answers) in ([[201, 201], [201, 409]] if user else [[404, 404]])
        else:
            answers = [self.call("POST", path, body, **key) for _ in range(2)]
            assert self.statuses(answers) == [201 if user else 404] * 2
        if user:
            assert len({a.json()["id"] for a in answers if a.status_code == 201}) == 1
            user.record(kind, {}, None)

    @rule(slot=SLOTS, kinds=st.lists(st.one_of(WORDS, st.none()), max_size=4))
    def count_events(self, slot: str, kinds: list[str | None]) -> None:
        batch = [{"eventName": kind, "eventCategory": "custom"} for kind in kinds]
        good = [kind for kind in kinds if kind]
        user = self.users[slot]
        answer = self.call("POST", self.path(slot, "analytics/"), batch)
        if user is None:
            assert answer.status_code == 404, answer.content
            return
        assert answer.status_code == 200, answer.content
        told = answer.json()
        assert (told["accepted"], told["duplicates"]) == (len(good), 0)
        rejected = [index for index, kind in enumerate(kinds) if kind is None]
        assert [item["index"] for item in told["rejected"]] == rejected
        user.analytics.update(good)

    # --- what is shown --------------------------------------------------------------------------

    @rule(slot=SLOTS)
    def look(self, slot: str) -> None:
        found = self.expect(200, "GET", f"users/?email={self.email(slot)}")["results"]
        user = self.users[slot]
        assert [row["id"] for row in found] == ([user.id] if user else [])
        if user is None:
            for rest in ("", "profile/", "preferences/"):
                self.expect(404, "GET", self.path(slot, rest))
            for rest in ("app-data/", "activities/", "analytics/"):
                assert self.expect(200, "GET", self.path(slot, rest))["results"] == []
            return
        shown = self.expect(200, "GET", self.path(slot, "?expand=profile,preferences"))
        for name in ("id", "email", "name", "roles", "permissions"):
            assert shown[name] == getattr(user, name), name
        for name in user.profile:
            assert shown["profile"][name] == user.profile[name], name
        for name in user.preferences:
            assert shown["preferences"][name] == user.preferences[name], name

    @precondition(lambda self: any(self.users.values()))
    @rule(slot=SLOTS)
    def look_at_data(self, slot: str) -> None:
        user = self.users[slot]
        if user is None:
            return
        rows = self.expect(200, "GET", self.path(slot, "app-data/"))["results"]
        values = {
            (row["appId"], row["dataKey"]): (row["dataValue"], row["version"]) for row in rows
        }
        assert values == {key: (v.value, v.version) for key, v in user.values.items()}
        rows = self.expect(200, "GET", self.path(slot, "activities/?limit=1000"))["results"]
        shown = [json.dumps([row["eventType"], row["eventData"]], sort_keys=True) for row in rows]
        expected = [json.dumps(list(event), sort_keys=True) for event in user.activities]
        assert sorted(shown) == sorted(expected)
        period = "?start=2020-01-01T00:00:00Z&end=2099-01-01T00:00:00Z"
        counts = self.expect(200, "GET", self.path(slot, f"analytics/event-counts/{period}"))
        assert Counter({row["eventName"]: row["count"] for row in counts}) == user.analytics

    def teardown(self) -> None:
        for slot in self.users:
            self.look(slot)
            self.look_at_data(slot)


def test_the_api_does_what_the_model_does(mongodb: str, long: bool, claim: Claim) -> None:
    admin = User.create_user(email="admin@example.org", roles=["admin"])
    Api.token = access_token(admin.id)
    Api.steps = Api.twins = 0
    run_state_machine_as_test(
        Api,
        settings=settings(
            max_examples=520 if long else 6,
            stateful_step_count=50,
            deadline=None,
            derandomize=not long,
            database=None,
            # Shrinking would run thousands more; threads may not repeat what they did either.
            phases=[Phase.generate],
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    claim(
        "the API answers and stores what a plain model of the specification does",
        f"{Api.steps:,} random steps, {Api.twins:,} of them two clients at once",
        Api.steps >= (20_000 if long else 200),
    )
