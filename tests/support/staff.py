"""What tests of the pages for staff do, in the process of a host project that has them."""

import re
from collections.abc import Iterable
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.models import User as Account
from django.test import Client
from django.urls import resolve
from django.views.generic import View
from support.commands import CommandCounter
from support.staff_people import make

from chabad_auth_django.contrib.admin import acting, rights
from chabad_auth_django.db import connection

BASE = "/admin/chabad_admin/"
PEOPLE = f"{BASE}people/"

#: Address of each page below a person's -> the permissions that it takes besides view_people.
TABS = {
    "": (),
    "timeline/": ("view_events",),
    "sessions/": (),
    "figures/": ("view_events",),
    "app-data/": (),
    "app-data/delete/?app=books&key=page": ("erase_people",),
    "access/": (),
    "identities/": (),
    "raw/": ("view_raw",),
    "history/": (),
    "edit/": ("change_people",),
}

#: Address of each page with figures -> the permissions that it takes. The overview takes one of
#: several; see test_figures.
FIGURES = {
    "events/": ("view_events",),
    "analytics/": ("view_events",),
    "deletions/": ("view_operations",),
    "operations/": ("view_operations",),
    "audit/": ("view_operations",),
}

#: What is asked for besides on some of the pages.
QUERIES = (
    *("people/?q=a&names=on&status=blocked", "people/?columns=language&columns=status"),
    *("events/?kind=activities", "events/?name=x", "events/?days=30", "audit/?actor=tests:1"),
    *("analytics/?compare=on&by=eventName", "analytics/?count=users&bucket=week"),
    *("analytics/?compare=on&count=users", "analytics/?days=1&bucket=hour&zone=UTC&compare=on"),
)

NOBODY = "0" * 24


def pages(person: str, gone: str) -> list[str]:
    """Return the addresses of all pages; there is data of the person, and a receipt of the other.

    Raises ``AssertionError`` where a page of the app is missing.
    """
    found = [BASE + path for path in ("overview/", "people/", "sessions/", *FIGURES, *QUERIES)]
    found += [f"{PEOPLE}{person}/{path}" for path in (*TABS, "timeline/?app=none")]
    found += [f"{BASE}deletions/{gone}/", f"{PEOPLE}{gone}/receipt/", f"{PEOPLE}zone/"]
    views = {resolve(urlsplit(address).path).view_name for address in found}
    patterns = (pattern for item in admin.site._registry.values() for pattern in item.get_urls())
    mine = {
        f"admin:{pattern.name}"
        for pattern in patterns
        if str(pattern.name).startswith("chabad_admin_")
        and "get" in getattr(pattern.callback, "view_class", View).http_method_names
    }
    # They lead elsewhere, or give a file.
    others = {f"admin:chabad_admin_people_{name}" for name in ("account", "value", "raw")}
    assert mine - views <= others, mine - views
    return found


def client(*permissions: str, group: str = "", **fields: Any) -> Client:
    """Return the browser of a staff member with the permissions or the group."""
    name = f"staff{Account.objects.count()}"
    account = Account.objects.create(username=name, is_staff=True, **fields)
    account.user_permissions.set(
        Permission.objects.filter(content_type__app_label="chabad_admin", codename__in=permissions)
    )
    if group:
        account.groups.add(Group.objects.get(name=group))
    browser = Client()
    browser.force_login(account)
    return browser


def superuser() -> Client:
    """Return the browser of a superuser."""
    return client(is_superuser=True)


def everybody() -> dict[str, tuple[Client, set[str]]]:
    """Return each kind of staff with their permissions."""
    found = {"nobody": (client(), set[str]()), "superuser": (superuser(), set(rights.PERMISSIONS))}
    for name in rights.PERMISSIONS:
        found[name] = client(name), {name}
    for name, permissions in rights.GROUPS.items():
        found[name] = client(group=name), set(permissions)
    return found


def requests(person: str) -> Iterable[tuple[str, str, set[str]]]:
    """Yield method, address and permissions of each page and action."""
    yield "GET", PEOPLE, {"view_people"}
    yield "GET", f"{PEOPLE}zone/", set()
    yield "POST", f"{PEOPLE}export/", {"export_people"}
    yield "POST", f"{PEOPLE}bulk/", {"view_people"}
    yield "GET", f"{PEOPLE}account/0/", {"view_people"}
    yield "GET", f"{BASE}sessions/", {"view_people"}
    for path, further in FIGURES.items():
        yield "GET", f"{BASE}{path}", set(further)
    yield "GET", f"{BASE}events/?export=jsonl", {"view_events", "export_people"}
    yield "GET", f"{BASE}analytics/?export=csv", {"view_events"}
    yield "GET", f"{BASE}audit/?export=csv", {"view_operations"}
    yield "GET", f"{BASE}deletions/{NOBODY}/", {"view_operations"}
    yield "GET", f"{BASE}deletions/{NOBODY}/?export=json", {"view_operations"}
    yield "POST", f"{BASE}deletions/purge/", {"erase_people"}
    for path, further in TABS.items():
        yield "GET", f"{PEOPLE}{person}/{path}", {"view_people", *further}
    value = f"{PEOPLE}{person}/app-data/value/?app=books&key=page"
    yield "GET", value, {"view_people", "export_people"}
    yield "POST", f"{PEOPLE}{NOBODY}/app-data/delete/", {"view_people", "erase_people"}
    yield "GET", f"{PEOPLE}{NOBODY}/receipt/", {"erase_people"}
    yield "POST", f"{PEOPLE}{NOBODY}/edit/", {"view_people", "change_people"}
    yield "POST", f"{PEOPLE}{NOBODY}/export/", {"view_people", "export_people"}
    for action in acting.ACTIONS.values():
        address = f"{PEOPLE}{NOBODY}/do/{action.name}/"
        yield "POST", address, {"view_people", action.permission}


def wrong_rights() -> list[Any]:
    """Return each page and action that somebody may use who must not, or the reverse."""
    person = str(make()["ann"].id)
    wrong = []
    cases = [
        (name, browser, permissions, request)
        for name, (browser, permissions) in everybody().items()
        for request in requests(person)
    ]
    # Where two are needed, both are enough.
    both = ((request, tuple(request[2])) for request in requests(person) if len(request[2]) > 1)
    cases += [(str(names), client(*names), set(names), request) for request, names in both]
    for name, browser, permissions, (method, address, needed) in cases:
        answer = browser.generic(method, address)
        expected = needed <= permissions
        if (answer.status_code != 403) != expected or answer.status_code >= 500:
            wrong.append([name, method, address, answer.status_code])
        missing = [f"chabad_admin.{item}" for item in needed - permissions]
        if not expected and not any(item in answer.content.decode() for item in missing):
            wrong.append([name, method, address, "the missing permission is not named"])
    return wrong


def text(answer: Any) -> str:
    """Return a page as one reads it, without markup."""
    content = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(unescape(content).split())


def counter() -> CommandCounter:
    """Return a counter of what is sent to MongoDB from now on."""
    found = CommandCounter()
    connection.command_listeners.clear()
    connection.listen(found)
    connection.get_client().admin.command("ping")
    connection.supports_transactions()
    found.clear()
    return found
