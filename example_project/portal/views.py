"""The pages. What a person sees of their own comes from the API, not from here."""

from __future__ import annotations

from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe


@require_safe
@never_cache
@ensure_csrf_cookie
def home(request: HttpRequest) -> HttpResponse:
    """Show the portal to whoever is signed in, and to everybody else what it is."""
    name = "portal" if request.user.is_authenticated else "welcome"
    return render(request, f"portal/{name}.html")


@require_POST
@login_required
def delete_account(request: HttpRequest) -> HttpResponse:
    """Delete the account that a person signed in with, when the API has erased their data."""
    account = request.user
    logout(request)
    account.delete()
    return HttpResponse(status=204)
