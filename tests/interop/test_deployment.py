"""Indexes, deletions and exports beside a Mongoose program, in any order and at once."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pymongo.database import Database
from support.exports import exported, imported
from support.mongoose import Program
from support.threads import together

from chabad_auth_django.exceptions import NotFound, UserNotFound
from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.lifecycle import deletion

OWN = (User, Profile, Preferences, Activity, AppData, Analytics)
MODELS = [model.__name__ for model in OWN]

DEPLOY = f"""
    const models = [{", ".join(MODELS)}];
    const results = await Promise.allSettled(models.map((model) => model.createIndexes()));
    return results.map(({{reason}}) => reason?.codeName ?? null);
"""


def deploy(*options: str) -> None:
    try:
        call_command("chabad_sync_indexes", "--yes", "-v", "0", *options)
    except CommandError as error:
        # A plain index where ours removes old activities: an operator decides.
        assert "--fix" in str(error)


@pytest.mark.usefixtures("fresh_indexes")
def test_indexes_are_deployed_in_either_order_and_at_once(
    mongoose: Program, raw: Database, mongodb: str
) -> None:
    def theirs() -> None:
        refused = mongoose.run(DEPLOY)
        # Two indexes on one field: their own model declares what the server refuses.
        assert refused.count(None) >= len(MODELS) - 1, refused

    ours = lambda: deploy()  # noqa: E731
    for turn in ([theirs, ours], [ours, theirs], None):
        for model in OWN:
            raw[model.collection_name()].drop()
        if turn:
            for step in turn:
                step()
        else:
            together([theirs, ours])
        deploy("--fix")
        comparison = indexes.compare()
        assert (comparison.missing, comparison.differing) == ([], []), comparison
        mongoose.run(DEPLOY)
        assert indexes.compare() == comparison


CREATE = """
    const user = await User.create({email, name: ' Ann ', authMethods: ['google']});
    const userId = user._id;
    const profile = await Profile.create({userId, displayName: 'Ann'});
    await profile.updateAvatar('https://a.org/x.png');
    await Preferences.create({userId, theme: 'dark'});
    await AppData.create({userId, appId: 'cteen', dataKey: 'k', dataValue: {a: {}, b: [1, {}]}});
    await Activity.create({userId, appId: 'cteen', eventType: 'opened', eventData: {a: 1.5}});
    const event = {userId, eventName: 'opened', eventCategory: 'custom', appId: 'cteen'};
    await Analytics.create(event);
    return userId;
"""


def rows(raw: Database, user_id: Any) -> dict[str, list[dict[str, Any]]]:
    names = ("profiles", "preferences", "appdatas", "activities", "analytics")
    found = {name: list(raw[name].find({"userId": user_id})) for name in names}
    return {"users": list(raw.users.find({"_id": user_id})), **found}


def test_what_mongoose_wrote_is_exported_and_comes_back_byte_for_byte(
    mongoose: Program, raw: Database
) -> None:
    user_id = mongoose.run(CREATE, email="ann@example.org")
    before = rows(raw, user_id)
    assert all(len(found) == 1 for found in before.values())
    file = exported(user_id)
    User.find_by_id(user_id).delete()
    deletion.resume(user_id=user_id)
    assert not any(rows(raw, user_id).values())
    imported(file)
    assert rows(raw, user_id) == before
    # And its program goes on with it.
    mongoose.run(
        "for (const model of [User, Profile, Preferences, Activity, AppData, Analytics]) {"
        "  await (await model.findOne()).validate(); await (await model.findOne()).save(); }"
    )


def test_a_deletion_by_the_documented_transaction_leaves_nothing(
    mongoose: Program, raw: Database
) -> None:
    user_id = mongoose.run(CREATE, email="ann@example.org")
    user, preferences = User.find_by_id(user_id), Preferences.find_by_user_id(user_id)
    mongoose.run("await deleteUserCompletely(id)", id=user_id)
    for change in (
        lambda: user.add_role("a"),
        lambda: preferences.add_favorite_app("a"),
        lambda: Preferences(user_id=user_id).add_favorite_app("a"),
        lambda: AppData.upsert_app_data(user_id, "a", "k", 1),
        lambda: Activity.create_activity(user_id=user_id, event_type="a"),
    ):
        with pytest.raises(NotFound):
            change()
    assert not any(rows(raw, user_id).values())


def test_what_is_written_while_mongoose_deletes_is_found_and_removed(
    mongoose: Program, raw: Database
) -> None:
    user_id = mongoose.run(CREATE, email="ann@example.org")
    theirs = """
        for (;;) {
          try { await deleteUserCompletely(id); return; } catch (error) {
            if (!error.hasErrorLabel?.('TransientTransactionError')) throw error;
          }
        }
    """

    def ours() -> None:
        with pytest.raises(UserNotFound):
            for number in range(2000):
                AppData.upsert_app_data(user_id, "cteen", f"k{number}", number)

    together([ours, lambda: mongoose.run(theirs, id=user_id)])
    assert User.find_by_id(user_id) is None
    # Their transaction does not see what committed just before it, which stays without an owner.
    call_command("chabad_check_integrity", "--repair", "-v", "0", stdout=io.StringIO())
    assert not any(rows(raw, user_id).values())


def test_writers_of_both_sides_lose_nothing(mongoose: Program, raw: Database, user: User) -> None:
    theirs = """
        const retry = async (model, change) => {
          for (;;) {
            const document = await model.findOne();
            try { await change(document); return; } catch (error) {
              if (error.name !== 'VersionError') throw error;
            }
          }
        };
        for (let n = 0; n < 15; n++) {
          await retry(Preferences, (item) => item.addFavoriteApp(`theirs${n}`));
          await retry(User, (item) => item.addPermission(`theirs${n}`));
          await retry(User, (item) => item[n % 2 ? 'addAuthMethod' : 'removeAuthMethod']('cdsso'));
        }
        await retry(Preferences, (item) => item.removeFavoriteApp('theirs0'));
    """

    def ours() -> None:
        own, preferences = User.find_by_id(user.id), Preferences(user_id=user.id)
        for number in range(15):
            preferences.add_favorite_app(f"ours{number}")
            own.add_permission(f"ours{number}")
            own.add_auth_method("credentials")
        preferences.remove_favorite_app("ours0")

    together([ours, lambda: mongoose.run(theirs)])
    everything = {f"{side}{number}" for side in ("ours", "theirs") for number in range(15)}
    stored = raw.users.find_one()
    assert set(stored["permissions"]) == everything
    assert {"google", "credentials"} <= set(stored["authMethods"])
    favorites = raw.preferences.find_one()["dashboard"]["favoriteApps"]
    assert set(favorites) == everything - {"ours0", "theirs0"}
