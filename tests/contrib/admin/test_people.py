"""What staff see of people, and what they do to them."""

from __future__ import annotations

from contrib.admin.conftest import Run


def test_hostile_names_harm_no_list_and_no_spreadsheet(run: Run) -> None:
    told = run(
        """
made = make()
fill(made["all"])
browser = superuser()
ids = {name: str(user.id) for name, user in made.items()}
posted = browser.post(f"{PEOPLE}bulk/", {"action": "block", "id": list(ids.values())})
tell("<script>alert" in posted.content.decode())
rows = b"".join(browser.post(f"{PEOPLE}export/").streaming_content).decode()
tell([item for item in ("\\x1b", "\\u202e", ",=HYPERLINK") if item in rows])
tell("'=HYPERLINK" in rows)
"""
    )
    assert told == [False, [], True]


def test_without_mongodb_there_is_a_banner(run: Run) -> None:
    told = run("""
person = str(make()["ann"].id)
browser = superuser()
down = "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=100"
addresses = [PEOPLE, f"{BASE}sessions/", *(f"{PEOPLE}{person}/{path}" for path in staff.TABS)]
with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "MONGODB_URI": down}):
    answers = [browser.get(address) for address in addresses]
    answers.append(browser.post(f"{PEOPLE}{person}/do/sign_out/"))
    answers.append(browser.post(f"{PEOPLE}export/"))
    tell([answer.status_code for answer in answers])
    tell(all("MongoDB does not answer" in text(answer) for answer in answers))
    tell(["Look whether it was done" in text(answer) for answer in answers].count(True))
    tell(any("receipt" in text(answer) for answer in answers))
    tell(browser.get("/admin/").status_code)
    from django.contrib.admin.models import LogEntry
    tell(LogEntry.objects.count())
""")
    assert told == [[503] * 15, True, 2, False, 200, 0]


def test_a_file_that_an_outage_ends_says_so(run: Run) -> None:
    told = run("""
from chabad_auth_django.contrib.admin.pages import audit, events, people
made = make()
browser = superuser()
people.EXPORT_BATCH = audit.PART = events.PART = 1
down = "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=100"
for answer in (
    browser.post(f"{PEOPLE}export/"),
    browser.get(f"{BASE}audit/?export=csv"),
    browser.get(f"{BASE}events/?export=jsonl"),
):
    parts = iter(answer.streaming_content)
    found = [next(parts)]
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "MONGODB_URI": down}):
        try:
            found += parts
        except Exception:
            tell(found[-1].decode())
""")
    assert told == ["This file is not complete: an error ended it.\n"] * 3


def test_who_is_refused_reads_why_in_their_language(run: Run) -> None:
    told = run("""
from django.utils import translation
made = make()
few, most = client("view_people", "block_people"), client(*rights.PERMISSIONS)
ann, mod, root = (f"{PEOPLE}{made[name].id}/" for name in ("ann", "mod", "root"))
every = {"action": "block", "everybody": "1", "query": "method=google"}
with translation.override("he"):
    for answer in (
        few.post(f"{ann}do/erase/"),
        few.post(f"{mod}do/block/", {"reason": "x"}),
        most.post(f"{root}do/block/", {"reason": "x"}),
        most.post(f"{PEOPLE}bulk/", every),
        most.post(f"{ann}do/unblock/"),
    ):
        banner = answer.content.decode().partition('role="alert"')[2].partition("</div>")[0]
        tell([banner, any("א" <= letter <= "ת" for letter in banner)])
""")
    assert [banner for banner, is_hebrew in told if not is_hebrew] == []
    assert len(told) == 5


def test_each_look_and_change_is_recorded(run: Run) -> None:
    told = run("""
from chabad_auth_django.models import AuditEntry
from django.contrib.admin.models import LogEntry
made = make()
person = made["ann"].id
browser = superuser()
account = Account.objects.get()
def entries(**query):
    return list(AuditEntry.collection().find(query).sort({"timestamp": 1, "_id": 1}))
browser.get(PEOPLE)
for path in staff.TABS:
    browser.get(f"{PEOPLE}{person}/{path}")
looks = entries(action="user.view", actorId=f"tests:{account.pk}")
tell([entry["details"]["resource"] for entry in looks])
tell({entry.get("userId") for entry in looks} == {None, person})
base = f"{PEOPLE}{person}/"
for name, data in (
    ("sign_out", {}), ("block", {"reason": "abuse"}), ("unblock", {}),
    ("grant", {"role": "moderator"}), ("revoke", {"role": "moderator"}),
    ("revoke", {"role": "\\u202ex"}),
):
    browser.post(f"{base}do/{name}/", data)
browser.post(f"{base}export/")
browser.post(f"{PEOPLE}export/")
browser.post(f"{base}do/erase/", {"typed": "ANN@Example.org"})
changes = entries(actorKind="host_account", action={"$ne": "user.view"})
tell([entry["action"] for entry in changes])
log = list(LogEntry.objects.order_by("pk"))
tell([entry.change_message for entry in log])
tell({name for entry in log for name in (entry.object_id, entry.object_repr)} == {str(person)})
""")
    tabs = ["overview", "timeline", "sessions", "figures", "app-data", "app-data", "access"]
    assert told[0] == ["users", *tabs, "identities", "raw", "history", "overview"]
    assert told[1] is True
    assert told[2] == [
        *("session.revoke", "user.block", "user.unblock", "role.grant", "role.revoke"),
        *("user.export", "user.export", "user.erase"),
    ]
    assert told[3] == [
        *("Signed out everywhere.", "Blocked.", "Unblocked."),
        *("Granted moderator.", "Revoked moderator.", "Revoked \ufffdx.", "Exported.", "Erased."),
    ]


def test_fields_of_megabytes_make_no_page_of_megabytes(run: Run) -> None:
    told = run("""
from chabad_auth_django.models import *
from chabad_auth_django.models.fields import now
user = User.create_user(email="huge@example.org")
long, many = "n" * 1_000_000, ["word"] * 100_000
fields = {"name": long, "valuUserId": long, "roles": [long, *map(str, range(9_999))],
          "authMethods": many, "permissions": [*map(str, range(9_999))]}
User.collection().update_one({"_id": user.id}, {"$set": fields})
fill(user)
own = {"userId": user.id}
Profile.collection().update_one(own, {"$set": {"metadata": many, "bio": long, "displayName": many}})
Preferences.collection().update_one(own, {"$set": {"theme": long, "widgets": many, "language": {}}})
AppData.collection().update_one(own, {"$set": {"appId": long, "dataKey": long, "dataValue": many}})
odd = {"appId": long, "sessionId": long, "eventData": {"many": many}, "timestamp": now()}
Activity.collection().update_one(own, {"$set": {**odd, "eventType": long}})
Analytics.collection().update_one(own, {"$set": {**odd, "eventName": long}})
Session.collection().update_one(own, {"$set": {"userAgent": long, "authMethod": long}})
browser = superuser()
for path in staff.TABS:
    answer = browser.get(f"{PEOPLE}{user.id}/{path}")
    tell([path, answer.status_code, len(answer.content) < 200_000])
for path in ("people/", "sessions/", "events/", "overview/", "analytics/?by=eventName", "audit/"):
    answer = browser.get(BASE + path)
    tell([path, answer.status_code, len(answer.content) < 200_000])
""")
    assert [item for item in told if item[1:] != [200, True]] == []


def test_a_history_names_who_acted_however_often_somebody_looked(run: Run) -> None:
    told = run("""
from chabad_auth_django.models import AuditEntry
from chabad_auth_django.models.audit import ACTIONS
from chabad_auth_django.contrib.admin.pages import trail
from chabad_auth_django.services.identity import audit
made = make()
browser = superuser()
eve = Account.objects.get().username
base = f"{PEOPLE}{made['ann'].id}/"
browser.post(f"{base}do/sign_out/")
browser.post(f"{base}do/grant/", {"role": "moderator"})
with audit.acting_as(audit.Actor.host_account(host="tests", pk="gone")):
    audit.record(action="user.view", user_id=made["ann"].id, resource="activities")
looks = AuditEntry.collection().find_one({"action": "user.view"})
looks.pop("_id")
AuditEntry.collection().insert_many([dict(looks) for _ in range(250)])
with audit.acting_as(audit.Actor.user(made["bob"].id)):
    audit.record(action="user.view", user_id=made["ann"].id, resource="activities")
page = text(browser.get(f"{base}history/?kind=changes"))
said = (f"{eve} ended sessions", f"{eve} granted a role", "resource activities")
tell([item in page for item in said])
tell(f"{eve} granted a role" in text(browser.get(f"{base}access/")))
page = text(browser.get(f"{base}history/?kind=looks"))
tell(["Bob Levin" in page, "tests:gone account" in page, "granted a role" in page])
tell(set(trail.ACTIONS) == ACTIONS)
""")
    assert told == [[True, True, False], True, [True, True, False], True]


def test_what_cannot_be_recorded_is_not_shown(run: Run) -> None:
    told = run("""
from chabad_auth_django.db import connection
person = make()["ann"]
browser = superuser()
database = connection.get_database()
database.command("collMod", "audit_log", validator={"nobody": "has this"})
try:
    addresses = [PEOPLE, f"{BASE}sessions/"]
    addresses += [f"{PEOPLE}{person.id}/{path}" for path in staff.TABS]
    answers = [browser.get(address) for address in addresses]
    tell({answer.status_code for answer in answers} == {503})
    tell([answer for answer in answers if "ann@example.org" in text(answer)])
finally:
    database.command("collMod", "audit_log", validator={})
tell(browser.get(PEOPLE).status_code)
""")
    assert told == [True, [], 200]


def test_finding_people(run: Run) -> None:
    told = run("""
made = make()
browser = superuser()
def found(query):
    answer = browser.get(f"{PEOPLE}?{query}")
    return [person["email"].partition("@")[0] for person in answer.context["people"]]
for query in (
    "q=ANN@example.org", "q=m-1", f"q={made['bob'].id}", "q=levin", "q=levin&names=on",
    "status=blocked", "role=moderator", "method=google", "external=on",
    "joined=1&order=email&q=r", "since=2100-01-01", "signed_in=365",
):
    tell(found(query))
tell("Search in names, too" in text(browser.get(f"{PEOPLE}?q=levin")))
User.insert_documents([User(email=f"u{number:03}@example.net") for number in range(150)])
first = browser.get(f"{PEOPLE}?order=email&q=u")
older = first.context["page"].next
tell([len(first.context["people"]), "Older" in text(first)])
import re
link = re.search(r'rel="next" href="([^"]+)"', first.content.decode())[1].replace("&amp;", "&")
second = browser.get(PEOPLE + link)
tell([len(second.context["people"]), "Newer" in text(second)])
tell([browser.get(f"{PEOPLE}?{bad}").status_code for bad in ("cursor=x", "since=x", "role=x")])
""")
    assert told[0] == ["ann"]
    assert told[1:4] == [["ann"], ["bob"], []]
    assert told[4] == ["bob", "ann"]
    assert told[5:9] == [["bob"], ["mod"], ["ann"], ["ann"]]
    assert told[9:12] == [["root"], [], []]
    assert told[12:] == [True, [100, True], [50, True], [400, 400, 400]]


def test_acting_on_several_people(run: Run) -> None:
    told = run("""
made = make()
browser = superuser()
names = ("ann", "mod", "root")
ids = [str(made[name].id) for name in names]
sent = {"action": "block", "id": [*ids, ids[0]], "reason": "abuse"}
def blocked():
    from chabad_auth_django.models import Block
    return Block.collection().count_documents({"reason": "abuse", "text": None})
between = browser.post(f"{PEOPLE}bulk/", sent)
tell(["Type 3 to go on" in text(between), "activities 3" in text(between), blocked()])
for number in ("", "2", "4"):
    browser.post(f"{PEOPLE}bulk/", {**sent, "number": number})
browser.post(f"{PEOPLE}bulk/", {**sent, "number": "3", "reason": " "})
tell(blocked())
done = text(browser.post(f"{PEOPLE}bulk/", {**sent, "number": "3"}))
tell(["2 of 3 done" in done, "last administrator" in done, blocked()])
few = client("view_people", "block_people")
browser.post(f"{PEOPLE}bulk/", {"action": "unblock", "id": ids, "number": "3"})
done = text(few.post(f"{PEOPLE}bulk/", {**sent, "number": "3"}))
tell(["1 of 3 done" in done, "takes a superuser" in done, "chabad_admin.change_grants" in done])
tell(few.post(f"{PEOPLE}bulk/", {"action": "delete", "everybody": "1"}).status_code)
for wrong in ({"action": "nothing"}, {"action": "block"}, {"action": "block", "id": "x"}):
    tell(browser.post(f"{PEOPLE}bulk/", wrong).status_code)
many = {"action": "block", "id": [f"{number:024}" for number in range(101)]}
tell(browser.post(f"{PEOPLE}bulk/", many).status_code)
every = {"action": "delete", "everybody": "1"}
browser.post(f"{PEOPLE}zone/", {"zone": "America/Chicago"})
query = "role=user&q=a'b;c&since=2026-01-31&columns=email&order=email"
tell(text(browser.post(f"{PEOPLE}bulk/", {**every, "query": query})))
tell(browser.post(f"{PEOPLE}bulk/", {**every, "query": "method=google"}).status_code)
from chabad_auth_django import signals
from chabad_auth_django.models import User
def refuse(user_ids, **kwargs):
    if made["ann"].id in user_ids:
        raise LookupError("ann owes 3 dollars")
signals.pre_user_delete.connect(refuse)
done = text(browser.post(f"{PEOPLE}bulk/", {"action": "delete", "id": ids[:2], "number": "2"}))
tell(["1 of 2 done" in done, "It failed. The log" in done, "owes" in done])
tell("mod@example.org done" in done and "Ann Levin ann@example.org not done" in done)
tell(len(User.existing_ids(made[name].id for name in names[:2])))
""")
    assert told[0] == [True, True, 0]
    assert told[1] == 0
    assert told[2] == [True, True, 2]
    assert told[3] == [True, True, True]
    assert told.pop(4) == 403
    assert told[4:8] == [400] * 4
    found = "--limit 10000 --json '--email=a'\"'\"'b;c' --role=user --since=2026-01-31T06:00Z |"
    assert f"chabad_find_users {found}" in told[8]
    assert "It takes 10,000 people at once" in told[8]
    assert told[9] == 400
    assert told[10:] == [[True, True, False], True, 1]


def test_an_erasure_takes_the_address_and_gives_a_receipt(run: Run) -> None:
    told = run("""
made = make()
browser = superuser()
base = f"{PEOPLE}{made['ann'].id}/"
import json
for typed in ("", "bob@example.org", "ann"):
    tell(browser.post(f"{base}do/erase/", {"typed": typed}).status_code)
answer = browser.post(f"{base}do/erase/", {"typed": " ANN@EXAMPLE.ORG "}, follow=True)
tell([answer.redirect_chain, "activities 3" in text(answer)])
tell(json.loads(browser.get(f"{base}receipt/?export=json").getvalue())["deleted"]["analytics"])
tell([browser.get(base).status_code, "receipt" in text(browser.get(base))])
tell([browser.post(f"{base}do/erase/", {"typed": "ann@example.org"}).status_code])
""")
    assert told[:3] == [400, 400, 400]
    (address, status), *_ = told[3][0]
    assert status == 302 and address.endswith("/receipt/")
    assert told[3][1] is True
    assert told[4:] == [3, [404, True], [404]]


def test_changing_a_person_stores_what_was_changed_alone(run: Run) -> None:
    told = run("""
from chabad_auth_django.models import Preferences, Profile
user = make()["ann"]
browser = client("view_people", "change_people")
address = f"{PEOPLE}{user.id}/edit/"
form = browser.get(address).context["form"]
seen = {field.html_initial_name: field.initial or "" for field in form}
sent = {**seen, **{field.name: field.initial or "" for field in form}}
# Somebody else changes the name while the form is open.
User.find_by_id(user.id).patch({"name": "Ann Other"})
tell(browser.post(address, {**sent, "bio": "New", "language": "he"}).status_code)
tell([User.find_by_id(user.id).name, Profile.find_by_user_id(user.id).bio])
tell(Preferences.find_by_user_id(user.id).language)
answer = browser.post(address, {**sent, "name": "Ann Mine"})
tell([answer.status_code, "else changed this" in text(answer), User.find_by_id(user.id).name])
seen["initial-bio"], seen["initial-language"] = "New", "he"
sent |= {"bio": "New", "language": "he", **seen}
for wrong in ({"email": "bob@example.org"}, {"email": "x"}, {"language": "?"}, {"theme": "pink"}):
    answer = browser.post(address, {**sent, "bio": "Lost", **wrong})
    tell([answer.status_code, Profile.find_by_user_id(user.id).bio])
tell(browser.post(address, {**sent, "email": "New@example.org"}).status_code)
tell(User.find_by_id(user.id).email)
""")
    assert told[:3] == [302, ["Ann Other", "New"], "he"]
    assert told[3] == [409, True, "Ann Other"]
    assert told[4:8] == [[409, "New"], [400, "New"], [400, "New"], [400, "New"]]
    assert told[8:] == [302, "new@example.org"]


def test_a_person_is_changed_beside_what_would_be_refused(run: Run) -> None:
    """Another program stored nothing, or what our own rules refuse, in the other fields."""
    told = run("""
database = connection.get_database()
from bson import ObjectId
browser = client("view_people", "change_people")
for odd in (None, "?" * 600):
    for documents in (True, False):
        id = ObjectId()
        mail = f"{id}?" if odd or documents else None
        theirs = {"email": mail, "displayName": odd, "bio": odd, "language": odd}
        database.users.insert_one({"_id": id, **theirs})
        if documents:
            for name in ("profiles", "preferences"):
                database[name].insert_one({"userId": id, **theirs, "theme": odd})
        address = f"{PEOPLE}{id}/edit/"
        page = browser.get(address)
        form = page.context["form"]
        sent = {field.html_initial_name: field.initial or "" for field in form}
        sent |= {field.name: field.initial or "" for field in form}
        selected = re.search('<option value="([^"]*)" selected', page.content.decode())
        answer = browser.post(address, {**sent, "name": "New", "theme": selected[1]})
        stored = database.users.find_one(id)
        kept = database.preferences.find_one({"userId": id}) or {}
        tell([answer.status_code, stored["name"], stored["email"] == theirs["email"]])
        tell([kept.get("theme") == (odd if documents else None), "required" in str(form)])
        answer = browser.post(address, {**sent, "initial-name": "New", "name": "New", "bio": "B"})
        tell([answer.status_code, database.profiles.find_one({"userId": id})["bio"]])
""")
    assert told == [[302, "New", True], [True, False], [302, "B"]] * 4


def test_of_two_who_change_a_name_at_once_one_is_refused(run: Run) -> None:
    told = run("""
import threading
from django.contrib.admin.models import LogEntry
from pymongo.monitoring import CommandListener
user = make()["ann"]
class Rival(CommandListener):
    # Between our read and our write; another thread, because it is in no transaction.
    rivals = [threading.Thread(target=lambda: User(id=user.id).patch({"name": "Ann Other"}))]
    def started(self, event):
        if event.command_name == "findAndModify" and self.rivals:
            rival = self.rivals.pop()
            rival.start()
            rival.join()
    def succeeded(self, event):
        pass
    failed = succeeded
browser = client("view_people", "change_people")
address = f"{PEOPLE}{user.id}/edit/"
form = browser.get(address).context["form"]
seen = {field.html_initial_name: field.initial or "" for field in form}
sent = {**seen, **{field.name: field.initial or "" for field in form}}
connection.listen(Rival())
answer = browser.post(address, {**sent, "name": "Ann Mine"})
connection.command_listeners.clear()
tell([answer.status_code, User.find_by_id(user.id).name, LogEntry.objects.count()])
""")
    assert told == [[409, "Ann Other", 0]]


def test_a_person_shows_what_they_chose_to_see(run: Run) -> None:
    told = run("""
from chabad_auth_django.models import Preferences
user = make()["ann"]
page = f"{PEOPLE}{user.id}/"
browser = client("view_people")
def after(label):
    return text(browser.get(page)).partition(f"{label} ")[2].partition(" Widgets")[0][:20]
preferences = Preferences.find_by_user_id(user.id)
preferences.toggle_notification("push")
preferences.patch({"widgets.disabled": ["zmanim", "store"]})
tell([after("Notifications"), after("Widgets shown"), after("Widgets hidden")])
odd = {"widgets": [1], "notifications": {"items": 1, "email": "x"}}
odd["dashboard"] = {"favoriteApps": 7}
Preferences.collection().update_one({"userId": user.id}, {"$set": odd})
tell([browser.get(page).status_code, after("Notifications"), after("Favorite apps")[:1]])
""")
    assert told[0][:2] == ["e-mail in the app", "–"]
    assert told[0][2].startswith("zmanim, store")
    assert told[1] == [200, "e-mail", "7"]


def test_an_account_of_the_project_leads_to_its_person_and_back(run: Run) -> None:
    told = run("""
from chabad_auth_django.services.identity import identities
account = Account.objects.create(username="cat", email="cat@example.org")
browser = superuser()
tell(browser.get(f"{PEOPLE}account/{account.pk}/").status_code)
identity = identities.of_host_account(account=account)
user = identities.find_or_create_user(identity=identity)
tell(browser.get(f"{PEOPLE}account/{account.pk}/").headers["Location"] == f"{PEOPLE}{user.id}/")
page = browser.get(f"{PEOPLE}{user.id}/identities/").content.decode()
tell(f"/admin/auth/user/{account.pk}/change/" in page)
page = browser.get(f"/admin/auth/user/{account.pk}/change/").content.decode()
tell(f"{PEOPLE}account/{account.pk}/" in page)
page = client("view_people").get(f"{PEOPLE}{user.id}/identities/").content.decode()
tell(f"/admin/auth/user/{account.pk}/change/" in page)
""")
    assert told == [404, True, True, True, False]


def test_times_are_shown_in_the_zone_that_was_chosen(run: Run) -> None:
    told = run("""
from datetime import datetime, UTC
from urllib.parse import quote
user = make()["ann"]
from chabad_auth_django.models import Analytics
Analytics.create_analytics(user_id=user.id, event_name="late", event_category="custom",
    timestamp=datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
browser = superuser()
tell(browser.post(f"{PEOPLE}zone/", {"zone": "Asia/Nowhere"}).status_code)
for back in (f"{PEOPLE}?q=a", "//evil.example/", "https://evil.example/"):
    answer = browser.post(f"{PEOPLE}zone/?next={quote(back)}", {"zone": "Asia/Jerusalem"})
    tell(answer.headers["Location"])
page = browser.get(f"{PEOPLE}{user.id}/timeline/?name=late")
tell(["Sunday, Feb. 1, 2026" in text(page), "01:30:00" in text(page)])
tell("2026-01-31 23:30:00 UTC, 2026-02-01 01:30:00 Asia/Jerusalem" in page.content.decode())
session = browser.session
session["chabad_admin_zone"] = "Mars/Olympus"
session.save()
tell(browser.get(PEOPLE).status_code)
browser.session.flush()
""")
    back = ["/admin/chabad_admin/people/?q=a", "/admin/", "/admin/"]
    assert told == [400, *back, [True, True], True, 200]


def test_what_other_programs_stored_is_shown(run: Run) -> None:
    told = run("""
from bson import DatetimeMS, ObjectId
from support import exotic
from chabad_auth_django.db import connection
from chabad_auth_django.models.fields import now
database, id, time = connection.get_database(), ObjectId(), now()
odd = [None, 5, "x", [], [5, None], {"a": [1]}, True, DatetimeMS(600_000_000_000_000), b"x"]
made = []
for value in odd:
    id = ObjectId()
    made.append(id)
    names = ("name", "roles", "permissions", "authMethods", "createdAt", "lastLogin", "valuUserId")
    known = {"_id": id, "email": f"{id}@example.org"}
    database.users.insert_one({**known, **dict.fromkeys(names, value)})
    own = {"userId": id}
    database.profiles.insert_one(own | {"displayName": value, "avatar": value, "bio": value})
    database.preferences.insert_one(own | {"theme": value, "language": value})
    database.blocks.insert_one(own | {"reason": value, "text": value, "createdAt": value})
    ends = {"expiresAt": time.replace(year=time.year + 1), "familyHash": value, "tokenHash": value}
    names = ("userAgent", "authMethod", "createdAt", "lastUsedAt")
    database.sessions.insert_one({**own, **ends, **dict.fromkeys(names, value)})
    names = ("appId", "dataValue", "version", "updatedAt")
    database.appdatas.insert_one({**own, "dataKey": "k", **dict.fromkeys(names, value)})
    names = ("appId", "sessionId", "eventType", "eventName", "eventCategory", "eventData")
    for collection in (database.activities, database.analytics):
        collection.insert_one({**own, "timestamp": time, **dict.fromkeys(names, value)})
    key = {"_id": f"issuer:[\\"i\\", \\"{id}\\"]", "authMethod": value, "email": value}
    database.external_ids.insert_one({**own, **key, "createdAt": value})
database.users.insert_one({"_id": ObjectId(), "email": 5})
# What PyMongo refuses to read.
id, theirs = ObjectId(), exotic.UNREADABLE["in an object"]
made.append(id)
event = {"userId": id, "timestamp": time, "eventName": "x", "eventType": "x"}
for collection, row in (
    ("users", {"_id": id, "email": f"{id}@example.org"}),
    ("appdatas", {"userId": id, "appId": "a", "dataKey": "k"}),
    *((name, {"userId": id}) for name in ("profiles", "preferences", "blocks")),
    *((name, event) for name in ("activities", "analytics")),
):
    raw = exotic.raw({"_id": ObjectId(), **row, "theirs": theirs})
    database[collection].insert_one(raw)
browser = superuser()
addresses = [PEOPLE, f"{PEOPLE}?order=email", f"{BASE}sessions/"]
addresses += [f"{PEOPLE}{id}/{path}" for id in made for path in staff.TABS]
for address in addresses:
    try:
        answer = browser.get(address)
    except Exception as error:
        tell([address, repr(error)])
    else:
        if answer.status_code != 200:
            tell([address, answer.status_code, text(answer)[-300:]])
posted = browser.post(f"{PEOPLE}export/")
tell(b"".join(posted.streaming_content).decode().count("@example.org"))
tell(browser.post(f"{PEOPLE}bulk/", {"action": "delete", "id": made}).status_code)
""")
    assert told == [10, 200], "\n".join(map(str, told))


def test_what_takes_too_long_is_stopped_and_keeps_the_filters(run: Run) -> None:
    told = run("""
made = make()
browser = superuser()
patience, search.TIMEOUT = search.TIMEOUT, 0.00001
try:
    answer = browser.get(f"{PEOPLE}?q=levin&names=on")
    has_filter = 'value="levin"' in answer.content.decode()
    tell([answer.status_code, "Stopped after" in text(answer), has_filter])
    person = browser.get(f"{PEOPLE}{made['ann'].id}/")
    tell([person.status_code, "Stopped after" in text(person), "Danger zone" in text(person)])
finally:
    search.TIMEOUT = patience
""")
    assert told == [[400, True, True], [200, True, True]]


def test_ending_the_sessions_that_were_chosen_ends_no_other(run: Run) -> None:
    told = run("""
from chabad_auth_django.models import AuditEntry, Session
made = make()
from chabad_auth_django.services.signing_in import sessions
for name in ("ann", "ann", "mod"):
    sessions.open_session(user_id=made[name].id, auth_method="google")
browser = superuser()
rows = browser.get(f"{BASE}sessions/").context["sessions"]
chosen = [f"{row['userId']}:{row['id']}" for row in rows if row["userId"] != made["mod"].id][:2]
sent = {"action": "end_session", "id": [*chosen, chosen[0]]}
between = text(browser.post(f"{PEOPLE}bulk/", sent))
tell(["Type 2 to go on" in between, "Other sessions of the people below go on" in between])
tell(Session.collection().count_documents({}))
for _ in range(2):
    tell("2 of 2 done" in text(browser.post(f"{PEOPLE}bulk/", {**sent, "number": "2"})))
tell([Session.collection().count_documents({"userId": made[name].id}) for name in ("ann", "mod")])
tell(AuditEntry.collection().count_documents({"action": "session.revoke"}))
for action, target in (
    ("end_session", made["ann"].id), ("sign_out", chosen[0]), ("end_session", "x:y")
):
    sent = {"action": action, "id": [str(target)], "number": "1"}
    tell(browser.post(f"{PEOPLE}bulk/", sent).status_code)
tell(client("view_people").post(f"{PEOPLE}bulk/", {"action": "end_session"}).status_code)
""")
    assert told == [[True, True], 4, True, False, [1, 1], 2, 400, 400, 400, 403]


def test_app_data_is_taken_out_and_deleted_key_by_key(run: Run) -> None:
    told = run("""
import json
from chabad_auth_django.models import AppData, AuditEntry
from django.contrib.admin.models import LogEntry
made = make()
ann = made["ann"].id
hostile = "=1 <b> &key=x"
for app, key in (("books", "other"), ("music", hostile)):
    AppData.create_app_data(user_id=ann, app_id=app, data_key=key, data_value={"a": "\u202e"})
browser = superuser()
base = f"{PEOPLE}{ann}/app-data/"
def keys():
    return sorted(row["dataKey"] for row in AppData.collection().find({"userId": ann}))
file = browser.get(f"{base}value/", {"app": "music", "key": hostile})
tell([json.loads(file.getvalue()), file.headers["Content-Disposition"]])
tell(browser.get(f"{base}value/", {"app": "music", "key": "none"}).status_code)
asked = browser.get(f"{base}delete/", {"app": "music", "key": hostile})
tell([asked.status_code, hostile in text(asked), len(keys())])
for _ in range(2):
    tell(browser.post(f"{base}delete/", {"app": "music", "key": hostile}).status_code)
tell(keys())
tell(browser.post(f"{base}delete/", {"app": ""}).status_code)
tell(browser.post(f"{base}delete/", {"app": "books"}).status_code)
tell(keys())
changes = AuditEntry.collection().find({"action": "data.change"})
tell({row["details"]["appId"] for row in changes} == {"music", "books"})
tell([entry.change_message for entry in LogEntry.objects.order_by("pk")])
many = [f"k{number:02}" for number in range(52)]
for key in many:
    AppData.create_app_data(user_id=ann, app_id="many", data_key=key, data_value=1)
asked = browser.get(f"{base}delete/", {"app": "many", "key": many[-1]})
tell(["k51" in text(asked), "k50" in text(asked), "Welcome, staff" in text(asked)])
AppData.collection().insert_one({"userId": ann, "appId": "nameless", "dataKey": ""})
tell("nameless&amp;key=" in browser.get(f"{base}?app=nameless").content.decode())
# Mongoose leaves an empty object out.
AppData.collection().insert_one({"userId": ann, "appId": "empty", "dataKey": "k"})
tell(json.loads(browser.get(f"{base}value/", {"app": "empty", "key": "k"}).getvalue()))
AppData.create_app_data(user_id=made["root"].id, app_id="a", data_key="k", data_value=1)
few = client("view_people", "erase_people")
tell(few.post(f"{PEOPLE}{made['root'].id}/app-data/delete/", {"app": "a"}).status_code)
""")
    assert told[0] == [{"a": "\u202e"}, 'attachment; filename="app-data.json"']
    assert told[1:3] == [404, [200, True, 3]]
    assert told[3:6] == [302, 404, ["other", "page"]]
    assert told[6:9] == [400, 302, []]
    assert told[9:11] == [True, ["Deleted app data."] * 2]
    assert told[11:] == [[True, False, True], False, {}, 403]


def test_the_list_shows_the_columns_chosen_and_who_is_being_deleted(run: Run) -> None:
    told = run("""
from chabad_auth_django.models import Deletion, Preferences
from chabad_auth_django.models.fields import now
ann = make()["ann"].id
Preferences.collection().update_one({"userId": ann}, {"$set": {"language": "pt-BR"}})
browser = superuser()
page = text(browser.get(f"{PEOPLE}?q=ann@&columns=language&columns=valu_id"))
tell(["Valu id" in page, "pt-BR" in page, "Last sign-in never" in page])
# On a server without transactions a crash leaves the job and the user.
Deletion.collection().insert_one({"_id": ann, "state": "deleting", "since": now()})
tell("being deleted" in text(browser.get(f"{PEOPLE}?q=ann@")))
User.collection().delete_one({"_id": ann})
gone = browser.get(f"{PEOPLE}{ann}/")
tell([gone.status_code, "being deleted" in text(gone)])
tell(browser.get(f"{PEOPLE}?columns=nothing").status_code)
""")
    assert told == [[True, True, False], True, [404, True], 400]


def test_no_cell_of_a_file_is_a_formula(run: Run) -> None:
    told = run("""
import csv, io
names = ["=1+1", "+1", "-1", "@SUM(A1)", "\\t=1", "\\r=1", " =1", "\\n@x",
    '"=1', "\uff1d1", "\u202e=1"]
for number, name in enumerate(names):
    user = User.create_user(email=f"n{number}@example.org")
    odd = {"name": name, "valuUserId": name, "roles": [name, "user"], "authMethods": name}
    User.collection().update_one({"_id": user.id}, {"$set": odd})
content = b"".join(superuser().post(f"{PEOPLE}export/").streaming_content).decode("utf-8-sig")
rows = list(csv.reader(io.StringIO(content, newline="")))
tell(len(rows))
tell([cell for row in rows for cell in row if cell.lstrip()[:1] in tuple("=+-@\uff1d")])
tell({cell for row in rows for cell in row if not cell.isprintable()} == set())
tell([row[2] for row in rows if row[2].endswith("SUM(A1)")])
""")
    assert told == [12, [], True, ["'@SUM(A1)"]]
