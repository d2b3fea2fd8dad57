"""How figures look on the pages for staff."""

from typing import Any

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext

from chabad_auth_django.contrib.admin.charts import marks

register = template.Library()


@register.filter
def figure(value: Any) -> str:
    """Return a number with the separators of the language; what is none as it is."""
    return marks.number(value) if isinstance(value, (int, float)) else str(value)


@register.filter
def size(value: int) -> str:
    """Return a number of bytes for people."""
    return filesizeformat(value)


@register.filter
def duration(seconds: float) -> str:
    """Return a number of seconds for people, in its largest unit."""
    for length, name in ((86_400, gettext("d")), (3_600, gettext("h")), (60, gettext("min"))):
        if seconds >= length:
            return f"{marks.number(round(seconds / length, 1))} {name}"
    return gettext("%(number)s s") % {"number": marks.number(round(seconds))}
