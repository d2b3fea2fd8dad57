"""The language of the texts on the pages: that of the request, or English where it has none."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from django.utils import translation

#: A text that may be translated when it is shown.
if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    StrOrLazy = _StrOrPromise
else:
    StrOrLazy = str


def in_language_of_texts() -> AbstractContextManager[None]:
    """Let what Django says of times be in the language of the texts around it."""
    return translation.override(translation.pgettext("the language of these texts", "en"))
