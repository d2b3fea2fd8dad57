"""No URLs: the project chooses those of each request."""

from typing import Any

urlpatterns: list[Any] = []
