"""Acting on several people, with a page in between."""

import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from bson import ObjectId
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from pymongo.errors import PyMongoError

from chabad_auth_django.api.http.errors import is_outage
from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.admin import acting, rights
from chabad_auth_django.contrib.admin.acting import Action
from chabad_auth_django.contrib.admin.languages import StrOrLazy
from chabad_auth_django.contrib.admin.page import PAGE_SIZE, UNKNOWN, Page, look, section
from chabad_auth_django.contrib.admin.pages import periods
from chabad_auth_django.contrib.admin.pages.people import Filters
from chabad_auth_django.contrib.admin.reads import person
from chabad_auth_django.contrib.admin.templatetags.chabad_admin import clean
from chabad_auth_django.exceptions import ChabadAuthError, ValidationError
from chabad_auth_django.failures import log_failure
from chabad_auth_django.services.identity import names, users
from chabad_auth_django.validators import to_object_id

#: What is done to several sessions at once.
END = acting.ACTIONS["end_session"]

#: What of the filters the command has an option for.
_OPTIONS = {"role": "--role", "q": "--email"}

_STATUSES = {"active": "--not-blocked", "blocked": "--blocked"}

#: The most that ``chabad_find_users`` lists.
_COMMAND_LIMIT = 10_000


@dataclass(frozen=True)
class Target:
    """A person, or a session of theirs."""

    user_id: ObjectId
    session: str = ""

    @classmethod
    def parse(cls, text: str, action: Action) -> Self:
        """Return what a box of a list stands for; raise ``ValidationError``."""
        user_id, _separator, session = text.partition(":")
        if bool(session) != (action is END):
            raise ValidationError(gettext("What was selected does not fit what is to be done."))
        return cls(to_object_id(user_id), session and str(to_object_id(session)))

    def __str__(self) -> str:
        return f"{self.user_id}:{self.session}" if self.session else str(self.user_id)


@dataclass(frozen=True)
class Outcome:
    """What became of one person."""

    id: ObjectId
    #: Why it was not done; empty where it was.
    problem: StrOrLazy = ""


class BulkPage(Page):
    """What is about to be done to whom, with the number to type; then what was done."""

    title = _("Act on several people")
    template_name = "chabad_admin/bulk.html"
    permissions = ("view_people",)
    http_method_names = ["post"]

    def further_seconds(self) -> float:
        """Return how long the last person may take, for whom there was still time."""
        return conf.REQUEST_TIMEOUT

    def change(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Show the page in between, or do it where the number was typed."""
        action = (acting.BULK | {END.name: END}).get(request.POST.get("action", ""))
        if action is None:
            raise ValidationError(gettext("Choose what is to be done."))
        rights.check_holds(request.user, action.permission)
        if request.POST.get("everybody") and action.command:
            command = _command(action, QueryDict(request.POST.get("query", "")))
            return self._show(request, action, {"command": command, "most": _COMMAND_LIMIT})
        chosen = (Target.parse(text, action) for text in request.POST.getlist("id"))
        targets = list(dict.fromkeys(chosen))
        if not targets:
            raise ValidationError(gettext("Nothing is selected."))
        if len(targets) > PAGE_SIZE:
            raise ValidationError(
                gettext("More than %(number)d are selected.") % {"number": PAGE_SIZE}
            )
        ids = list(dict.fromkeys(target.user_id for target in targets))
        values = {name: request.POST.get(name, "").strip() for name in action.fields}
        typed = request.POST.get("number")
        if (
            typed is not None
            and typed.strip() == str(len(targets))
            and all(_needed(action, values))
        ):
            # Before, because a deletion leaves no name.
            people = {item["id"]: item for item in self._people(ids)}
            found = list(_run(request, action, targets, values))
            done = sum(not outcome.problem for outcome in found)
            outcomes = [(outcome, people[str(outcome.id)]) for outcome in found]
            return self._show(request, action, {"outcomes": outcomes, "done": done})
        return self._show(
            request,
            action,
            {
                "people": self._people(ids),
                "targets": targets,
                "is_of_sessions": action is END,
                "documents": None
                if action is END
                else section(partial(person.count_documents_of, user_ids=ids)),
                "values": values,
                "is_wrong": typed is not None,
            },
        )

    def _people(self, ids: list[ObjectId]) -> list[dict[str, Any]]:
        look(what="users")
        found = users.read_many(user_ids=ids)
        return [{"id": str(id), **found.get(id, {})} for id in ids]

    def _show(
        self, request: HttpRequest, action: Action, values: Mapping[str, Any]
    ) -> HttpResponseBase:
        shown = {"action": action, "roles": sorted(names.known_roles()), "complete": True}
        return self.respond(request, {**shown, **values})


def _needed(action: Action, values: Mapping[str, str]) -> Iterator[str]:
    for name in ("role", "reason"):
        if name in action.fields:
            yield values[name]


def _run(
    request: HttpRequest, action: Action, targets: list[Target], values: Mapping[str, str]
) -> Iterator[Outcome]:
    """Do it to one after the other; what goes wrong with one does not stop the others."""
    is_out, until = False, time.monotonic() + conf.REQUEST_TIMEOUT
    for target in targets:
        id = target.user_id
        if time.monotonic() > until:
            yield Outcome(id, _("Not tried: there was no time left. Select it again."))
            continue
        if is_out:
            yield Outcome(id, _("Not tried: MongoDB does not answer."))
            continue
        try:
            action.do(request, id, {**values, "session": target.session})
            yield Outcome(id)
        except ChabadAuthError as error:
            yield Outcome(id, gettext(error.detail))
        except PyMongoError as error:
            is_out = is_outage(error)
            yield Outcome(id, UNKNOWN if is_out else _failed(action, error))
        except Exception as error:
            yield Outcome(id, _failed(action, error))


def _failed(action: Action, error: Exception) -> StrOrLazy:
    log_failure(action.do, error, moment="on a staff page")
    return _("It failed. The log of the server says why.")


def _command(action: Action, query: QueryDict) -> str:
    """Return what does it to everybody who matches; raise ``ValidationError`` where none does.

    A filter that the command lacks must not be left out: it would act on more people.
    """
    words = ["python", "manage.py", "chabad_find_users", "--limit", str(_COMMAND_LIMIT), "--json"]
    for name, value in Filters(query).values().items():
        if name in ("order", "columns") or not value:
            continue
        if name == "status":
            words.append(_STATUSES[value])
        elif name == "since":
            # The command knows no zone of a staff member.
            begin = periods.midnight(value, timezone.get_current_timezone())
            words.append(f"--since={begin:%Y-%m-%dT%H:%MZ}")
        elif name in _OPTIONS:
            words.append(f"{_OPTIONS[name]}={clean(value)}")
        else:
            text = gettext(
                "The command can select by role, status, the begin of the address and the first "
                "day only: remove the other filters."
            )
            raise ValidationError(text)
    values = {"role": "ROLE", "reason": "REASON"}
    command = str(action.command).format(**values)
    return f"{shlex.join(words)} | jq -r '.users[].id' | python manage.py {command}"
