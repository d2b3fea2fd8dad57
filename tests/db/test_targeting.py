"""The listener of the whole test suite hears of a command about no owner, and of nothing else."""

import pytest
from support import targeting

from chabad_auth_django.models import Activity, User
from chabad_auth_django.services.lifecycle import traces


def test_it_hears_of_commands_that_name_no_owner(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    Activity.create_activity(user_id=user.id, event_type="x")
    activity = Activity.find_by_user_id(user.id).first()
    activity.event_type = "y"
    activity.save()
    # A host's own query may be about everybody.
    assert Activity.objects.count() == 1
    assert targeting.LISTENER.offences == []
    monkeypatch.setattr(targeting, "ALLOWED", {})
    traces.count_documents()
    heard = set(targeting.LISTENER.offences)
    targeting.LISTENER.offences.clear()
    assert any("activities: services/lifecycle/traces:count_documents" in text for text in heard)
