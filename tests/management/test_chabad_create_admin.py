from django.conf import settings
from django.test import override_settings
from support.management import interrupted, run

from chabad_auth_django.models import User

COMMAND = "chabad_create_admin"


def test_the_user_may_do_everything(mongodb: str) -> None:
    result = run(COMMAND, "--no-input", "--email", "root@example.org", "--json")
    assert (result.code, result.json["roles"]) == (0, ["user", "admin"])
    assert User.objects.get().has_permission("whatever:it-is")
    assert run(COMMAND, "--no-input", "--email", "root@example.org").code == 2


def test_it_asks_on_a_terminal(mongodb: str) -> None:
    assert run(COMMAND, answers="root@example.org\n\n").code == 0
    assert (User.objects.get().email, User.objects.get().name) == ("root@example.org", None)


def test_a_dry_run_and_an_interrupted_run_store_nothing(mongodb: str) -> None:
    assert run(COMMAND, "--email", "root@example.org", "--dry-run").code == 0
    with interrupted(User, "_insert"):
        assert run(COMMAND, "--email", "root@example.org").code == 130
    assert User.objects.count() == 0


def test_without_a_role_that_grants_everything_it_is_refused(mongodb: str) -> None:
    with override_settings(CHABAD_AUTH=settings.CHABAD_AUTH | {"ROLE_PERMISSIONS": {"user": []}}):
        result = run(COMMAND, "--email", "root@example.org")
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert "ROLE_PERMISSIONS" in result.err
