"""Exporting everything about a user, and erasing it."""

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.api.openapi.schema import describe, errors, header
from chabad_auth_django.api.resources.users import ErasureSerializer, ExportSerializer
from chabad_auth_django.db.transactions import on_commit
from chabad_auth_django.services.identity import audit
from chabad_auth_django.services.lifecycle import portability, receipts


class ExportViewSet(APIViewSet):
    """Everything about a user as a file."""

    resource = "exports"
    cache_control = "private, no-store"
    acts = ("GET", "HEAD")
    audited = {"GET": "user.export", "HEAD": "user.export"}
    records_others = False

    @describe(
        operation_id="users_export",
        parameters=[
            header("Content-Disposition", "The name of the file.", required=True, response=[200])
        ],
        responses=ExportSerializer,
    )
    def retrieve(self, request: Request, user: str) -> HttpResponseBase:
        """Export everything about a user, as `chabad_export_user` does. Streams.

        A file that does not end with `counts` and `sha256` is not whole: ask again. Takes the
        permission `exports:read` of others than the owner.
        """
        headers = {
            "Content-Disposition": f'attachment; filename="user-{self.user_id}.json"',
            "Content-Type": "application/json",
        }
        if request.method == "HEAD":
            # Not an empty answer: a middleware would say that the file has a length of 0. And not
            # without any piece, at which hypercorn fails.
            return StreamingHttpResponse([b""], headers=headers)
        audit.record(action="user.export", user_id=self.user_id)
        return StreamingHttpResponse(portability.stream_user(user_id=self.user_id), headers=headers)


class ErasureViewSet(APIViewSet):
    """The erasure of a user, with a receipt."""

    resource = "erasures"
    user_may_be_gone = True
    audited = {"POST": "user.erase"}

    @describe(operation_id="users_erasure", responses=ErasureSerializer)
    def retrieve(self, request: Request, user: str) -> Response:
        """Show the receipt of an erasure: what was deleted, and what is left.

        Takes the permission `erasures:read`: the owner does not exist any more. It stays until
        `chabad_erase_user` has printed it.
        """
        return Response(receipts.read(user_id=self.user_id).to_dict())

    @describe(
        operation_id="users_erase", request=None, responses={202: ErasureSerializer, **errors(409)}
    )
    def create(self, request: Request, user: str) -> Response:
        """Erase a user and everything about it, with a receipt. Nobody sees it from then on.

        What is left is deleted in the background, and once more after a grace period. Repeating
        the request shows the receipt so far. Takes the permission `erasures:write` of others than
        the owner.
        """
        begun = receipts.begin(user_id=self.user_id, seconds=receipts.REQUEST_PURGE_SECONDS)
        response = Response(begun.to_dict(), 202)

        def finish() -> None:
            response.data = receipts.read(user_id=self.user_id).to_dict()

        on_commit(finish)
        return response
