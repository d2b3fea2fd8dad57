from typing import Any

import pytest
from django.apps import apps

from chabad_auth_django import receivers, signals
from chabad_auth_django.models import User


def test_the_app_has_a_stable_label_and_a_name_for_people() -> None:
    config = apps.get_app_config("chabad_auth")
    assert config.name == "chabad_auth_django"
    assert config.verbose_name == "ChabadUniverse Auth"


def test_connecting_the_receivers_twice_changes_nothing(mongodb: str) -> None:
    before = [len(signal.receivers) for signal in (signals.pre_user_create, signals.user_created)]
    receivers.connect()
    after = [len(signal.receivers) for signal in (signals.pre_user_create, signals.user_created)]
    assert after == before
    assert User.create_user(email="ann@example.org").id


@pytest.fixture
def received() -> Any:
    """Collect the signals of the lifecycle with their arguments."""
    events: list[tuple[str, dict[str, Any]]] = []
    names = ("user_created", "user_deleted", "user_logged_in")

    def receiver(name: str) -> Any:
        def receive(sender: Any, signal: Any, **arguments: Any) -> None:
            assert sender is User
            events.append((name, arguments))

        return receive

    connected = {name: receiver(name) for name in names}
    for name, function in connected.items():
        getattr(signals, name).connect(function, sender=User)
    yield events
    for name, function in connected.items():
        getattr(signals, name).disconnect(function, sender=User)


def test_a_new_user_is_announced_once_and_stored_by_then(
    either_server: str, received: list[Any]
) -> None:
    seen = []

    def look(user: User, **arguments: Any) -> None:
        seen.append(User.find_by_email(user.email))

    signals.user_created.connect(look, sender=User)
    try:
        user = User.create_user(email="ann@example.org")
        user.add_role("admin")
        user.name = "Ann"
        user.save()
    finally:
        signals.user_created.disconnect(look, sender=User)
    assert received == [("user_created", {"user": user})]
    assert seen == [user]


def test_a_user_who_is_refused_is_not_announced(either_server: str, received: list[Any]) -> None:
    User.create_user(email="ann@example.org")
    received.clear()
    for email in ("ann@example.org", "no address"):
        with pytest.raises(Exception, match=r"exists already|is invalid"):
            User.create_user(email=email)
    assert received == []
