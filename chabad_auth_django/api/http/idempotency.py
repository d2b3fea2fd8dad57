"""``Idempotency-Key``: a write that is sent twice is done once, and answered the same way twice."""

import functools
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from bson import ObjectId
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.rendering import to_json
from chabad_auth_django.exceptions import Text, ValidationError
from chabad_auth_django.hashing import keyed_hashes
from chabad_auth_django.services.data.idempotency import Answer, run_once
from chabad_auth_django.validators import to_object_id

HEADER = "HTTP_IDEMPOTENCY_KEY"

MAX_LENGTH = 255

_SALT = "chabad_auth.idempotency"

Handler = Callable[..., Response]


def once(handler: Handler) -> Handler:
    """Make a handler of a signed-in user's writes heed the ``Idempotency-Key`` of the request.

    An answer that it returns is kept for a day, together with the effects; an error that it raises
    is not, and undoes them. On a replica set the handler runs in a transaction, maybe several
    times: what must happen once, and what needs the result of the commit, belongs in
    ``on_commit``, which may still change the response.
    """

    @functools.wraps(handler)
    def wrapper(request: Request, **kwargs: Any) -> Response:
        caller: Any = request.user
        result = run_once(
            user_id=caller.id,
            key=_key(request),
            fingerprints=_fingerprints(request),
            run=partial(handler, request, **kwargs),
            answer_of=partial(_answer_of, caller.id, kwargs.get("user")),
        )
        return _replay(result) if isinstance(result, Answer) else result

    return wrapper


def _key(request: Request) -> str:
    key: str = request.META[HEADER]
    if not (1 <= len(key) <= MAX_LENGTH and key.isascii() and key.isprintable()):
        text = Text("Expected 1 to {maximum} printable ASCII characters.", maximum=MAX_LENGTH)
        raise ValidationError(errors={"Idempotency-Key": text})
    return key


def _fingerprints(request: Any) -> list[str]:
    """Return digests of what is asked for: the method, the path with its query, and the body."""
    # Parses the body, and so keeps its bytes.
    request.data  # noqa: B018
    line = f"{request.method} {request.get_full_path()}\n"
    # Keyed: a body may have a password, which a plain digest lets others guess.
    return keyed_hashes(_SALT, line.encode() + request.raw_body)


def _answer_of(caller_id: ObjectId, user: str | None, response: Response) -> Answer:
    headers = {name: value for name, value in response.items() if name != "Content-Type"}
    body = b"" if response.data is None else to_json(response.data)
    subject_id = _subject_of(response, user)
    if subject_id == caller_id:
        subject_id = None
    return Answer(response.status_code, headers, body, subject_id)


def _subject_of(response: Response, user: str | None) -> ObjectId | None:
    # With 202 and 204 a user was deleted, or nothing is shown: they are worth keeping.
    if user == "me" or response.status_code not in (200, 201):
        return None
    if user is not None:
        return to_object_id(user)
    # A path without a user has created one.
    created = response.data.get("id") if isinstance(response.data, dict) else None
    return created if isinstance(created, ObjectId) else None


def _replay(answer: Answer) -> Response:
    data = orjson.loads(answer.body) if answer.body else None
    headers = {**answer.headers, "Idempotent-Replayed": "true"}
    return Response(data, answer.status, headers=headers)
