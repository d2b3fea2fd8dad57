"""Forms whose values stand in the address of a page."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from bson import ObjectId
from django import forms
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.contrib.admin import rights
from chabad_auth_django.contrib.admin.languages import StrOrLazy
from chabad_auth_django.exceptions import UserNotFound, ValidationError
from chabad_auth_django.models import User
from chabad_auth_django.models.fields import now
from chabad_auth_django.validators import to_object_id

#: What is copied with an address, unseen: a mark or an end of a direction, or no width at all.
_UNSEEN = "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def without_marks(text: str) -> str:
    """Return the text without spaces and unseen characters around it."""
    return text.strip(_UNSEEN + " ")


class PastedField(forms.CharField):
    """An address, an id or a name that may be copied from a text in Hebrew."""

    def to_python(self, value: Any) -> str:
        """Return the text without unseen characters around it."""
        return without_marks(super().to_python(value) or "")


def choice(label: StrOrLazy, choices: Mapping[str, StrOrLazy] | None = None) -> forms.ChoiceField:
    """Return a field for one of the choices, or any."""
    options = [("", _("any")), *(choices or {}).items()]
    return forms.ChoiceField(label=label, choices=options, required=False)


def ago(days: str) -> datetime:
    """Return the time so many days ago."""
    return now() - timedelta(days=int(days))


def person_field() -> forms.CharField:
    """Return a field for one person."""
    return PastedField(label=_("Person (id or e-mail)"), max_length=254, required=False)


def find_person(account: Any, text: str) -> ObjectId | None:
    """Return the id of the person whose id or address it is; ``None`` for no text.

    Raises ``ValidationError``, ``UserNotFound`` and others; and ``PermissionDenied``, because an
    address takes the right to look at people.
    """
    if "@" not in text:
        return to_object_id(text) if text else None
    rights.check_holds(account, "view_people")
    user = User.find_by_email(text)
    if user is None:
        raise UserNotFound
    return user.id


class FilterForm(forms.Form):
    """The filters of a list."""

    #: Fields that are shown when they are asked for, because they are used seldom.
    behind: ClassVar[tuple[str, ...]] = ()

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data, label_suffix="")

    def values(self) -> dict[str, Any]:
        """Return the values; raise ``ValidationError`` that says what is wrong."""
        if not self.is_valid():
            found = self.errors.get_json_data().items()
            texts = {name: " ".join(item["message"] for item in items) for name, items in found}
            raise ValidationError(
                errors={str(self.fields[name].label): text for name, text in texts.items()}
            )
        return self.cleaned_data

    @property
    def is_behind_used(self) -> bool:
        """Whether something is asked for by one of the fields ``behind``."""
        return any(self.data.get(name) for name in self.behind)

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter is set."""
        return any(self.data.get(name) for name in self.fields if name not in ("order", "columns"))
