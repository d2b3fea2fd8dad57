"""The settings of the app: one dict, ``CHABAD_AUTH``; ``conf`` reads each or its default."""

from chabad_auth_django.conf.core import Conf, conf
from chabad_auth_django.conf.issuers import ISSUER_DEFAULTS, configured_issuers

__all__ = ["ISSUER_DEFAULTS", "Conf", "conf", "configured_issuers"]
