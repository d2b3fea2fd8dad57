"""The tags and the values of application data that Mongoose programs write."""

from typing import Any

import pytest
from bson import Decimal128, Int64
from pymongo.database import Database
from rest_framework.test import APIClient
from support.exports import exported, imported
from support.mongoose import MongooseError, Program
from support.signed_in import api_client
from support.threads import together

from chabad_auth_django.exceptions import VersionConflict
from chabad_auth_django.models import AppData, User
from chabad_auth_django.services.data import app_data
from chabad_auth_django.services.lifecycle import deletion

URL = "/api/users/me/app-data/cteen/k/"
MISSING = object()

#: What a version may be that is none of ours.
VERSIONS: list[Any] = [
    MISSING, None, 2.0, 2.5, "2", "text", True, [1], {}, float("nan"), Int64(7), Decimal128("2"), -1
]  # fmt: skip


@pytest.fixture
def api(user: User) -> APIClient:
    return api_client(user.id)


def test_two_values_of_one_version_have_two_tags(
    mongoose: Program, api: APIClient, user: User
) -> None:
    AppData.create_app_data(user_id=user.id, app_id="cteen", data_key="k", data_value={"a": 1})
    first = api.get(URL)
    # Two programs that count up the same version, and one that does not count.
    for code in ("doc.dataValue = {a: 2}", "doc.dataValue = {a: 3}", "doc.dataValue = [4]"):
        before = api.get(URL)
        mongoose.run(f"const doc = await AppData.findOne(); {code}; await doc.save()")
        now = api.get(URL, headers={"If-None-Match": before["ETag"]})
        assert (now.status_code, now.json()["version"]) == (200, 1)
        for method in ("put", "patch", "delete"):
            answer = getattr(api, method)(
                URL, {"dataValue": 9}, format="json", headers={"If-Match": first["ETag"]}
            )
            assert (answer.status_code, answer["ETag"]) == (412, now["ETag"]), method
    assert api.put(URL, {"dataValue": 9, "version": 1}, format="json").json()["version"] == 2


def test_the_tag_just_given_passes_whatever_the_version(
    raw: Database, api: APIClient, user: User
) -> None:
    for version in VERSIONS:
        for method in ("put", "patch", "delete"):
            raw.appdatas.delete_many({})
            AppData.create_app_data(user_id=user.id, app_id="cteen", data_key="k", data_value={})
            change = {"$unset": {"version": 1}}
            if version is not MISSING:
                change = {"$set": {"version": version}}
            raw.appdatas.update_one({}, change)
            tag = api.get(URL)["ETag"]
            assert api.get(URL, headers={"If-None-Match": tag}).status_code == 304
            sent = {"path": URL, "data": {"dataValue": {"b": 1}}, "format": "json"}
            wrong = getattr(api, method)(**sent, headers={"If-Match": '"1", "2"'})
            assert wrong.status_code == 412, (version, method)
            assert wrong["ETag"] == tag
            answer = getattr(api, method)(**sent, headers={"If-Match": f'"1", {tag}'})
            assert answer.status_code == (204 if method == "delete" else 200), (version, method)
            assert answer.status_code == 204 or answer["ETag"] == api.get(URL)["ETag"] != tag
            assert getattr(api, method)(**sent, headers={"If-Match": tag}).status_code == 412


def test_a_tag_is_the_same_from_each_answer(api: APIClient) -> None:
    created = api.put(URL, {"dataValue": {"a": [1, None, "x"]}}, format="json")
    assert (created.status_code, created["ETag"]) == (201, api.get(URL)["ETag"])
    for method, body in (("put", [1]), ("put", {}), ("patch", {"b": 2.5})):
        answer = getattr(api, method)(URL, {"dataValue": body}, format="json")
        assert answer["ETag"] == api.get(URL)["ETag"]
        assert answer["ETag"].startswith(f'"{answer.json()["version"]}-')


def test_what_mongoose_leaves_out_reads_as_an_empty_object(
    mongoose: Program, raw: Database, api: APIClient, user: User
) -> None:
    mongoose.run(
        "await AppData.create({userId: id, appId: 'cteen', dataKey: 'k', dataValue: {}})",
        id=user.id,
    )
    assert "dataValue" not in raw.appdatas.find_one()
    assert api.get(URL).json()["dataValue"] == {}
    listed = api.get("/api/users/me/app-data/").json()["results"]
    assert [row["dataValue"] for row in listed] == [{}]
    key = {"user_id": user.id, "app_id": "cteen", "data_key": "k"}
    assert AppData.find_by_user_app_and_key(**key).data_value == {}
    assert AppData.objects.get().data_value == {}
    with pytest.raises(VersionConflict) as caught:
        AppData.update_app_data(**key, data_value=1, expected_version=5)
    assert caught.value.current_value == {}
    conflict = api.put(URL, {"dataValue": 1, "version": 5}, format="json").json()
    assert conflict["current"]["dataValue"] == {}
    file = exported(user.id)
    user.delete()
    deletion.resume(user_id=user.id)
    imported(file)
    assert AppData.find_by_user_app_and_key(**key).data_value == {}
    assert app_data.merge_app_data(**key, patch={"a": 1}).data_value == {"a": 1}
    # What is null is null: Mongoose cannot store it, and changes nothing of the document until it
    # is gone.
    AppData.upsert_app_data(**key, data_value=None)
    assert AppData.objects.get().data_value is None
    assert AppData.find_by_user_app_and_key(**key).data_value is None
    with pytest.raises(MongooseError, match="ValidationError"):
        mongoose.run("await (await AppData.findOne()).incrementVersion()")


def test_both_sides_count_one_version_at_once(mongoose: Program, raw: Database, user: User) -> None:
    key = {"user_id": user.id, "app_id": "cteen", "data_key": "k"}
    AppData.create_app_data(**key, data_value={"n": 0})
    theirs = """
        for (let n = 0; n < 40; n++) {
          await AppData.upsertAppData({userId: id, appId: 'cteen', dataKey: 'k'}, {n});
        }
    """

    def ours() -> None:
        for number in range(40):
            AppData.upsert_app_data(**key, data_value={"n": number})

    together([lambda: mongoose.run(theirs, id=user.id), ours, ours])
    assert raw.appdatas.find_one()["version"] == 121
