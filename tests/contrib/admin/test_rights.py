"""Who may do what on the pages for staff."""

import pytest
from contrib.admin.conftest import Run


@pytest.mark.slow
def test_each_page_and_action_takes_its_permission(run: Run) -> None:
    assert run("tell(wrong_rights())") == [[]]


def test_who_is_no_staff_has_to_sign_in(run: Run) -> None:
    told = run("""
account = Account.objects.create(username="guest", is_superuser=True)
guest = Client()
tell(guest.get(PEOPLE).headers["Location"])
guest.force_login(account)
tell(guest.get(PEOPLE).headers["Location"])
""")
    assert told == ["/admin/login/?next=/admin/chabad_admin/people/"] * 2


def test_an_account_with_a_second_factor_gives_it_first(run: Run) -> None:
    told = run("""
import sys, types
from chabad_auth_django.services.identity.hosts import HostAdapter
class Adapter(HostAdapter):
    def has_second_factor(self, *, account):
        return account.is_superuser
    def gave_second_factor(self, *, account, session):
        return session.get("gave", False)
sys.modules["factors"] = types.SimpleNamespace(Adapter=Adapter)
ann, chief, helper = make()["ann"], superuser(), client("view_people")
calls = [("get", PEOPLE, {}), ("get", f"{PEOPLE}{ann.id}/", {}),
         ("post", f"{PEOPLE}{ann.id}/do/block/", {"reason": "x"}),
         ("post", f"{PEOPLE}{ann.id}/export/", {}),
         ("post", f"{PEOPLE}bulk/", {"action": "block", "id": str(ann.id)})]
def statuses(browser):
    return [getattr(browser, verb)(path, data).status_code for verb, path, data in calls]
with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "HOST_ADAPTER": "factors.Adapter"}):
    tell(statuses(chief))
    tell("second factor" in chief.get(PEOPLE).content.decode())
    tell(blocking.Block.read(userId=ann.id))
    tell(statuses(helper)[0])
    session = chief.session
    session["gave"] = True
    session.save()
    tell(statuses(chief))
""")
    assert told == [[403] * 5, True, None, 200, [200, 200, 302, 200, 200]]


def test_rights_over_a_person(run: Run) -> None:
    """Who has more than the default role takes change_grants, and an administrator a superuser."""
    told = run("""
made = make()
second = User.create_user(email="second@example.org", roles=["admin"])
every = [name for name in rights.PERMISSIONS if name != "change_grants"]
without, with_grants = client(*every), client(*rights.PERMISSIONS)
targets = {"ann": made["ann"], "mod": made["mod"], "root": made["root"]}
posts = {
    "sign_out": {}, "block": {"reason": "x"}, "unblock": {},
    "grant": {"role": "moderator"}, "revoke": {"role": "moderator"},
}
def statuses(browser, target, posts):
    base = f"{PEOPLE}{target.id}/"
    sent = {name: browser.post(f"{base}do/{name}/", data) for name, data in posts.items()}
    found = {name: answer.status_code for name, answer in sent.items()}
    found["export"] = browser.post(f"{base}export/").status_code
    name = User.find_by_id(target.id).name or ""
    names = {"name": f"{name} New".strip(), "initial-name": name}
    names |= {"email": target.email, "initial-email": target.email}
    names |= {"language": "en", "initial-language": "en", "theme": "auto", "initial-theme": "auto"}
    found["edit"] = browser.post(f"{base}edit/", names).status_code
    return found
for browser in (without, with_grants, superuser()):
    tell([statuses(browser, target, posts) for target in targets.values()])
mod = User.create_user(email="other@example.org", roles=["moderator"])
tell([without.post(f"{PEOPLE}{mod.id}/do/{name}/", {"typed": mod.email}).status_code
      for name in ("delete", "erase")])
root, typed = f"{PEOPLE}{made['root'].id}/do", {"typed": "root@example.org"}
tell([with_grants.post(f"{root}/{name}/", typed).status_code for name in ("delete", "erase")])
tell(User.collection().count_documents({"_id": {"$in": [mod.id, made["root"].id]}}))
from chabad_auth_django.models import AuditEntry
tell(AuditEntry.collection().count_documents({"outcome": "refused", "userId": made["root"].id}))
""")
    names = ("sign_out", "block", "unblock", "grant", "revoke", "export", "edit")
    done = dict.fromkeys(names, 302) | {"export": 200}
    refused = dict.fromkeys(names, 403)
    no_grants = done | {"grant": 403, "revoke": 403}
    assert told[0] == [no_grants, refused, refused]
    assert told[1] == [done, done, refused]
    assert told[2] == [done, done, done]
    assert told[3:6] == [[403, 403], [403, 403], 2]
    assert told[6] >= 14


def test_granting_everything_takes_a_superuser_and_the_last_administrator_stays(run: Run) -> None:
    told = run("""
made = make()
most, all = client(*rights.PERMISSIONS), superuser()
ann, root = (f"{PEOPLE}{made[name].id}/do/" for name in ("ann", "root"))
for data in ({"role": "admin"}, {"permission": "*"}):
    tell(most.post(f"{ann}grant/", data).status_code)
tell(User.find_by_id(made["ann"].id).effective_permissions())
for action, data in (
    ("revoke", {"role": "admin"}), ("block", {"reason": "x"}),
    ("delete", {"typed": "root@example.org"}), ("erase", {"typed": "root@example.org"}),
):
    tell(all.post(f"{root}{action}/", data).status_code)
tell(User.find_by_id(made["root"].id).roles)
tell(all.post(f"{ann}grant/", {"role": "admin"}).status_code)
tell(all.post(f"{root}revoke/", {"role": "admin"}).status_code)
tell(all.post(f"{ann}grant/", {"role": "nobody knows this"}).status_code)
""")
    assert told[:2] == [403, 403]
    assert "*" not in told[2]
    assert told[3:7] == [409] * 4
    assert told[7:] == [["user", "admin"], 302, 302, 400]


def test_a_role_is_revoked_by_its_very_name(run: Run) -> None:
    told = run("""
user = make()["ann"]
User.collection().update_one({"_id": user.id}, {"$set": {"roles": ["moderator", " moderator"]}})
superuser().post(f"{PEOPLE}{user.id}/do/revoke/", {"role": " moderator"})
tell(User.find_by_id(user.id).roles)
""")
    assert told == [["moderator"]]


def test_groups_are_made_once(run: Run) -> None:
    told = run("""
from django.core.management import call_command
def groups():
    found = Group.objects.prefetch_related("permissions")
    return {group.name: {item.codename for item in group.permissions.all()} for group in found}
tell(groups() == {name: set(items) for name, items in rights.GROUPS.items()})
Group.objects.get(name="Support").delete()
Group.objects.get(name="Moderator").permissions.clear()
call_command("migrate", verbosity=0)
tell(sorted(groups()))
tell(list(groups()["Moderator"]))
call_command("migrate", "chabad_admin", "zero", verbosity=0)
Group.objects.filter(name="Privacy").delete()
call_command("migrate", "chabad_admin", verbosity=0)
tell({name: len(items) for name, items in groups().items()})
call_command("makemigrations", "--check", verbosity=0)
from io import StringIO
call_command("dumpdata", "chabad_admin", "--all", stdout=StringIO())
Group.objects.get(name="Moderator").delete()
""")
    assert told[0] is True
    assert told[1] == ["Moderator", "Operator", "Privacy"]
    assert told[2] == []
    # What was there stays as it is; what was missing is made.
    assert told[3] == {"Moderator": 0, "Operator": 1, "Privacy": 5, "Support": 3}


def test_a_change_takes_a_post_with_its_token(run: Run) -> None:
    told = run("""
made = make()
browser = superuser()
addresses = [f"{PEOPLE}{made['ann'].id}/do/{name}/" for name in acting.ACTIONS]
addresses += [f"{PEOPLE}bulk/", f"{PEOPLE}export/", f"{PEOPLE}{made['ann'].id}/export/"]
answers = [browser.get(address) for address in addresses]
tell({answer.status_code for answer in answers})
tell(all("Nothing was done. If your session had ended" in text(answer) for answer in answers))
strict = Client(enforce_csrf_checks=True)
strict.cookies = browser.cookies
addresses += [f"{PEOPLE}zone/", f"{PEOPLE}{made['ann'].id}/edit/"]
tell({strict.post(address, {"typed": "ann@example.org"}).status_code for address in addresses})
tell(User.find_by_id(made["ann"].id) is not None)
""")
    # A session that has ended leads there, by way of the login form.
    assert told[0] in ("{405}", [405]) and told[1] is True
    assert told[2] in ("{403}", [403])
    assert told[3] is True
