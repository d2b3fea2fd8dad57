"""REST framework's request, as the views of the API have it."""

from typing import Any

from rest_framework.request import Request as RestFrameworkRequest

from chabad_auth_django.api.http.parsing import measure_body


class Request(RestFrameworkRequest):
    """A request whose ``user`` is our ``User``, or ``None``."""

    #: The bytes that ``data`` was read from.
    raw_body = b""

    def _authenticate(self) -> None:
        try:
            super()._authenticate()  # type: ignore[misc]  # Missing in its types.
        except Exception:
            # DRF does this for its own errors only. The page of the error asks for the user again.
            self._not_authenticated()
            raise

    def _load_stream(self) -> None:
        # Whoever reads the body first: a throttle, a permission or the view.
        measure_body(self)
        super()._load_stream()  # type: ignore[misc]  # Missing in its types.

    def _not_authenticated(self) -> None:
        # DRF would make contrib.auth's AnonymousUser, which needs contrib.auth installed.
        self._authenticator = self.auth = self.user = None

    @property
    def user(self) -> Any:
        """Return our ``User``, or ``None``."""
        return super().user

    @user.setter
    def user(self, value: Any) -> None:
        # DRF sets it on Django's request, too. The host's middleware expects its own account there.
        self._user = value
