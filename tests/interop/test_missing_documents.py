"""A user whom a Mongoose program created without a profile and preferences."""

from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from support.mongoose import Program
from support.signed_in import api_client, identity
from support.threads import together

from chabad_auth_django.exceptions import UserNotFound
from chabad_auth_django.models import Preferences, Profile, User
from chabad_auth_django.services.signing_in import flows

ME = "/api/users/me/"


def sign_in() -> flows.SignedIn:
    """Let Ann come in, as an issuer whose word is taken names her."""
    return flows.sign_in(identity=identity())


#: Method, path and body of each first use.
FIRST_USES: list[tuple[str, str, Any]] = [
    ("get", "profile/", None),
    ("patch", "profile/", {"bio": "Hi"}),
    ("patch", "profile/", {}),
    ("put", "profile/avatar/", {"url": "https://a.org/"}),
    ("delete", "profile/avatar/", None),
    ("put", "profile/metadata/k/", {"value": [1]}),
    ("delete", "profile/metadata/k/", None),
    ("get", "preferences/", None),
    ("patch", "preferences/", {"theme": "dark", "widgets": {"customizations": {"w": {}}}}),
    ("post", "preferences/reset/", None),
    ("put", "preferences/favorite-apps/cteen/", None),
    ("put", "preferences/widgets/w/", {"enabled": True, "customization": {"a": 1}}),
    ("delete", "preferences/widgets/w/", None),
    ("get", "?expand=profile,preferences", None),
]


def test_each_first_use_makes_what_is_missing(mongoose: Program, raw: Database) -> None:
    user_id = mongoose.run("return (await User.create({email: 'ann@example.org'}))._id")
    client = api_client(user_id)
    for method, path, body in FIRST_USES:
        raw.profiles.delete_many({})
        raw.preferences.delete_many({})
        answer = getattr(client, method)(ME + path, body, format="json")
        assert answer.status_code in (200, 204), (path, answer.content)
        stored = [*raw.profiles.find(), *raw.preferences.find()]
        assert len(stored) == (2 if "expand" in path else 1), path
        assert {row["userId"] for row in stored} == {user_id}
        # A Mongoose program goes on with it.
        mongoose.run(
            "await (await Profile.findOrCreateProfile(id)).setMetadata('m', 1);"
            "await (await Preferences.findOrCreatePreferences(id)).addFavoriteApp('m');",
            id=user_id,
        )
        assert raw.profiles.find_one()["metadata"]["m"] == 1


def test_each_door_makes_what_is_missing(mongoose: Program, raw: Database) -> None:
    user_id = mongoose.run("return (await User.create({email: 'ann@example.org'}))._id")
    # The first time finds the user by the address, the next by the claim.
    for missing in (["profiles", "preferences"], ["profiles"], ["preferences"]):
        for name in missing:
            raw[name].delete_many({})
        kept = [*raw.profiles.find(), *raw.preferences.find()]
        assert sign_in().user.id == user_id
        stored = [*raw.profiles.find(), *raw.preferences.find()]
        assert [row["userId"] for row in stored] == [user_id] * 2
        assert all(row in stored for row in kept)


def test_first_uses_at_once_make_one(mongoose: Program, raw: Database) -> None:
    user_id = mongoose.run("return (await User.create({email: 'ann@example.org'}))._id")
    for _ in range(5):
        raw.preferences.delete_many({})
        names = [f"a{number}" for number in range(8)]
        together(
            [
                lambda name=name: Preferences(user_id=user_id).add_favorite_app(name)
                for name in names
            ]
            + [sign_in] * 2
        )
        (stored,) = raw.preferences.find()
        assert sorted(stored["dashboard"]["favoriteApps"]) == names


def test_nothing_is_made_for_a_user_who_is_gone(mongodb: str, raw: Database) -> None:
    gone = ObjectId()
    for change in (
        lambda: Profile(user_id=gone).set_metadata("k", 1),
        lambda: Preferences(user_id=gone).reset_to_defaults(),
        lambda: Preferences.read_or_make(gone),
        lambda: Profile(user_id=gone).refresh(),
    ):
        with pytest.raises(UserNotFound):
            change()
    admin = User.create_user(email="admin@example.org", roles=["admin"])
    client = api_client(admin.id)
    for path in ("profile/", "preferences/"):
        assert client.get(f"/api/users/{gone}/{path}").status_code == 404
        assert client.patch(f"/api/users/{gone}/{path}", {}, format="json").status_code == 404
    assert raw.profiles.count_documents({"userId": gone}) == 0
