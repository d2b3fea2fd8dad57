"""What the pages with figures show: events, counts, deletions, operations and the audit trail."""

import pytest
from contrib.admin.conftest import Run

FIGURES = """
from datetime import UTC, datetime, timedelta
from support.staff_figures import *
from chabad_auth_django.models import AuditEntry
PAGES = ["overview/", *staff.FIGURES]
def get(path, browser=None, **query):
    return (browser or all).get(f"{BASE}{path}", query)
"""


@pytest.fixture
def figures(run: Run) -> Run:
    return lambda code: run(FIGURES + code)


def test_each_empty_page_says_so_and_what_to_do(figures: Run) -> None:
    told = figures("""
all = superuser()
# A look at events leaves an entry in the trail.
answers = {path: get(path) for path in ("audit/", *PAGES[:-1])}
tell([[answers[path].status_code, text(answers[path])] for path in PAGES])
""")
    assert [status for status, _ in told[0]] == [200] * 6
    for (_, page), said in zip(
        told[0],
        (
            "Create the first user",
            "No events match.",
            "No event is stored yet.",
            "No deletion is under way",
            "has not ended well for too long",
            "No entries yet.",
        ),
        strict=True,
    ):
        assert said in page


def test_each_full_page_asks_little_of_mongodb_and_hostile_names_harm_nothing(figures: Run) -> None:
    told = figures("""
all = superuser()
made = make()
fill(made["all"])
populate()
counter = staff.counter()
gone = str(Deletion.collection().find_one()["_id"])
marks = ("<script>alert", ' onmouseover="', "\\x1b", "\\x07", "\\u202e", ' style="', " onclick=")
for address in staff.pages(str(made["all"].id), gone):
    counter.clear()
    answer = all.get(address)
    page = answer.content.decode()
    tell([address, answer.status_code, len(counter.sent), [item for item in marks if item in page]])
""")
    assert [item for item in told if item[1] != 200 or item[2] > 10 or item[3]] == []
    assert sum(item[2] > 0 for item in told) == len(told) - 1


def test_without_mongodb_there_is_a_banner_and_the_filters(figures: Run) -> None:
    told = figures("""
all = superuser()
down = "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=100"
with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "MONGODB_URI": down}):
    answers = [get(path) for path in PAGES]
    answers.append(all.post(f"{BASE}deletions/purge/"))
    tell([answer.status_code for answer in answers])
    tell([("MongoDB does not answer" in text(answer)) for answer in answers])
    tell(["name=\\"days\\"" in get(path).content.decode() for path in ("events/", "analytics/")])
""")
    assert told == [[503] * 7, [True] * 7, [True, True]]


def test_what_takes_too_long_is_a_hint_to_ask_for_less(figures: Run) -> None:
    told = figures("""
from chabad_auth_django.services.identity import search
all = superuser()
populate()
usual, search.TIMEOUT = search.TIMEOUT, 1e-9
try:
    tell([[answer.status_code, "2 seconds" in text(answer)] for answer in map(get, PAGES)])
finally:
    search.TIMEOUT = usual
""")
    assert told == [[[200, True]] * 6]


def test_the_overview_shows_what_one_may_see(figures: Run) -> None:
    told = figures("""
populate()
for name in (*rights.PERMISSIONS, "nobody"):
    answer = get("overview/", client(*({name} & set(rights.PERMISSIONS))))
    page = text(answer)
    shown = ("Newest users", "Events per day", "Open deletions", "New sessions")
    tell([name, answer.status_code, [item in page for item in shown]])
""")
    seen = {name: found for name, status, found in told if status == 200}
    assert seen == {
        "view_people": [True, False, False, True],
        "view_events": [False, True, False, True],
        "view_operations": [False, False, True, False],
    }
    assert {status for name, status, _ in told if name not in seen} == {403}


def test_the_figures_are_those_of_the_events(figures: Run) -> None:
    told = figures("""
all = superuser()
ann, bob = (User.create_user(email=f"{name}@example.org") for name in ("ann", "bob"))
today = datetime.now(UTC).replace(second=0, microsecond=0)
for age, count in ((0, 3), (1, 5), (2, 7), (9, 2)):
    store(ann.id, today - timedelta(days=age), count)
store(bob.id, today - timedelta(days=1), 4, eventName="<b>", eventCategory="error", appId=None)
list(rollups.run())
store(bob.id, today - timedelta(days=2), 1, eventName="late")
utc = {"zone": "UTC", "days": "7"}
def values(**query):
    chart = get("analytics/", **utc, **query).context["chart"]
    return [list(chart.parts), [list(column.values) for column in chart.columns]]
tell(values()[1][-3:])
tell(values(by="eventName"))
tell(values(by="eventName", only="<b>"))
tell(values(by="appId")[0])
compared = get("analytics/", **utc, compare="on").context["compared"]
tell([compared["now"], compared["then"], compared["change"]])
answer = get("analytics/", **utc, count="users")
tell([column.total for column in answer.context["active"].columns][-3:])
week = get("analytics/", zone="UTC", days="30", bucket="week").context["chart"]
tell([week.total, len(week.columns) in (5, 6)])
first = str((today - timedelta(days=1)).date())
hours = get("analytics/", zone="UTC", since=first, until=first, bucket="hour").context["chart"]
tell([[column.title[-5:], column.total] for column in hours.columns if column.total])
tell([len(hours.columns), hours.columns[0].href])
file = get("analytics/", **utc, by="eventName", export="csv")
tell(b"".join(file.streaming_content).decode("utf-8-sig").splitlines()[0])
listed = get("events/", days="7", name="late").context
tell([len(listed["rows"]), listed["chart"].total])
glance = get("overview/").context
tell({tile.title: tile.value for tile in glance["tiles"]})
tell(glance["chart"].total)
""")
    assert told[0] == [[0, 8], [4, 5], [0, 3]]
    names, by_name = told[1]
    assert names == ["open", "<b>", "late"] and by_name[-3:] == [[7, 0, 1], [5, 4, 0], [3, 0, 0]]
    assert told[2] == [["<b>"], [[0]] * 5 + [[4], [0]]]
    assert told[3] == ["app", "(none)"]
    assert told[4:6] == [[20, 2, 900], [2, 2, 1]]
    assert told[6] == [22, True]
    assert [count for _, count in told[7]] == [9]
    assert told[8] == [24, ""]
    assert told[9] == "time,eventName,count"
    assert told[10] == [1, 1]
    assert (told[11]["Users"], told[11]["Events yesterday"]) == ("2", "9")
    assert told[12] == 22


def test_any_range_of_days_is_answered(figures: Run) -> None:
    told = figures("""
all = superuser()
ann = make()["ann"]
today = f"{datetime.now(UTC):%Y-%m-%d}"
for days in ("since=1970-01-01", "until=2105-12-31", "since=1970-01-01&until=1970-01-01",
             f"since={today}&until={today}", "since=2105-12-31", "since=1970-01-01&days=7"):
    for path in ("events/", "analytics/?bucket=month", f"people/{ann.id}/figures/", "people/"):
        mark = "&" if "?" in path else "?"
        tell([path, days, all.get(f"{BASE}{path}{mark}{days}").status_code])
for moment in ("0001-01-01T00:00", "9999-12-31T23:59", "1970-01-01T00:00", "2105-12-30T00:00"):
    for name in ("since", "until"):
        answer = get(f"people/{ann.id}/timeline/", **{name: moment})
        tell(["timeline", moment, answer.status_code])
page = get("events/", since=f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}")
tell(["listed", "", page.status_code if "Ann Levin" in text(page) else 0])
""")
    found: dict[str, set[int]] = {}
    for path, asked, status in told:
        found.setdefault(asked if path == "timeline" else path, set()).add(status)
    assert found.pop("0001-01-01T00:00") == found.pop("9999-12-31T23:59") == {400}
    assert found.pop("analytics/?bucket=month") <= {200, 400}
    assert found.pop(next(path for path in found if "figures" in path)) <= {200, 400}
    assert set(map(tuple, found.values())) == {(200,)}


def test_what_grew_is_told_by_name(figures: Run) -> None:
    told = figures("""
all = superuser()
ann = make()["ann"]
from chabad_auth_django.models import Analytics
from chabad_auth_django.models.fields import now
for name, days in (("sank", 9), ("sank", 9), ("sank", 1), ("grew", 9), *[("grew", 1)] * 3,
                   ("new", 1)):
    Analytics.create_analytics(user_id=ann.id, event_name=name, event_category="custom",
                               timestamp=now() - timedelta(days=days))
found = get("analytics/", days="7", by="eventName", compare="on", only="")
tell([[row[key] for key in ("name", "then", "now", "change")] for row in found.context["grown"]
      if row["name"] != "open"])
tell([item in text(found) for item in ("What grew most", "+200 %", "-50 %")])
""")
    assert told == [[["grew", 1, 3, 200], ["new", 0, 1, None], ["sank", 2, 1, -50]], [True] * 3]


def test_somebody_is_asked_for_by_an_address_or_a_username(figures: Run) -> None:
    told = figures("""
made = make()
all = superuser()
ann, eve = made["ann"], Account.objects.get()
page = text(get("events/", user=" ANN@example.org "))
tell([page.count("Ann Levin"), "Bob" in page])
get(f"people/{ann.id}/")
page = text(get("audit/", user="ann@example.org", actor=eve.username, action="user.view"))
tell(["Ann Levin" in page, eve.username in page, "looked at overview" in
      page.replace("resource ", "").replace("Ann Levin ", "")])
tell([get(path, user="nobody@example.org").status_code for path in ("events/", "audit/")])
few = client("view_events", "view_operations")
tell([get(path, few, user="ann@example.org").status_code for path in ("events/", "audit/")])
page = text(get("audit/", few))
tell(["Ann Levin" in page, "ann@example.org" in page, str(ann.id) in page])
""")
    assert told[0] == [2, False]
    assert told[1:] == [[True] * 3, [404, 404], [403, 403], [False, False, True]]


def test_the_address_holds_the_filters_and_wrong_ones_are_told(figures: Run) -> None:
    told = figures("""
all = superuser()
populate()
for path, query in (
    ("analytics/", "since=2026-13-45"), ("analytics/", "since=0001-01-01"),
    ("analytics/", "since=2026-02-02&until=2026-01-01"), ("analytics/", "days=x"),
    ("analytics/", "bucket=year"), ("events/", "category=x"), ("audit/", "action=x"),
    ("analytics/", "days=365&bucket=hour"), ("events/", "user=x"), ("audit/", "user=x"),
    ("events/", "cursor=x"), ("audit/", "cursor=x"), ("deletions/", "cursor=x"),
    ("deletions/x/", ""), ("deletions/000000000000000000000000/", ""),
):
    answer = all.get(f"{BASE}{path}?{query}")
    page = answer.content.decode()
    tell([answer.status_code, "chabad-error" in page or "alert" in page, "chabad-chart" in page])
page = all.get(f"{BASE}analytics/?days=7&by=appId&only=a&compare=on&zone=UTC").content.decode()
tell([f'value="{value}" selected' in page for value in ("7", "appId", "UTC")])
tell(['value="a"' in page, page.count(" checked")])
""")
    assert [item[1:] for item in told[:15]] == [[True, False]] * 15
    assert [status for status, *_ in told[:15]] == [200] * 7 + [400] * 7 + [404]
    assert told[15:] == [[True] * 3, [True, 1]]


def test_each_look_at_personal_data_is_recorded_or_refused(figures: Run) -> None:
    told = figures("""
all = superuser()
user = populate()
def looks():
    found = AuditEntry.collection().find({"action": "user.view"}).sort("timestamp")
    return [[row["details"]["resource"], row.get("userId") == user.id] for row in found]
for path in PAGES:
    get(path)
get("events/", user=str(user.id))
get("audit/", user=str(user.id))
b"".join(get("events/", export="jsonl").streaming_content)
b"".join(get("audit/", export="csv").streaming_content)
tell(looks())
from chabad_auth_django.db import connection
database = connection.get_database()
database.command("collMod", "audit_log", validator={"nobody": "has this"})
try:
    tell([get(path).status_code for path in ("overview/", "events/", "audit/")])
    tell([get("events/", export="jsonl").status_code, get("audit/", export="csv").status_code])
finally:
    database.command("collMod", "audit_log", validator={})
""")
    assert told[0] == [
        *(["users", False], ["events", False], ["audit", False]),
        *(["events", True], ["audit", True], ["events", False], ["audit", False]),
    ]
    assert told[1:] == [[503] * 3, [503] * 2]


def test_lists_go_older_and_newer_and_files_have_all_of_them(figures: Run) -> None:
    told = figures("""
import csv, io, json, re
all = superuser()
user = User.create_user(email="ann@example.org")
for number in range(230):
    store(user.id, now() - timedelta(minutes=number), eventName=f"=n{number}")
def link(answer, rel):
    found = re.search(f'rel="{rel}" href="([^"]+)"', answer.content.decode())
    return found and found[1].replace("&amp;", "&")
seen, path = [], f"{BASE}events/?category=custom"
while path:
    answer = all.get(path)
    seen += [row["name"] for row in answer.context["rows"]]
    older = link(answer, "next")
    path = older and f"{BASE}events/{older}"
tell([len(seen), len(set(seen)), link(answer, "prev") is not None])
lines = b"".join(get("events/", export="jsonl").streaming_content).decode().splitlines()
tell([len(lines), json.loads(lines[0])["eventName"], sorted(json.loads(lines[0]))[0]])
rows = b"".join(get("analytics/", by="eventName", days="7", export="csv").streaming_content)
cells = list(csv.reader(io.StringIO(rows.decode("utf-8-sig"))))
tell([len(cells), cells[1][1][:3]])
audit = b"".join(get("audit/", export="csv").streaming_content).decode("utf-8-sig")
tell([line.split(",")[4] for line in audit.splitlines()][:3])
for number in range(30):
    since = now() - timedelta(days=number)
    Deletion.collection().insert_one({"state": "deleting", "since": since})
first = get("deletions/")
second = all.get(f"{BASE}deletions/{link(first, 'next')}")
ids = [row["departure"].user_id for answer in (first, second) for row in answer.context["rows"]]
tell([len(ids), len(set(ids)), "The oldest" in text(second)])
""")
    assert told[0] == [230, 230, True]
    assert told[1] == [230, "=n0", "appId"]
    assert told[2][1] == "'=n"
    assert told[3][0] == "action" and "user.view" in told[3][1:]
    assert told[4] == [30, 30, True]


def test_receipts_and_the_purge(figures: Run) -> None:
    told = figures("""
import json
all = superuser()
populate()
page = get("deletions/")
tell(["more than 10 minutes" in text(page), "example.org" in text(page)])
user_id = str(page.context["rows"][0]["departure"].user_id)
shown = get(f"deletions/{user_id}/")
tell([shown.status_code, user_id in text(shown), shown.context["deleted"] >= 1])
file = get(f"deletions/{user_id}/", export="json")
receipt = json.loads(b"".join(file.streaming_content))
kept = file.headers["Content-Disposition"].partition(";")[0]
tell([receipt["userId"] == user_id, receipt["finishedAt"], kept])
purger = client("erase_people")
strict = Client(enforce_csrf_checks=True)
strict.cookies = purger.cookies
purge = f"{BASE}deletions/purge/"
tell([strict.post(purge).status_code, purger.get(purge).status_code])
done = all.post(purge, follow=True)
tell(["Purged" in text(done), "Ended deletions: " in text(done)])
from django.contrib.admin.models import LogEntry
tell(LogEntry.objects.get().change_message[:6])
file = get(f"deletions/{user_id}/", export="json")
tell(json.loads(b"".join(file.streaming_content))["finishedAt"] is not None)
""")
    assert told[0] == [True, False]
    assert told[1] == [200, True, True]
    assert told[2] == [True, None, "attachment"]
    assert told[3] == [403, 405]
    assert told[4] == [True, True]
    assert told[5:] == ["Purged", True]
