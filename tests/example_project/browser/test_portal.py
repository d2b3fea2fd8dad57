"""The portal of the example project, as a person uses it in Chromium."""

from __future__ import annotations

import pytest
from example_project.browser.conftest import Visitor
from support.chromium import needs_chromium

from chabad_auth_django.models import Profile

pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.browser]


def test_from_the_sign_up_to_the_own_profile(visitor: Visitor) -> None:
    tab = visitor.tab
    visitor.sign_up("ann@example.org")
    visitor.open("profile")
    tab.fill("#profile-displayName", "Ann")
    tab.click("#profile-save")
    tab.wait_for_selector(".portrait strong:has-text('Ann')")
    assert Profile.objects.get().display_name == "Ann"
    # No script can read what signs the person in.
    session = next(one for one in tab.context.cookies() if one["name"] == "sessionid")
    assert session["httpOnly"]
    assert tab.evaluate("localStorage.length") == 0
