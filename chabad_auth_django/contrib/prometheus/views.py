"""The page that Prometheus reads."""

import os

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from chabad_auth_django.contrib.prometheus.conf import conf
from chabad_auth_django.contrib.prometheus.state import StateCollector


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the figures of all processes of the server, and the state of the installation."""
    if not _may_read(request):
        error = {"code": "not_authenticated", "detail": "This page takes the METRICS_TOKEN."}
        return JsonResponse(error, status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        # What the host project counts, too.
        registry.register(REGISTRY)
    registry.register(StateCollector())
    return HttpResponse(
        generate_latest(registry),
        content_type=CONTENT_TYPE_LATEST,
        headers={"Cache-Control": "no-store"},
    )


def _may_read(request: HttpRequest) -> bool:
    token = conf.METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    return token is None or constant_time_compare(given, f"Bearer {token}")
