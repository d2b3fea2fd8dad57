"""The cookies of the front ends: reading all of one name, setting ours and deleting theirs."""

from http.cookies import Morsel
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chabad_auth_django.contrib.universe.conf import conf

#: Cookies that are looked at: each may cost a command.
MAX_COOKIES = 8


class _Cookie(Morsel[str]):
    """A cookie that may be partitioned, which ``http.cookies`` cannot say before Python 3.14."""

    def OutputString(self, attrs: Any = None) -> str:
        """Return the value of the header ``Set-Cookie``."""
        output = super().OutputString(attrs)
        return f"{output}; Partitioned" if self["samesite"] == "None" else output


def read(request: HttpRequest) -> list[str]:
    """Return the values of the cookies, each once, in the order of ``UNIVERSE_COOKIES``.

    A browser sends one for each domain and path, under one name. Django keeps the last of them.
    """
    given = [
        (name.strip(), value.strip().strip('"'))
        for name, _, value in (
            item.partition("=") for item in request.META.get("HTTP_COOKIE", "").split(";")
        )
    ]
    values = [value for known in conf.UNIVERSE_COOKIES for name, value in given if name == known]
    return list(dict.fromkeys(filter(None, values)))


def put(request: HttpRequest, response: HttpResponseBase, secret: str, seconds: int) -> None:
    """Let the response set our cookie."""
    _add(request, response, conf.UNIVERSE_COOKIES[0], secret, seconds)


def delete(request: HttpRequest, response: HttpResponseBase) -> None:
    """Let the response delete every cookie that may hold a token, on each domain."""
    for name in conf.UNIVERSE_COOKIES:
        for domain in ("", *conf.UNIVERSE_COOKIE_DOMAINS):
            _add(request, response, name, "", 0, domain)
            if conf.UNIVERSE_EMBEDDED:
                # What scripts have set is not in the partition.
                _add(request, response, name, "", 0, domain, embedded=False)


def _add(
    request: HttpRequest,
    response: HttpResponseBase,
    name: str,
    value: str,
    seconds: int,
    domain: str = "",
    *,
    embedded: bool | None = None,
) -> None:
    embedded = conf.UNIVERSE_EMBEDDED if embedded is None else embedded
    cookie: Any = _Cookie()
    cookie.set(name, value, value)
    cookie.update(
        {
            "path": "/",
            "domain": domain,
            "max-age": str(seconds),
            "expires": "" if seconds else "Thu, 01 Jan 1970 00:00:00 GMT",
            "httponly": True,
            "samesite": "None" if embedded else "Lax",
            "secure": embedded or request.is_secure(),
        }
    )
    # Under a key of its own: a name may come with several domains.
    response.cookies[f"{name} {domain} {embedded}"] = cookie
