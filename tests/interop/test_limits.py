"""What cannot be kept beside Mongoose: each row of the table in docs/mongoose.md is shown here."""

import pytest
from django.test import override_settings
from pymongo.database import Database
from support.mongoose import MongooseError, Program

from chabad_auth_django.checks.database import check_database
from chabad_auth_django.models import Activity, AppData, Preferences, Profile, User


def test_mongoose_leaves_out_empty_objects_at_every_depth(
    mongoose: Program, raw: Database, user: User
) -> None:
    AppData.upsert_app_data(user.id, "a", "k", {"empty": {}, "full": {"x": 1}})
    mongoose.run("const d = await AppData.findOne(); await d.updateValue({...d.dataValue, n: 1})")
    assert raw.appdatas.find_one()["dataValue"] == {"full": {"x": 1}, "n": 1}


def test_mongoose_removes_metadata_that_its_copy_did_not_have(
    mongoose: Program, raw: Database
) -> None:
    user_id = mongoose.run("return (await User.create({email: 'ann@example.org'}))._id")
    mongoose.run("kept.old = await Profile.create({userId: id})", id=user_id)
    mongoose.run("kept.old = await Profile.findOne()")
    Profile(user_id=user_id).set_metadata("k", 1)
    mongoose.run("kept.old.bio = 'Hi'; await kept.old.save()")
    assert "metadata" not in raw.profiles.find_one()
    # A profile that we made has an empty one, which Mongoose leaves alone.
    raw.profiles.delete_many({})
    Profile.read_or_make(user_id)
    mongoose.run("kept.old = await Profile.findOne()")
    Profile(user_id=user_id).set_metadata("k", 1)
    mongoose.run("kept.old.bio = 'Hi'; await kept.old.save()")
    assert raw.profiles.find_one()["metadata"] == {"k": 1}


def test_mongoose_writes_an_object_as_a_whole(mongoose: Program, raw: Database, user: User) -> None:
    raw.preferences.update_one({}, {"$set": {"dashboard.columns": 3}})
    mongoose.run("kept.old = await Preferences.findOne()")
    Preferences(user_id=user.id).add_favorite_app("ours")
    mongoose.run(
        "kept.old.dashboard = {...kept.old.toObject().dashboard, layout: 'list'};"
        "await kept.old.save()"
    )
    stored = raw.preferences.find_one()["dashboard"]
    assert (stored["favoriteApps"], "columns" in stored) == ([], False)


def test_mongoose_validates_the_whole_document(
    mongoose: Program, raw: Database, mongodb: str, user: User
) -> None:
    AppData.upsert_app_data(user.id, "a", "k", None)
    Activity.create_activity(user_id=user.id, event_type="opened")
    methods = ["google", "saml"]
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "AUTH_METHODS": methods}):
        user.add_auth_method("saml")
    for code in (
        "(await AppData.findOne()).incrementVersion()",
        "(await Activity.findOne()).addMetadata('k', 1)",
        "(await User.findOne()).updateLastLogin()",
    ):
        with pytest.raises(MongooseError, match="ValidationError"):
            mongoose.run(f"await {code}")
    # What no setting of ours can prevent, an operator can: DEFAULT_APP_ID.
    raw.activities.delete_many({})
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "DEFAULT_APP_ID": "universe"}):
        Activity.create_activity(user_id=user.id, event_type="opened")
    mongoose.run("await (await Activity.findOne()).addMetadata('k', 1)")


def test_mongoose_counts_no_version_of_app_data_by_itself(
    mongoose: Program, raw: Database, user: User
) -> None:
    AppData.upsert_app_data(user.id, "a", "k", {"n": 0})
    mongoose.run("kept.old = await AppData.findOne()")
    AppData.upsert_app_data(user.id, "a", "k", {"n": 1})
    mongoose.run("await kept.old.updateValue({n: 2})")
    stored = raw.appdatas.find_one()
    assert (stored["version"], stored["dataValue"]) == (2, {"n": 2})


def test_mongoose_stores_a_second_spelling_of_an_address(
    mongoose: Program, raw: Database, mongodb: str
) -> None:
    User.create_user(email="ann@münchen.de")
    mongoose.run("await User.create({email: 'ann@MÜNCHEN.de'})")
    assert raw.users.count_documents({}) == 2


#: A second model of the same collection, with other options of its schema.
SECOND = """
    const {ObjectId} = mongoose.Schema.Types;
    const fields = {userId: ObjectId, theme: String, dashboard: {favoriteApps: [String]}};
    const schema = new mongoose.Schema(fields, {autoIndex: false, autoCreate: false, ...options});
    const Second = connection.models[name] ?? connection.model(name, schema, collection);
"""


def test_mongoose_guards_arrays_by_one_name_of_the_version(
    mongoose: Program, raw: Database, user: User
) -> None:
    for key in ("rev", False):
        name, options = f"Keyed{key}", {"versionKey": key}
        values = {"name": name, "collection": "preferences", "options": options}
        mongoose.run(SECOND + "kept.old = await Second.findOne()", **values)
        Preferences(user_id=user.id).add_favorite_app("ours")
        mongoose.run("kept.old.dashboard.favoriteApps = [name]; await kept.old.save()", name=name)
        assert raw.preferences.find_one()["dashboard"]["favoriteApps"] == [name]


def test_mongoose_alone_counts_each_save_where_its_schema_asks_for_that(
    mongoose: Program, raw: Database, user: User
) -> None:
    values = {
        "name": "Optimistic",
        "collection": "preferences",
        "options": {"optimisticConcurrency": True},
    }
    old = SECOND + "kept.old = await Second.findOne()"
    save = "kept.old.theme = 'light'; await kept.old.save()"
    mongoose.run(old, **values)
    Preferences(user_id=user.id).update_theme("dark")
    mongoose.run(save)
    assert raw.preferences.find_one()["theme"] == "light"
    # A change of an array it sees.
    mongoose.run(old, **values)
    Preferences(user_id=user.id).add_favorite_app("ours")
    with pytest.raises(MongooseError, match="VersionError"):
        mongoose.run(save)


def test_times_under_other_names_are_unknown_fields(
    mongoose: Program, raw: Database, user: User
) -> None:
    times = {"createdAt": "created_at", "updatedAt": "updated_at"}
    values = {"name": "Timed", "collection": "profiles", "options": {"timestamps": times}}
    raw.profiles.delete_many({})
    mongoose.run(SECOND + "await Second.create({userId: id})", id=user.id, **values)
    theirs = raw.profiles.find_one()
    profile = Profile.objects.get()
    assert profile.created_at is None
    profile.bio = "Hi"
    profile.save()
    assert raw.profiles.find_one().items() >= theirs.items()
    assert raw.profiles.find_one()["updatedAt"] > theirs["updated_at"]


@pytest.mark.usefixtures("fresh_indexes")
def test_mongoose_drops_the_indexes_that_its_schema_does_not_have(
    mongoose: Program, raw: Database, mongodb: str
) -> None:
    values = {"name": "Bare", "collection": "profiles", "options": {}}
    assert mongoose.run(SECOND + "return await Second.syncIndexes()", **values) == ["userId_1"]
    (warning,) = (item for item in check_database(databases=["default"]) if "W011" in item.id)
    assert "profiles {userId: 1}" in warning.msg
