"""Entries of the audit trail as staff read them: with names, and in words."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from bson import ObjectId
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.contrib.admin import rights
from chabad_auth_django.contrib.admin.page import actor, host
from chabad_auth_django.db.pages import Row
from chabad_auth_django.services.identity import users

#: What each action is called.
ACTIONS = {
    "user.create": _("created"),
    "user.import": _("imported"),
    "user.export": _("exported"),
    "user.view": _("looked at"),
    "user.delete": _("deleted"),
    "user.erase": _("erased"),
    "user.block": _("blocked the person"),
    "user.unblock": _("unblocked the person"),
    "email.change": _("changed the e-mail address"),
    "role.grant": _("granted a role"),
    "role.revoke": _("revoked a role"),
    "permission.grant": _("granted a permission"),
    "permission.revoke": _("revoked a permission"),
    "auth_method.add": _("added a sign-in method"),
    "auth_method.remove": _("removed a sign-in method"),
    "identity.link": _("linked an account"),
    "identity.unlink": _("unlinked an account"),
    "session.revoke": _("ended sessions"),
    "token.issue": _("issued a token"),
    "data.change": _("changed data"),
    "integrity.repair": _("repaired"),
}

#: What each kind of those who act is called.
KINDS = {
    "user": _("person"),
    "host_account": _("account"),
    "command": _("command"),
    "system": _("system"),
}


def shown(request: HttpRequest, entries: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the entries with the usernames of accounts and the names of people.

    Names of people are for whoever may look at people.
    """
    found = [dict(entry) for entry in entries]
    usernames = _usernames(str(entry.get("actorId")) for entry in found)
    for entry in found:
        # Another program may have stored anything.
        is_user = entry.get("actorKind") == "user" and ObjectId.is_valid(entry.get("actorId"))
        entry["actor"] = ObjectId(entry["actorId"]) if is_user else None
        if not isinstance(entry.get("userId"), ObjectId):
            entry["userId"] = None
    ids = {id for entry in found for id in (entry["userId"], entry["actor"]) if id}
    shows_names = ids and rights.holds(request.user, "view_people")
    people = users.read_many(user_ids=ids) if shows_names else {}
    for entry in found:
        kind, action = str(entry.get("actorKind")), str(entry.get("action"))
        entry["kind"], entry["label"] = KINDS.get(kind, kind), ACTIONS.get(action, action)
        entry["who"] = usernames.get(str(entry.get("actorId"))) or _name(people, entry["actor"])
        entry["whom"] = _name(people, entry["userId"])
    return found


def to_actor_id(text: str) -> str | None:
    """Return the id that the trail has for the username; what is none is an id already."""
    accounts: Any = get_user_model()
    account = accounts._default_manager.filter(**{accounts.USERNAME_FIELD: text}).first()
    return actor(account).id if account else text or None


def _usernames(actor_ids: Iterable[str]) -> dict[str, str]:
    """Return the usernames of those that are accounts of this project, by the id."""
    accounts: Any = get_user_model()
    begin = f"{host()}:"
    keys = []
    for text in {text.removeprefix(begin) for text in actor_ids if text.startswith(begin)}:
        with suppress(ValidationError):
            keys.append(accounts._meta.pk.to_python(text))
    return {
        str(actor(account).id): account.get_username()
        for account in accounts._default_manager.filter(pk__in=keys)
    }


def _name(people: Mapping[Any, Row], user_id: Any) -> str | None:
    row = people.get(user_id, {})
    return row.get("name") or row.get("email")
