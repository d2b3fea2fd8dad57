"""The settings of the figures for Prometheus."""

from chabad_auth_django.conf.table import Rule, Setting, Table

#: Characters that a token must have.
MIN_LENGTH = 16


class PrometheusConf(Table):
    """The settings of the figures for Prometheus."""

    app_label = "chabad_auth_prometheus"

    METRICS_TOKEN = Setting[str | None](
        None,
        Rule(
            lambda value: value is None or (isinstance(value, str) and len(value) >= MIN_LENGTH),
            f"a string of at least {MIN_LENGTH} characters, or None",
        ),
        check=1,
        secret=True,
        help="The bearer token with which Prometheus asks, at least 16 characters. None: whoever "
        "reaches the page reads it (`check --deploy` warns of it, `chabad_auth_prometheus.W002`).",
    )


conf: PrometheusConf = PrometheusConf()
