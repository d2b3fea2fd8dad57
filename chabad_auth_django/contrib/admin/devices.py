"""What a User-Agent says of a device, as people call it."""

import re

from django.utils.translation import gettext, gettext_noop

#: Each pattern and what it stands for. The first that is found counts: browsers name others, too.
_BROWSERS = (
    (r"Edg(e|A|iOS)?/", "Edge"),
    (r"OPR/|Opera", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chrome/|CriOS/", "Chrome"),
    (r"Safari/", "Safari"),
    (r"okhttp|Dalvik|CFNetwork", gettext_noop("an app")),
    (r"python|curl|node|Go-http|java/", gettext_noop("a program")),
)
_SYSTEMS = (
    (r"iPhone", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"CrOS", "ChromeOS"),
    (r"Mac OS X|Macintosh|Darwin", "Mac"),
    (r"Linux|X11", "Linux"),
)


#: Characters of a User-Agent that are looked through.
MOST = 1_000


def describe(user_agent: object) -> str:
    """Return such as "Chrome on Windows"; what is unknown is said to be."""
    if not isinstance(user_agent, str):
        return gettext("unknown")
    begin = user_agent[:MOST]
    browser, system = _find(_BROWSERS, begin), _find(_SYSTEMS, begin)
    if browser and system:
        return gettext("%(browser)s on %(system)s") % {
            "browser": gettext(browser),
            "system": system,
        }
    return gettext(browser or system or "unknown")


def _find(patterns: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for pattern, name in patterns if re.search(pattern, text, re.I)), None)
