"""The base of all pages: rights, the frame, the time limit, and what is wrong as a banner."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bson import ObjectId
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import BadRequest
from django.db import router, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import View
from pymongo.errors import PyMongoError
from rest_framework.exceptions import APIException

from chabad_auth_django import exceptions as domain
from chabad_auth_django.api.http import outcomes
from chabad_auth_django.api.http.errors import is_outage, status_of
from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.admin import rights
from chabad_auth_django.contrib.admin.languages import StrOrLazy
from chabad_auth_django.contrib.admin.models import People
from chabad_auth_django.db import connection
from chabad_auth_django.db.cursors import decode
from chabad_auth_django.db.pages import Position
from chabad_auth_django.services.identity import audit, hosts, search

if TYPE_CHECKING:
    from chabad_auth_django.contrib.admin.page_admin import PageAdmin

T = TypeVar("T")

#: Where the session has the zone that the staff member chose.
ZONE_KEY = "chabad_admin_zone"

#: People on a page of a list.
PAGE_SIZE = 100

OUTAGE = _("MongoDB does not answer now. Try again in a moment.")

#: Who signs in again is led to the address of the form that the ended session had sent.
NOT_SENT = _(
    "Nothing was done. If your session had ended, open the page again and send the form once more."
)

#: What was asked for may have been stored, and only the answer is missing.
UNKNOWN = _("MongoDB does not answer now. Look whether it was done before you try again.")


class Page(View):
    """A page for staff who have one of the permissions."""

    title: ClassVar[StrOrLazy]
    template_name: ClassVar[str]
    #: One of these is needed; without any every staff member may look.
    permissions: ClassVar[tuple[str, ...]] = ()
    #: All of these are needed besides.
    further: ClassVar[tuple[str, ...]] = ()
    #: Given by ``PageAdmin``.
    model_admin: "PageAdmin" = None  # type: ignore[assignment]

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return the template's variables; all that asks MongoDB is here."""
        return {}

    def change(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Do what a form asks for, and return a redirect or another page."""
        raise NotImplementedError

    def further_seconds(self) -> float:
        """Return how many seconds longer than other pages this one may ask MongoDB."""
        return 0

    def frame(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Return the variables that the template has in an outage, too, such as the filters."""
        return {}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer as the actor and in the zone of the staff member."""
        request.current_app = self.model_admin.admin_site.name
        zone = _zone(request)
        with audit.acting_as(actor(request.user)), timezone.override(zone):
            for names in (self.permissions, *((name,) for name in self.further)):
                if not rights.holds(request.user, *names):
                    return self._problem(request, 403, missing(names), kwargs)
            try:
                # Django's own login form asks for no second factor.
                hosts.check_second_factor(account=request.user, session=request.session)
                with connection.time_limit(conf.REQUEST_TIMEOUT + self.further_seconds()):
                    return super().dispatch(request, *args, **kwargs)
            except domain.ChabadAuthError as error:
                return self._problem(request, status_of(error), _text(error), kwargs)
            except (APIException, BadRequest):
                return self._problem(
                    request, 400, _("The address of this page is invalid."), kwargs
                )
            except PyMongoError as error:
                if not is_outage(error):
                    raise
                context = {"request": request, "view": self}
                outcomes.tell(status=503, code="unavailable", error=error, context=context)
                text = UNKNOWN if request.method == "POST" else OUTAGE
                return self._problem(request, 503, text, kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the page."""
        return self.respond(request, {**self.read(request, **kwargs), "complete": True}, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Change something."""
        if type(self).change is Page.change:
            return self.http_method_not_allowed(request, *args, **kwargs)
        return self.change(request, **kwargs)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Say that nothing was done."""
        refused = super().http_method_not_allowed(request, *args, **kwargs)
        answer = self._problem(request, refused.status_code, NOT_SENT, kwargs)
        answer.headers["Allow"] = refused.headers["Allow"]
        return answer

    def respond(
        self, request: HttpRequest, values: Mapping[str, Any], *, status: int = 200, **kwargs: Any
    ) -> HttpResponseBase:
        """Render the page at once, while the zone and the actor are the staff member's."""
        site = self.model_admin.admin_site
        context = {
            **site.each_context(request),
            "title": self.title,
            "model_admin": self.model_admin,
            "opts": self.model_admin.opts,
            "person_id": kwargs.get("person"),
            "zone": timezone.get_current_timezone_name(),
            "may": {name for name in rights.PERMISSIONS if rights.holds(request.user, name)},
            **self.frame(request, **kwargs),
            **values,
        }
        return TemplateResponse(request, self.template_name, context, status=status).render()

    def url(self, name: str, *args: Any) -> str:
        """Return an address of the admin site that this page is in."""
        return reverse(f"admin:{name}", args=args, current_app=self.model_admin.admin_site.name)

    def _problem(
        self, request: HttpRequest, status: int, text: StrOrLazy, kwargs: dict[str, Any]
    ) -> HttpResponseBase:
        return self.respond(request, {"problem": text, "status": status}, status=status, **kwargs)


def host() -> str:
    """Return what the audit trail calls this project."""
    return conf.HOST_ID or "host"


def actor(account: Any) -> audit.Actor:
    """Return the staff member as the audit trail names those who act."""
    return audit.Actor.host_account(host=host(), pk=account.pk)


def look(*, what: str, user_id: ObjectId | None = None) -> None:
    """Record that data of the user, or of many users, is about to be shown.

    Raises ``Unavailable``, or an outage, where that cannot be recorded: then it is not shown.
    """
    try:
        audit.record(action="user.view", user_id=user_id, resource=what)
    except PyMongoError as error:
        if is_outage(error):
            raise
        raise domain.Unavailable(
            gettext("The audit trail cannot be written, so nothing is shown.")
        ) from error


def act(
    request: HttpRequest,
    *,
    user_id: ObjectId,
    message: str,
    change: Callable[[], T],
    flag: int = CHANGE,
) -> T:
    """Run the change to a user with an entry in Django's log: both or none.

    The entry names the user by the id alone, because it outlives an erasure.
    """
    account: Any = request.user
    with transaction.atomic(using=router.db_for_write(LogEntry)):
        LogEntry.objects.create(
            user_id=account.pk,
            content_type=ContentType.objects.get_for_model(People),
            object_id=str(user_id),
            object_repr=str(user_id),
            action_flag=flag,
            change_message=message,
        )
        return change()


def section(read: Callable[[], T]) -> T | domain.TooSlow:
    """Return what is read within the time limit, or the error, which the template shows."""
    try:
        with limited():
            return read()
    except domain.TooSlow as error:
        return error


def limited() -> AbstractContextManager[None]:
    """Stop what is read in the body after 2 s, with ``TooSlow``."""
    return search.time_limit()


def position(request: HttpRequest, kind: type) -> Position | None:
    """Return where the list goes on, by the address; ``kind`` is the type of its keys."""
    return decode(request.GET.get("cursor"), kind)


def missing(permissions: tuple[str, ...]) -> str:
    """Return what a 403 says of a page that takes one of the permissions."""
    names = gettext(" or ").join(f"{rights.LABEL}.{name}" for name in permissions)
    text = gettext(
        "This page takes the permission %(names)s, which you do not have. "
        "Who administers this site can give it to you."
    )
    return text % {"names": names}


def _zone(request: HttpRequest) -> Any:
    chosen = request.session.get(ZONE_KEY)
    # Another server of the project may know other zones.
    with suppress(ZoneInfoNotFoundError):
        if chosen:
            return ZoneInfo(chosen)
    return timezone.get_current_timezone()


def _text(error: domain.ChabadAuthError) -> str:
    errors = getattr(error, "errors", None) or {}
    texts = (f"{name}: {gettext(str(text))}" for name, text in errors.items() if name)
    return " ".join([gettext(error.detail), *texts])
