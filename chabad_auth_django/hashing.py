"""Keyed hashes: what is stored in place of a text that nobody is to read or to guess."""

from django.conf import settings
from django.utils.crypto import salted_hmac


def keyed_hashes(salt: str, text: str | bytes) -> list[str]:
    """Return the hash that ``SECRET_KEY`` makes, then those of ``SECRET_KEY_FALLBACKS``.

    Store the first one and look for all of them: then a new key loses nothing that is stored.
    """
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [salted_hmac(salt, text, secret=key, algorithm="sha256").hexdigest() for key in keys]
