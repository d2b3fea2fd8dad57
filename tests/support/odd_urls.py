"""The API beside a view of the host project, which has the name of one of ours."""

from typing import Any

from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView
from support.urls import urlpatterns as ours


class Theirs(APIView):
    """A view of theirs."""

    def get(self, request: Any) -> Response:
        return Response("<p>Theirs.")


urlpatterns = [*ours, path("users/", Theirs.as_view(), name="users")]
