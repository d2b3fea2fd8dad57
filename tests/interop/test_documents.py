"""Each model, written by one side, is read, changed and validated by the other."""

from typing import Any

from pymongo.database import Database
from support.mongoose import Program
from support.signed_in import api_client

from chabad_auth_django.models import Profile, User

PROFILE = "/api/users/me/profile/"
PICTURE, SMALL = "https://a.org/x.png", "https://a.org/x-64.png"


def test_an_avatar_of_ours_is_the_one_that_mongoose_shows(mongoose: Program, user: User) -> None:
    def shown() -> Any:
        return mongoose.run("return (await Profile.findOne()).toObject().avatar")

    api = api_client(user.id)
    both = {"url": PICTURE, "thumbnailUrl": SMALL}
    assert api.put(f"{PROFILE}avatar/", both, format="json").json()["avatar"] == both
    assert shown() == both
    # The original sets both to the one URL that it is given.
    for write in (
        lambda: api.put(f"{PROFILE}avatar/", {"url": SMALL}, format="json"),
        lambda: api.patch(PROFILE, {"avatar": {"url": PICTURE}}, format="json"),
        lambda: Profile(user_id=user.id).update_avatar(SMALL),
        lambda: mongoose.run("return (await Profile.findOne()).updateAvatar(url)", url=PICTURE),
    ):
        write()
        url = shown()["url"]
        assert shown() == api.get(PROFILE).json()["avatar"] == {"url": url, "thumbnailUrl": url}
    answer = api.put(f"{PROFILE}avatar/", {"url": PICTURE, "thumbnail": SMALL}, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["thumbnail"])


def test_a_thumbnail_of_version_0_1_0_is_an_unknown_field(
    mongoose: Program, raw: Database, user: User
) -> None:
    old = {"url": PICTURE, "thumbnail": SMALL}
    raw.profiles.update_one({}, {"$set": {"avatar": old}})
    shown = api_client(user.id).get(PROFILE).json()["avatar"]
    assert shown == {"url": PICTURE, "thumbnailUrl": None}
    profile = Profile.find_by_user_id(user.id)
    profile.avatar.thumbnail_url = PICTURE
    profile.save()
    assert mongoose.run("return (await Profile.findOne()).avatar.thumbnailUrl") == PICTURE
    assert raw.profiles.find_one()["avatar"] == {**old, "thumbnailUrl": PICTURE}
