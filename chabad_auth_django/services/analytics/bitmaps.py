"""Sets of small numbers, as roaring bitmaps; they need the extra ``figures``."""

from collections.abc import Iterable

from chabad_auth_django.exceptions import ExtraRequired

try:
    from pyroaring import BitMap as BitMap
except ModuleNotFoundError:
    is_installed = False
else:
    is_installed = True


def require() -> None:
    """Raise ``ExtraRequired`` where the package is not installed."""
    if not is_installed:
        raise ExtraRequired(
            "Counting different users takes pyroaring, the extra figures: pip install pyroaring."
        )


def union(sets: "Iterable[BitMap]") -> "BitMap":
    """Return what is in any of the sets."""
    return BitMap.union(BitMap(), *sets)
