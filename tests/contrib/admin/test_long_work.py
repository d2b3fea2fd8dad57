"""What takes longer than a request may is no outage on the pages for staff."""

from contrib.admin.conftest import Run

BEGIN = """
import time
from unittest import mock
from django.conf import settings
from django.test import override_settings
from chabad_auth_django.contrib.admin import purge
from chabad_auth_django.models import Block
from chabad_auth_django.services.identity import blocking

made, browser = make(), superuser()
short = override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "REQUEST_TIMEOUT": 2.0})
"""


def test_of_many_people_those_for_whom_no_time_is_left_are_named(run: Run) -> None:
    told = run(
        BEGIN
        + """
block = blocking.block_user
def slow(**kwargs):
    time.sleep(1.1)
    return block(**kwargs)
ids = [str(made[name].id) for name in ("ann", "mod", "script", "attribute", "formula")]
sent = {"action": "block", "id": ids, "reason": "abuse", "number": "5"}
with short, mock.patch.object(blocking, "block_user", slow):
    page = text(browser.post(f"{PEOPLE}bulk/", sent))
blocked = Block.collection().count_documents({"reason": "abuse", "text": None})
tell([0 < blocked < 5, f"{blocked} of 5 done" in page, page.count("there was no time left")])
tell([blocked, "does not answer" in page])
"""
    )
    blocked, is_outage = told[1]
    assert told[0] == [True, True, 5 - blocked]
    assert is_outage is False


def test_the_purge_may_take_its_time(run: Run) -> None:
    told = run(
        BEGIN
        + """
def slow(*, seconds):
    time.sleep(2.5)
    return purge.Progress(Block.collection().count_documents({}), 0, 0)
with short, mock.patch.object(purge, "run", slow):
    tell(browser.post(f"{BASE}deletions/purge/").status_code)
"""
    )
    assert told == [302]
