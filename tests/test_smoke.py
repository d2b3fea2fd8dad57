from chabad_auth_django.models import *
from chabad_auth_django.services import sign_in, app_data, deletion, indexes, accounts
from chabad_auth_django import connection


def test_smoke(either_server):
    assert indexes.compare().is_clean
    print(len(indexes.declared_indexes()))
    u = User.create_user(email=" Ann@Example.org ", name="Ann", auth_methods=["google"])
    assert User.find_by_email("ANN@example.org").id == u.id
    c = accounts.get_complete_profile(email="ann@example.org")
    c.profile.update_avatar("https://x.org/a.png")
    c.profile.set_metadata("a", {"b": 1})
    p = c.preferences
    p.toggle_notification("push")
    assert p.notifications.push is False
    p.enable_widget("w")
    p.add_favorite_app("x")
    print(p.to_mongo(), c.profile.to_mongo())
    u2 = sign_in.record_login(user_id=str(u.id), app_id="cteen")
    print(u2.to_mongo())
    a = app_data.synchronize_app_data(
        user_id=u.id, app_id="cteen", data_key="s", data_value={"x": None}
    )
    a = app_data.synchronize_app_data(
        user_id=u.id, app_id="cteen", data_key="s", data_value={"x": 1}, expected_version=1
    )
    assert a.version == 2
    assert AppData.delete_app_data(u.id, "cteen") == 1
    a = AppData.upsert_app_data(u.id, "cteen", "s", 0)
    assert a.version == 3
    assert [x.user.email for x in Activity.find_by_user_id(u.id).populate("user")] == [
        "ann@example.org"
    ] * 3
    print(Analytics.find_by_user_id(u.id)[0].to_mongo())
    u2.delete()
    print(list(deletion.run()))
    db = connection.get_database()
    assert {
        n: db[n].count_documents({})
        for n in db.list_collection_names()
        if db[n].count_documents({})
    } == {}
