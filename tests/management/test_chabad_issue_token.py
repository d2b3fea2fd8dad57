from django.test import override_settings
from rest_framework.test import APIClient
from support.management import interrupted, run

from chabad_auth_django.models import Activity, Session, User
from chabad_auth_django.services.signing_in import flows, sessions

COMMAND = "chabad_issue_token"


def email_of(token: str) -> str:
    """Return whom the API takes the bearer of the token for."""
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
    email: str = client.get("/api/auth/me/").json()["email"]
    return email


def test_it_prints_a_token_of_a_new_session_and_nothing_else(either_server: str) -> None:
    user = User.create_user(email="ann@example.org", auth_methods=["google"])
    result = run(COMMAND, " Ann@Example.org ")
    assert (result.code, result.err) == (0, "")
    (token,) = result.lines
    assert email_of(token) == "ann@example.org"
    (session,) = Session.objects(user_id=user.id)
    assert (session.auth_method, session.user_agent) == ("bearer-token", f"manage.py {COMMAND}")
    # It is no login of hers.
    assert User.find_by_id(user.id) == user and user.last_login is None
    assert not Activity.find_by_user_id(user.id)


def test_json_has_both_tokens(user: User) -> None:
    result = run(COMMAND, user.email, "--json").json
    assert result.keys() == {"accessToken", "refreshToken", "expiresIn", "userId"}
    assert (result["expiresIn"], result["userId"]) == (900, str(user.id))
    assert email_of(result["accessToken"]) == user.email
    assert flows.refresh(refresh_token=result["refreshToken"]).user == user


def test_an_unknown_address_ends_in_two_with_one_line(mongodb: str) -> None:
    result = run(COMMAND, "ann@example.org")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "CommandError: No user has the e-mail address, id or external id 'ann@example.org'.\n"
    )
    assert User.objects.count() == 0


def test_create_makes_the_user_once(mongodb: str) -> None:
    for _ in range(2):
        (token,) = run(COMMAND, "ann@example.org", "--create").lines
        assert email_of(token) == "ann@example.org"
    (user,) = User.objects
    assert user.auth_methods == ["bearer-token"]


def test_users_are_named_by_id_and_external_id_too(mongodb: str) -> None:
    user = User.create_user(email="ann@example.org", valu_user_id="v-ann")
    for name in (str(user.id), "v-ann"):
        (token,) = run(COMMAND, name).lines
        assert email_of(token) == "ann@example.org"


def test_after_an_interruption_the_same_command_goes_on(mongodb: str) -> None:
    with interrupted(sessions, "open_session"):
        assert run(COMMAND, "ann@example.org", "--create").code == 130
    (token,) = run(COMMAND, "ann@example.org", "--create").lines
    assert email_of(token) == "ann@example.org"
    assert (User.objects.count(), Session.objects.count()) == (1, 1)


def test_create_refuses_what_is_no_address(mongodb: str) -> None:
    result = run(COMMAND, "nonsense", "--create")
    assert (result.code, result.out) == (2, "")
    assert "email: Enter a valid e-mail address." in result.err
    assert len(result.err.splitlines()) == 1


def test_the_host_project_may_have_no_such_method(mongodb: str, user: User) -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "AUTH_METHODS": ["google"]}):
        result = run(COMMAND, user.email)
    assert (result.code, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
