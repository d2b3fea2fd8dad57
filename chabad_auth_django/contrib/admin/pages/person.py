"""One person. Each tab is a page."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from bson import ObjectId
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.admin import acting, devices, rights
from chabad_auth_django.contrib.admin.filters import FilterForm, choice
from chabad_auth_django.contrib.admin.page import Page, look, position, section
from chabad_auth_django.contrib.admin.pages import trail
from chabad_auth_django.contrib.admin.pages.people import initials
from chabad_auth_django.contrib.admin.reads import person, timeline
from chabad_auth_django.contrib.admin.templatetags.chabad_admin import plain, pretty
from chabad_auth_django.db import pages
from chabad_auth_django.db.pages import Row
from chabad_auth_django.exceptions import TooSlow, UserNotFound, ValidationError
from chabad_auth_django.models import Activity, ExternalId, User
from chabad_auth_django.models.audit import ACTIONS
from chabad_auth_django.models.external_id import HOST
from chabad_auth_django.services.identity import audit_log, hosts, identities, names
from chabad_auth_django.services.signing_in import sessions
from chabad_auth_django.validators import MAX_NAME_LENGTH, to_object_id, validate_http_url

#: The entry that a look leaves, and those of changes of roles and permissions.
LOOK, GRANTS = "user.view", {name for name in ACTIONS if name.startswith(("role.", "permission."))}

#: Events on the first tab, and values of app data and entries of the history on a page.
NEWEST, ROWS = 10, 50

#: Roles, permissions and methods that are shown, whatever another program stored.
MOST_NAMES = 100

#: Name of the address and label of each tab, and the permission that it takes besides.
TABS = (
    ("change", _("Overview"), ""),
    ("timeline", _("Timeline"), "view_events"),
    ("sessions", _("Sessions"), ""),
    ("figures", _("Figures"), "view_events"),
    ("app_data", _("App data"), ""),
    ("access", _("Access"), ""),
    ("identities", _("Identities"), ""),
    ("raw", _("Raw"), "view_raw"),
    ("history", _("History"), ""),
)


class PersonPage(Page):
    """What all tabs have: the person's head, and the entry in the audit trail."""

    title = _("Person")
    permissions = ("view_people",)
    tab: ClassVar[str]

    def frame(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Return the tabs that the staff member may open."""
        shown = [tab for tab in TABS if not tab[2] or rights.holds(request.user, tab[2])]
        return {
            "tab": self.tab,
            "tabs": [
                (name, label, self.url(f"chabad_admin_people_{name}", kwargs["person"]))
                for name, label, _ in shown
            ],
        }

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return the head and the tab."""
        user_id = to_object_id(kwargs["person"])
        look(what=self.tab.replace("change", "overview").replace("_", "-"), user_id=user_id)
        try:
            stored = person.read_stored(user_id=user_id)
        except UserNotFound as error:
            if not person.find_leaving(user_ids=[user_id]):
                raise
            raise UserNotFound(gettext("This person is being deleted.")) from error
        row = stored["user"] or {}
        user = User.from_stored(row)
        head = {
            "person": user,
            "stored": stored,
            "user_row": row,
            "initials": initials(row),
            "roles": user.role_names[:MOST_NAMES],
            "methods": row["authMethods"][:MOST_NAMES]
            if isinstance(row.get("authMethods"), list)
            else [],
            "title": plain(row.get("name") or row.get("email") or user.id),
        }
        return {**head, "avatar": _avatar(stored["profile"]), **self.read_tab(request, user)}

    def read_tab(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """Return what the tab shows besides the head."""
        return {}


class OverviewTab(PersonPage):
    """The user, the profile and the preferences; how much there is, and the newest of it."""

    template_name = "chabad_admin/person/overview.html"
    tab = "change"

    def read_tab(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """Return what is stored, and the newest events."""
        found = None
        if rights.holds(request.user, "view_events"):
            found = section(partial(timeline.list_timeline, user_id=user.id, limit=NEWEST))
        actions = (action for action in acting.ACTIONS.values() if action.is_open_to(request.user))
        return {
            "counts": section(partial(person.count_documents_of, user_ids=[user.id])),
            "newest": isinstance(found, pages.Page)
            and found.rows
            and [("", shown_events(found.rows))],
            "newest_problem": found if isinstance(found, TooSlow) else None,
            "open": {action.name: action for action in actions},
        }


class SessionsTab(PersonPage):
    """Where the person is signed in."""

    template_name = "chabad_admin/person/sessions.html"
    tab = "sessions"

    def read_tab(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """Return the sessions that have not ended."""
        page = sessions.list_all_sessions(user_id=user.id, position=position(request, ObjectId))
        rows = [
            {**row, "id": row["_id"], "device": devices.describe(row.get("userAgent"))}
            for row in page.rows
        ]
        return {"page": page, "sessions": rows}


class AccessTab(PersonPage):
    """What the person may do, by what, and who granted it."""

    template_name = "chabad_admin/person/access.html"
    tab = "access"

    def read_tab(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """Return each permission with what it comes from, and the latest changes."""
        direct, roles = user.permission_names, user.role_names
        sources = {
            permission: [
                *([_("granted directly")] if permission in direct else []),
                *(
                    _("by %(role)s") % {"role": role}
                    for role in roles
                    if permission in conf.ROLE_PERMISSIONS.get(role, ())
                ),
            ]
            for permission in sorted(user.effective_permissions())[:MOST_NAMES]
        }
        entries = section(partial(_grants, request, user.id))
        known = names.known_roles()
        return {
            "sources": sources,
            "revocable": [
                (kind, name)
                for kind, found in (("role", roles), ("permission", direct))
                for name in found[:MOST_NAMES]
                if len(name) <= MAX_NAME_LENGTH
            ],
            "unknown": [role for role in roles if role not in known][:MOST_NAMES],
            "grants": entries,
            "known_roles": sorted(known),
            "known_permissions": sorted(names.known_permissions()),
        }


class IdentitiesTab(PersonPage):
    """The accounts with which the person signs in."""

    template_name = "chabad_admin/person/identities.html"
    tab = "identities"

    def read_tab(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """Return the accounts, with a link to that of this Django project."""
        claims = identities.list_identities(user_id=user.id)
        return {"claims": [self._claim(request, claim) for claim in claims]}

    def _claim(self, request: HttpRequest, claim: Mapping[str, Any]) -> dict[str, Any]:
        kind, parts = ExternalId.parse_account_key(claim["_id"])
        issuer, subject = [*parts, None, None][:2]
        is_ours = kind == HOST and issuer == conf.HOST_ID
        link = self._account_link(request, str(subject)) if is_ours else None
        return {**claim, "kind": kind, "issuer": issuer, "subject": subject, "link": link}

    def _account_link(self, request: HttpRequest, subject: str) -> str | None:
        """Return the address of the account in the admin, for whoever may look at it there."""
        account = hosts.adapter().get_account(primary_key=subject)
        site = self.model_admin.admin_site
        if account is None or type(account) not in site._registry:
            return None
        if not site._registry[type(account)].has_view_permission(request, account):
            return None
        name = f"{account._meta.app_label}_{account._meta.model_name}_change"
        try:
            return reverse(f"admin:{name}", args=[account.pk], current_app=site.name)
        except NoReverseMatch:
            return None


class RawTab(PersonPage):
    """The stored documents, as Extended JSON."""

    template_name = "chabad_admin/person/raw.html"
    tab = "raw"
    further = ("view_raw",)


class HistoryFilters(FilterForm):
    """Which entries of a person's history."""

    kind = choice(
        _("Show"), {"changes": _("what was changed"), "looks": _("who looked at this person")}
    )


class HistoryTab(PersonPage):
    """What was done to the person, by whom, and who looked."""

    template_name = "chabad_admin/person/history.html"
    tab = "history"

    def frame(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Return the filters."""
        return {**super().frame(request, **kwargs), "filters": HistoryFilters(request.GET)}

    def read_tab(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """Return a page of the audit trail."""
        kind = HistoryFilters(request.GET).values()["kind"]
        page = audit_log.list_entries(
            user_id=user.id,
            limit=ROWS,
            position=position(request, datetime),
            action={"changes": ACTIONS - {LOOK}, "looks": LOOK}.get(kind),
        ).fetch()
        return {"page": page, "entries": trail.shown(request, page.rows)}


def shown_events(rows: list[Row]) -> list[Mapping[str, Any]]:
    """Return events as a template shows them."""
    return [
        {
            **row,
            "is_activity": row["collection"] == Activity.collection_name(),
            "name": row.get("eventType") or row.get("eventName"),
            "data": pretty(row["eventData"]) if row.get("eventData") else "",
        }
        for row in rows
    ]


def _avatar(profile: Mapping[str, Any] | None) -> str | None:
    """Return the address of the picture, where it is one that a link may lead to."""
    avatar = (profile or {}).get("avatar")
    url: Any = avatar.get("url") if isinstance(avatar, dict) else None
    try:
        validate_http_url(url)
    except ValidationError:
        return None
    return str(url)


def _grants(request: HttpRequest, user_id: ObjectId) -> list[dict[str, Any]]:
    """Return the last changes of roles and permissions."""
    page = audit_log.list_entries(user_id=user_id, limit=ROWS, action=GRANTS).fetch()
    return trail.shown(request, page.rows)
