"""Deletions and erasures that are under way, and receipts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson import ObjectId
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.api.http.rendering import to_json
from chabad_auth_django.contrib.admin import exports, purge, rights
from chabad_auth_django.contrib.admin.charts.marks import number
from chabad_auth_django.contrib.admin.models import Deletions
from chabad_auth_django.contrib.admin.page import Page, position, section
from chabad_auth_django.contrib.admin.pages import trail
from chabad_auth_django.contrib.admin.reads import person
from chabad_auth_django.contrib.admin.reads.state import LATE_DELETION
from chabad_auth_django.db.cursors import encode
from chabad_auth_django.exceptions import TooSlow
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.lifecycle import deletion_status, receipts
from chabad_auth_django.validators import to_object_id

#: Deletions on one page.
PAGE_SIZE = 25

#: Seconds that a purge may take that a staff member begins.
PURGE_SECONDS = 20

#: What the audit trail calls a deletion.
ACTIONS = ("user.delete", "user.erase")


class DeletionsPage(Page):
    """Who is being deleted, and whose receipt nobody has taken, the oldest first."""

    title = _("Deletions and erasures")
    template_name = "chabad_admin/deletions.html"
    permissions = ("view_operations",)

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return a page of them."""
        after = position(request, datetime)
        found = section(lambda: deletion_status.list_deletions(limit=PAGE_SIZE, position=after))
        if isinstance(found, TooSlow):
            return {"is_slow": True}
        shown, following = found
        entries = _last_entries(request, [item.user_id for item in shown])
        rows = [
            {
                "departure": item,
                "entry": entries.get(item.user_id),
                "is_late": item.state != deletion_status.FINISHED
                and item.age_seconds > LATE_DELETION,
                "is_due": item.due_at is not None and item.due_at <= now(),
            }
            for item in shown
        ]
        return {
            "rows": rows,
            "is_late": any(row["is_late"] for row in rows),
            "more": following and encode(following),
            "is_first": after is None,
        }


class ReceiptPage(Page):
    """The receipt of one erasure, to be printed or kept as JSON."""

    title = _("Receipt")
    template_name = "chabad_admin/receipt.html"
    permissions = ("view_operations",)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the receipt, or give it as a file."""
        if request.GET.get("export") != "json":
            return super().get(request, *args, **kwargs)
        user_id = to_object_id(kwargs["user"])
        receipt = receipts.read(user_id=user_id).to_dict()
        text = to_json(receipt, indent=True).decode()
        return exports.attachment(f"receipt-{user_id}.json", "application/json", [text, "\n"])

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return the receipt as of now."""
        user_id = to_object_id(kwargs["user"])
        receipt = receipts.read(user_id=user_id)
        rows = [(name, count, receipt.left[name]) for name, count in receipt.deleted.items()]
        return {
            "receipt": receipt,
            "rows": rows,
            "deleted": sum(receipt.deleted.values()),
            "left": sum(receipt.left.values()),
            "entry": _last_entries(request, [user_id]).get(user_id),
            "today": now(),
        }


class PurgePage(Page):
    """Going on with the open deletions for some seconds."""

    title = _("Run the purge now")
    template_name = "chabad_admin/deletions.html"
    permissions = ("erase_people",)
    http_method_names = ["post", "options"]

    def further_seconds(self) -> float:
        """Return how long the purge takes."""
        return PURGE_SECONDS

    def change(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Purge, and say what was done."""
        done = purge.run(seconds=PURGE_SECONDS)
        text = str(
            _(
                "Purged documents: %(documents)s. Ended deletions: %(finished)s. "
                "Open deletions: %(open)s."
            )
            % {name: number(getattr(done, name)) for name in ("documents", "finished", "open")}
        )
        LogEntry.objects.create(
            user_id=str(request.user.pk),
            content_type=ContentType.objects.get_for_model(Deletions),
            object_id="",
            object_repr="purge",
            action_flag=CHANGE,
            change_message=text,
        )
        messages.success(request, text)
        may_look = rights.holds(request.user, *DeletionsPage.permissions)
        return redirect(self.url("chabad_admin_deletions_changelist" if may_look else "index"))


def _last_entries(request: HttpRequest, user_ids: list[ObjectId]) -> dict[ObjectId, dict[str, Any]]:
    """Return who asked for the deletion of each, by the user."""
    found = person.find_last_entries(user_ids=user_ids, actions=ACTIONS)
    return {entry["userId"]: entry for entry in trail.shown(request, found.values())}
