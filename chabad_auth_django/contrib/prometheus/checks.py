"""The system check of the figures for Prometheus."""

from typing import Any

from django.core.checks import CheckMessage, Warning

from chabad_auth_django.contrib.prometheus.conf import conf


def check_token(**kwargs: Any) -> list[CheckMessage]:
    """Return a warning where everybody may read the figures; for deployment."""
    if conf.METRICS_TOKEN is not None:
        return []
    return [
        Warning(
            "The figures for Prometheus can be read by whoever reaches their page.",
            hint="Set CHABAD_AUTH['METRICS_TOKEN'], or keep the page from the outside in the proxy "
            "and silence this warning.",
            id="chabad_auth_prometheus.W002",
        )
    ]
