"""Changing what a person is called, their address, and two preferences."""

from collections.abc import Mapping
from typing import Any, cast

from bson import ObjectId
from django import forms
from django.contrib import messages
from django.core.validators import RegexValidator
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.contrib.admin import acting, rights
from chabad_auth_django.contrib.admin.filters import PastedField
from chabad_auth_django.contrib.admin.page import Page, act, look
from chabad_auth_django.contrib.admin.templatetags.chabad_admin import MOST, clean_lines, plain
from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import DocumentChanged, UserNotFound
from chabad_auth_django.models import Preferences, Profile, User
from chabad_auth_django.models.personal import PersonalDocument
from chabad_auth_django.models.preferences import LANGUAGE, THEMES
from chabad_auth_django.services.identity import audit
from chabad_auth_django.validators import to_object_id

#: Field of the form -> the document, and the field that ``patch`` takes.
FIELDS = {
    "name": ("user", "name"),
    "email": ("user", "email"),
    "displayName": ("profile", "display_name"),
    "bio": ("profile", "bio"),
    "language": ("preferences", "language"),
    "theme": ("preferences", "theme"),
}


MODELS: dict[str, type[PersonalDocument]] = {
    "user": User,
    "profile": Profile,
    "preferences": Preferences,
}


class EditForm(forms.Form):
    """What staff may change; only what differs from what they saw is validated and stored.

    What another program stored may be none of what we take.
    """

    use_required_attribute = False

    name = forms.CharField(
        label=_("Name"), max_length=200, required=False, show_hidden_initial=True
    )
    email = PastedField(
        label=_("E-mail"),
        max_length=254,
        help_text=_("The person signs in with this address, and messages go there."),
        show_hidden_initial=True,
    )
    displayName = forms.CharField(
        label=_("Display name"), max_length=100, required=False, show_hidden_initial=True
    )
    bio = forms.CharField(
        label=_("Bio"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        show_hidden_initial=True,
    )
    language = forms.CharField(
        label=_("Language"),
        max_length=35,
        validators=[RegexValidator(LANGUAGE, _("Expected a language tag, such as en or pt-BR."))],
        show_hidden_initial=True,
    )
    theme = forms.ChoiceField(
        label=_("Theme"),
        choices=[(theme, theme) for theme in THEMES],
        show_hidden_initial=True,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for text in self.fields.values():
            # A Hebrew name on an English page, and the reverse.
            text.widget.attrs["dir"] = "auto"
        theme, field = self["theme"], cast(forms.ChoiceField, self.fields["theme"])
        stored = str(self.data.get(theme.html_initial_name, theme.initial or ""))
        if stored not in THEMES:
            # Otherwise the browser chooses the first one.
            field.choices = [(stored, plain(stored)), *((name, name) for name in THEMES)]

    def full_clean(self) -> None:
        """Validate what was changed."""
        super().full_clean()
        for name in self.errors.keys() - set(self.changed_data):
            del self.errors[name]


class EditPage(Page):
    """The form."""

    title = _("Change a person")
    template_name = "chabad_admin/person/edit.html"
    permissions = ("view_people",)
    further = ("change_people",)

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return the form as it is stored."""
        user_id = to_object_id(kwargs["person"])
        look(what="overview", user_id=user_id)
        initial = _read(user_id)
        return {"form": EditForm(initial=initial, label_suffix=""), "name": initial["name"]}

    def change(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Store what was changed."""
        user_id = to_object_id(kwargs["person"])
        form = EditForm(request.POST, label_suffix="")
        if not form.is_valid():
            return self.respond(request, {"form": form, "complete": True}, status=400, **kwargs)
        changes: dict[str, dict[str, Any]] = {}
        for field in form.changed_data:
            document, name = FIELDS[field]
            changes.setdefault(document, {})[name] = form.cleaned_data[field] or None
        if changes:
            with audit.attempt(action="data.change", user_id=user_id):
                rights.check_reaches(request.user, acting.find(user_id))
                seen = {
                    field: request.POST.get(form[field].html_initial_name, "")
                    for field in form.changed_data
                }
                try:
                    act(
                        request,
                        user_id=user_id,
                        message=f"Changed {', '.join(form.changed_data)}.",
                        change=lambda: _store(user_id, changes, seen),
                    )
                except _FieldsChanged as error:
                    for field in error.fields:
                        form.add_error(field, _("Somebody else changed this. Open the page again."))
                    values = {"form": form, "complete": True}
                    return self.respond(request, values, status=409, **kwargs)
            messages.success(request, _("Changed."))
        return redirect(self.url("chabad_admin_people_change", str(user_id)))


class _FieldsChanged(DocumentChanged):
    """Some of the fields are no longer what the staff member saw."""

    def __init__(self, fields: list[str]) -> None:
        super().__init__()
        self.fields = fields


@atomic
def _store(
    user_id: ObjectId, changes: Mapping[str, Mapping[str, Any]], seen: Mapping[str, str]
) -> None:
    """Store the changes in the transaction that has read the fields as they were seen."""
    stored = _read(user_id)
    lines = {field: text.replace("\r\n", "\n") for field, text in seen.items()}
    if found := [name for name in lines if lines[name] != stored[name].replace("\r\n", "\n")]:
        raise _FieldsChanged(found)
    acting.change_account(user_id=user_id, changes=changes)


def _read(user_id: ObjectId) -> dict[str, str]:
    """Return what the form shows of what is stored; raise ``UserNotFound``."""
    # One by one, because a transaction takes no ``$unionWith``.
    stored = {
        name: model.collection().find_one(model.owned_by([user_id]))
        for name, model in MODELS.items()
    }
    if stored["user"] is None:
        raise UserNotFound
    return {
        field: clean_lines(str((stored[name] or {}).get(field) or "")[:MOST])
        for field, (name, _) in FIELDS.items()
    }
