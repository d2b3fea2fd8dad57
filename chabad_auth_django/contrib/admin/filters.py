"""Forms whose values stand in the address of a page."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.contrib.admin.languages import StrOrLazy
from chabad_auth_django.exceptions import ValidationError


def choice(label: StrOrLazy, choices: Mapping[str, StrOrLazy] | None = None) -> forms.ChoiceField:
    """Return a field for one of the choices, or any."""
    options = [("", _("any")), *(choices or {}).items()]
    return forms.ChoiceField(label=label, choices=options, required=False)


def ago(days: str) -> datetime:
    """Return the time so many days ago."""
    return timezone.now() - timedelta(days=int(days))


class FilterForm(forms.Form):
    """The filters of a list."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data, label_suffix="")

    def values(self) -> dict[str, Any]:
        """Return the values; raise ``ValidationError`` that says what is wrong."""
        if not self.is_valid():
            found = self.errors.get_json_data().items()
            raise ValidationError(
                errors={name: " ".join(item["message"] for item in items) for name, items in found}
            )
        return self.cleaned_data

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter is set."""
        return any(self.data.get(name) for name in self.fields if name not in ("order", "columns"))
