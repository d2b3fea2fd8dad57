"""What a host project says whose administrators verify the addresses of their own domain."""

from typing import Any

from chabad_auth_django.services.identity.hosts import HostAdapter


class Adapter(HostAdapter):
    """Addresses at example.org are verified, and no others."""

    def is_email_verified(self, *, account: Any, email: str) -> bool:
        return email.endswith("@example.org")
