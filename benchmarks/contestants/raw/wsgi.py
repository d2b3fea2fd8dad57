"""The same requests, answered by a bare WSGI function."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import jwt
import orjson
from bson import ObjectId

from benchmarks.contestants.cursors import next_link
from benchmarks.contestants.raw import shapes, store

KEY = os.environ["BENCHMARK_SIGNING_KEY"]
MAX_BODY = 1024 * 1024
MAX_BATCH = 1000

Answer = tuple[int, Any]
Row = dict[str, Any]
Environ = dict[str, Any]

STATUS = {
    200: "200 OK",
    201: "201 Created",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    404: "404 Not Found",
    409: "409 Conflict",
}


class Unauthorized(Exception):
    """There is no token, or it is not good."""


def authenticate(environ: Environ) -> Row:
    """Return the user whom the token names."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized
    try:
        claims = jwt.decode(
            token, KEY, algorithms=["HS256"], audience="chabad-auth", issuer="chabad-auth"
        )
    except jwt.PyJWTError:
        raise Unauthorized from None
    user = store.users.find_one({"_id": ObjectId(claims["sub"])})
    if user is None:
        raise Unauthorized
    return user


def read_body(environ: Environ) -> Any:
    """Return the JSON of the request's body."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > MAX_BODY:
        raise store.Invalid("Too long.")
    try:
        return orjson.loads(environ["wsgi.input"].read(length))
    except orjson.JSONDecodeError:
        raise store.Invalid("Expected JSON.") from None


def list_activities(environ: Environ, user: Row) -> Answer:
    """List activities, with a link to the next page."""
    query = parse_qs(environ["QUERY_STRING"])
    limit = min(int(query.get("limit", ["100"])[0]), 1000)
    rows = store.list_activities(user["_id"], limit + 1)
    link = None
    if len(rows) > limit:
        del rows[limit:]
        url = f"{environ['HTTP_X_FORWARDED_PROTO']}://{environ['HTTP_HOST']}{environ['PATH_INFO']}"
        link = next_link(url, limit, rows[-1]["timestamp"], rows[-1]["_id"])
    results = [shapes.activity(row) for row in rows]
    return 200, {"results": results, "next": link, "previous": None}


def create_activities(environ: Environ, user: Row) -> Answer:
    """Store one activity, or a batch of them."""
    sent = read_body(environ)
    if not isinstance(sent, list):
        document = store.activity(user["_id"], sent)
        store.insert_activities(user["_id"], [document])
        return 201, shapes.activity(document)
    if len(sent) > MAX_BATCH:
        raise store.Invalid("Too many.")
    documents, rejected = [], []
    for index, item in enumerate(sent):
        try:
            documents.append(store.activity(user["_id"], item))
        except store.Invalid as error:
            rejected.append({"index": index, "code": "invalid", "detail": str(error)})
    if documents:
        store.insert_activities(user["_id"], documents)
    return 200, {
        "accepted": len(documents),
        "duplicates": 0,
        "rejected": rejected,
        "rejectedCount": len(rejected),
    }


def show_profile(environ: Environ, user: Row) -> Answer:
    """Show the profile."""
    row = store.profiles.find_one({"userId": user["_id"]})
    return (404, None) if row is None else (200, shapes.profile(row))


def show_app_data(environ: Environ, user: Row, app: str, key: str) -> Answer:
    """Show a value."""
    row = store.app_data.find_one({"userId": user["_id"], "appId": app, "dataKey": key})
    return (404, None) if row is None else (200, shapes.app_data(row))


def set_app_data(environ: Environ, user: Row, app: str, key: str) -> Answer:
    """Store a value, in place of a version if one is given."""
    sent = read_body(environ)
    if not isinstance(sent, dict) or "dataValue" not in sent:
        raise store.Invalid("Expected a value.")
    value, version = sent["dataValue"], sent.get("version")
    if version is None:
        row = store.upsert_app_data(user["_id"], app, key, value)
    elif isinstance(version, int):
        row = store.update_app_data(user["_id"], app, key, value, version)
    else:
        raise store.Invalid("Expected a whole number.")
    return 200, shapes.app_data(row)


def count_events(environ: Environ, user: Row) -> Answer:
    """Count analytics events of the user by name."""
    query = parse_qs(environ["QUERY_STRING"])
    try:
        start, end = (datetime.fromisoformat(query[name][0]) for name in ("start", "end"))
    except (KeyError, ValueError):
        raise store.Invalid("Expected two times.") from None
    return 200, store.count_events(start, end, user["_id"])


ROUTES: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = [
    ("GET", re.compile(r"/api/users/me/activities/"), list_activities),
    ("POST", re.compile(r"/api/users/me/activities/"), create_activities),
    ("GET", re.compile(r"/api/users/me/profile/"), show_profile),
    ("GET", re.compile(r"/api/users/me/app-data/([^/]+)/([^/]+)/"), show_app_data),
    ("PUT", re.compile(r"/api/users/me/app-data/([^/]+)/([^/]+)/"), set_app_data),
    ("GET", re.compile(r"/api/users/me/analytics/event-counts/"), count_events),
]


def answer(environ: Environ) -> Answer:
    """Return the status and the JSON that answer a request."""
    for method, pattern, view in ROUTES:
        match = pattern.fullmatch(environ["PATH_INFO"])
        if match and method == environ["REQUEST_METHOD"]:
            try:
                return view(environ, authenticate(environ), *match.groups())
            except (Unauthorized, store.Gone):
                return 401, {"code": "not_authenticated"}
            except store.Invalid as error:
                return 400, {"code": "invalid", "detail": str(error)}
            except store.Conflict:
                return 409, {"code": "version_conflict"}
    return 404, {"code": "not_found"}


def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a request."""
    status, value = answer(environ)
    body = orjson.dumps(value)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(STATUS[status], headers)
    return [body]


# As in the example project.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
