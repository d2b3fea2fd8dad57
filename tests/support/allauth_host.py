"""A host project in a process of its own, which runs the code that a test sends it.

``python -m support.allauth_host`` answers each line, a JSON string of Python, with what the code
told, or with the traceback. Before each the project has no accounts and no mail.
"""

import json
import os
import re
import subprocess
import sys
import time
import traceback
from typing import Any

import django
from django.conf import settings
from support.processes import python_path


class Host:
    """The other end of the process."""

    def __init__(
        self, uri: str, *, host_id: str = "tests", settings: str = "support.allauth_settings"
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-P", "-m", "support.allauth_host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": settings,
                "HOST_ID": host_id,
                "MONGODB_URI": uri,
                "PYTHONPATH": python_path(),
            },
            text=True,
        )

    def run(self, code: str) -> list[Any]:
        """Run the code; return what it told."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps(code), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        told: list[Any] = answer["told"]
        return told

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class App:
    """A mobile app: allauth's headless API, and ours with the tokens that it got there."""

    def __init__(self) -> None:
        self.session: str | None = None
        self.tokens: dict[str, Any] = {}

    def allauth(self, method: str, path: str, **body: Any) -> Any:
        """Call allauth; keep the tokens that it gives."""
        headers = {"X-Session-Token": self.session} if self.session else {}
        answer = _client().generic(
            method,
            f"/_allauth/app/v1/{path}",
            json.dumps(body),
            content_type="application/json",
            headers=headers,
        )
        data = answer.json()
        meta = data.get("meta") or {}
        self.session = meta.get("session_token", self.session)
        if "access_token" in meta:
            self.tokens = meta
        answer.code = next((error["code"] for error in data.get("errors", [])), None)
        flows = data["data"].get("flows", []) if isinstance(data.get("data"), dict) else []
        answer.pending = [flow["id"] for flow in flows if flow.get("is_pending")]
        return answer

    def log_in(self, email: str, password: str = "correct horse") -> Any:
        """Log in with a password."""
        return self.allauth("POST", "auth/login", email=email, password=password)

    def sign_up(self, email: str, password: str = "correct horse") -> Any:
        """Sign up, and give the code from the e-mail."""
        self.allauth("POST", "auth/signup", email=email, password=password)
        return self.allauth("POST", "auth/email/verify", key=mailed_code())

    def activate_totp(self) -> str:
        """Turn the second factor on; return its secret."""
        self.allauth("POST", "auth/reauthenticate", password="correct horse")
        path = "account/authenticators/totp"
        secret: str = self.allauth("GET", path).json()["meta"]["secret"]
        assert self.allauth("POST", path, code=totp_code(secret)).status_code == 200
        return secret

    def me(self) -> Any:
        """Ask our API who calls."""
        token = self.tokens.get("access_token", "none")
        return _client().get("/api/users/me/", headers={"Authorization": f"Bearer {token}"})


def _client() -> Any:
    from django.test import Client

    return Client()


def mailed_code() -> str:
    """Return the code of the last e-mail."""
    from django.core import mail

    found = re.search(r"^([A-Z0-9]{4}-?[A-Z0-9]{4})$", mail.outbox[-1].body, re.MULTILINE)
    assert found, mail.outbox[-1].body
    return found[1]


def api_login(username: str, password: str = "correct horse") -> list[Any]:
    """Sign in at our API; return the status and the code of the error."""
    body = json.dumps({"username": username, "password": password})
    answer = _client().post("/api/auth/login/", body, content_type="application/json")
    return [answer.status_code, answer.json().get("code")]


def account(email: str = "ann@example.org") -> Any:
    """Return the account with the address."""
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get(email=email)


def stored() -> list[int]:
    """Count the users, sessions, activities and Analytics events."""
    from chabad_auth_django.models import Activity, Analytics, Session, User

    return [kind.collection().count_documents({}) for kind in (User, Session, Activity, Analytics)]


def totp_code(secret: str) -> str:
    """Return what an authenticator app with the secret shows now."""
    from allauth.mfa.totp.internal import auth

    return auth.format_hotp_value(auth.hotp_value(secret, int(time.time()) // 30))


def _serve() -> None:
    django.setup()
    from django.contrib.auth import get_user_model
    from django.contrib.sessions.models import Session
    from django.core import mail
    from django.core.cache import cache
    from django.core.management import call_command
    from django.test import Client
    from django.test.utils import override_settings, setup_test_environment

    from chabad_auth_django.models import User
    from chabad_auth_django.services.identity import blocking

    setup_test_environment()
    project = {
        "Account": get_user_model(),
        "Client": Client,
        "User": User,
        "blocking": blocking,
        "mail": mail,
        "override_settings": override_settings,
        "settings": settings,
    }
    call_command("migrate", verbosity=0)
    for line in sys.stdin:
        told: list[Any] = []
        get_user_model().objects.all().delete()
        Session.objects.all().delete()
        cache.clear()
        mail.outbox.clear()
        names = {**globals(), **project, "tell": told.append}
        try:
            exec(json.loads(line), names)
            answer: dict[str, Any] = {"told": told}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer, default=str), flush=True)


if __name__ == "__main__":
    _serve()
