import pytest
from support.management import interrupted, run

from chabad_auth_django.exceptions import InvalidToken
from chabad_auth_django.models import Session, User
from chabad_auth_django.services.signing_in import sessions

COMMAND = "chabad_revoke_sessions"


@pytest.fixture
def token(user: User) -> str:
    return [sessions.open_session(user_id=user.id, auth_method="google")[1] for _ in range(2)][0]


def test_all_sessions_end(user: User, token: str) -> None:
    bob = User.create_user(email="bob@example.org")
    sessions.open_session(user_id=bob.id, auth_method="google")
    result = run(COMMAND, user.email, "--json")
    assert (result.code, result.json) == (
        0,
        {
            "users": [{"id": str(user.id), "email": user.email, "sessions": 2}],
            "sessions": 2,
            "dryRun": False,
        },
    )
    with pytest.raises(InvalidToken):
        sessions.rotate_session(refresh_token=token)
    assert Session.objects.count() == 1
    assert run(COMMAND, user.email).lines[-1] == "0 sessions ended."


def test_a_dry_run_counts(user: User, token: str) -> None:
    assert run(COMMAND, user.email, "--dry-run").lines[-1] == "2 sessions would end."
    assert Session.objects.count() == 2


def test_after_an_interruption_the_same_command_goes_on(user: User, token: str) -> None:
    with interrupted(sessions, "revoke_all_sessions"):
        assert run(COMMAND, user.email).code == 130
    assert run(COMMAND, "-", stdin=user.email).code == 0
    assert Session.objects.count() == 0


def test_no_such_user(mongodb: str) -> None:
    assert run(COMMAND, "nobody").code == 2
