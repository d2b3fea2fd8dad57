"""What every template of the portal knows."""

from __future__ import annotations

from django.http import HttpRequest

THEMES = {"light", "dark"}


def appearance(request: HttpRequest) -> dict[str, str]:
    """Return the theme that the portal's script has left in a cookie, so that no page flashes."""
    theme = request.COOKIES.get("portal_theme")
    return {"portal_theme": theme if theme in THEMES else "auto"}
