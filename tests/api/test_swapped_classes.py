"""What a host project swaps by a setting: classes, and whether there are pages."""

from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView
from support.requests import check_error
from support.signed_in import access_token
from support.swapped import Once

from chabad_auth_django.api.http.authentication import BearerAuthentication, SessionAuthentication
from chabad_auth_django.api.resources.profile import ProfileViewSet
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import blocking

ME = "/api/users/me/"


def swapped(**values: Any) -> Any:
    return override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, **values})


def test_another_class_says_who_calls(owner: User, api: APIClient) -> None:
    other = APIClient(headers={"X-Key": owner.email})
    assert other.get(ME).status_code == 401
    with swapped(AUTHENTICATION_CLASSES=["support.swapped.KeyAuthentication"]):
        assert other.get(ME).json()["id"] == str(owner.id)
        assert other.get(ME + "profile/").status_code == 200
        assert other.patch(ME, {"name": "New"}, format="json").status_code == 200
        # A class that is left out says nothing any more.
        refused = api.get(ME)
        check_error(refused, 401, "not_authenticated")
        assert refused["WWW-Authenticate"] == "Key"
        assert (
            APIClient().post("/api/auth/login/", {"token": "x"}, format="json").status_code == 401
        )
    assert api.get(ME).status_code == 200


def test_a_caller_who_is_no_user_of_ours_is_an_error_of_the_project(mongodb: str) -> None:
    with (
        swapped(AUTHENTICATION_CLASSES=["support.swapped.Stranger"]),
        pytest.raises(ImproperlyConfigured, match="returns no User"),
    ):
        APIClient().get(ME)


def test_another_class_says_who_may(owner: User, admin: User, api: APIClient) -> None:
    with swapped(PERMISSION_CLASSES=["support.swapped.ReadOnly"]):
        assert api.get(ME + "profile/").status_code == 200
        check_error(api.patch(ME, {"name": "New"}, format="json"), 403, "permission_denied")
        check_error(api.get(f"/api/users/{admin.id}/"), 403, "permission_denied")


def test_another_class_says_how_often(api: APIClient) -> None:
    Once.seen = 0
    with swapped(THROTTLE_CLASSES=["support.swapped.Once"]):
        assert api.get(ME).status_code == 200
        check_error(api.get(ME), 429, "throttled")
        link = api.post(ME + "identities/", {"token": "x"}, format="json")
        check_error(link, 429, "throttled")
        # What tries to sign in to one account is counted besides.
        login = APIClient().post("/api/auth/login/", {"token": "x"}, format="json")
        check_error(login, 429, "throttled")
        assert APIClient().get("/api/health/live/").status_code == 200
    with swapped(THROTTLE_CLASSES=[]):
        assert api.get(ME).status_code == 200


def test_a_subclass_goes_before_the_setting() -> None:
    class Mine(ProfileViewSet):
        throttle_classes = [*ProfileViewSet.throttle_classes, Once]

    with swapped(THROTTLE_CLASSES=[]):
        assert [item.__name__ for item in Mine().throttle_classes] == ["ScopedThrottle", "Once"]
        assert ProfileViewSet().throttle_classes == []


def test_without_pages_there_is_json_alone(api: APIClient) -> None:
    browser = {"HTTP_ACCEPT": "text/html"}
    pages = {"INSTALLED_APPS": [*settings.INSTALLED_APPS, "rest_framework"], "TEMPLATES": [{}]}
    assert api.get("/api/schema/").status_code == 200
    with override_settings(**pages, CHABAD_AUTH={**settings.CHABAD_AUTH, "BROWSABLE_API": False}):
        check_error(api.get(ME, **browser), 406, "not_acceptable")
        assert api.get(ME)["Content-Type"] == "application/json"
    with swapped(API_DOCS=False):
        for path in ("/api/schema/", "/api/docs/"):
            check_error(api.get(path, **browser), 404, "not_found")


@pytest.mark.parametrize("name", ["AUTHENTICATION", "PERMISSION", "THROTTLE"])
def test_a_class_that_cannot_be_used_is_an_error(name: str) -> None:
    for path in ("support.nothing.Here", "support.swapped.None", "datetime.datetime", "x"):
        with swapped(**{f"{name}_CLASSES": [path]}):
            assert "chabad_auth.E085" in [message.id for message in run_checks()]
    with swapped(**{f"{name}_CLASSES": "support.swapped.Once"}):
        assert [message.id for message in run_checks()][0].startswith("chabad_auth.E08")


def test_a_deployment_is_warned_where_nothing_keeps_users_apart() -> None:
    def warned() -> bool:
        found = run_checks(include_deployment_checks=True)
        return "chabad_auth.W086" in [message.id for message in found]

    assert not warned()
    with swapped(PERMISSION_CLASSES=["support.swapped.ReadOnly"]):
        assert not warned()
    for classes in ([], ["rest_framework.permissions.AllowAny"]):
        with swapped(PERMISSION_CLASSES=classes):
            assert warned()


class Orders(APIView):
    """A view of a host project."""

    authentication_classes = [BearerAuthentication, SessionAuthentication]
    permission_classes = [IsAuthenticated]

    def get(self, request: Any) -> Response:
        return Response(str(request.user.id))


@override_settings(REST_FRAMEWORK={"UNAUTHENTICATED_USER": None})
def test_a_view_of_the_project_asks_for_our_users(owner: User, mongodb: str) -> None:
    def get(token: str) -> Any:
        request = APIRequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
        return Orders.as_view()(request)

    token = access_token(owner.id)
    assert get(token).data == str(owner.id)
    refused = get("nonsense")
    assert (refused.status_code, refused.data["detail"].code) == (401, "invalid_token")
    assert refused["WWW-Authenticate"] == 'Bearer realm="api"'
    blocking.block_user(user_id=owner.id, reason="abuse")
    refused = get(token)
    assert (refused.status_code, refused.data["detail"].code) == (403, "blocked")
