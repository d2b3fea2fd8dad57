"""Explanations of the error codes, for the page that ``reference`` makes.

``ADVICE`` says what a client should do about each code.
"""

from __future__ import annotations

_SIGN_IN = "Sign in again."
_READ_AGAIN = "Read the resource again, apply the change to it, and send the request again."
_MEND = "Correct the request. The same request fails again."
_WAIT = "Send the request again after `Retry-After` seconds. A write keeps its `Idempotency-Key`."
_ASK = "Show the message to the person. The same request fails again."
_HOST = "Tell the operator of the API. The project is not configured for this request."

#: Code -> what to do.
ADVICE = {
    "already_exists": "Use the resource that exists, or choose another key.",
    "ambiguous_email": "Name the user by the id.",
    "auth_method_disabled": "Offer another way of signing in.",
    "blocked": "Tell the person that the account is blocked, and who can help.",
    "body_too_large": "Send less at once, or smaller values.",
    "credentials_disabled": "Offer another way of signing in.",
    "csrf_failed": "Send the `X-CSRFToken` of the session's cookie, or an access token.",
    "document_changed": _READ_AGAIN,
    "duplicate_email": "Let the person sign in with that address, or take another.",
    "email_not_verified": "Let the person confirm the address with the provider.",
    "error": "Send the request once more. If it fails again, report its time and path.",
    "events_archived": "Ask for whole days in UTC.",
    "external_id_taken": "Sign in to the other user, or unlink it there first.",
    "extra_required": _HOST,
    "idempotency_in_progress": "Send the same request again after `Retry-After` seconds.",
    "idempotency_key_reused": "Use a new key for another request.",
    "invalid": "Show `errors` beside the fields. The same request fails again.",
    "invalid_credentials": "Let the person enter the username and the password again.",
    "invalid_token": "Exchange the refresh token once. If that fails too, sign in again.",
    "issuer_unavailable": _WAIT,
    "last_administrator": "Make another user an administrator first.",
    "last_auth_method": "Add another authentication method first.",
    "last_identity": "Link another identity first, or delete the user.",
    "length_required": "Send a `Content-Length` header. Chunked bodies are not accepted.",
    "method_not_allowed": _MEND,
    "not_acceptable": "Accept `application/json`.",
    "not_authenticated": _SIGN_IN,
    "not_found": "Treat the resource as deleted.",
    "not_ready": "A load balancer sends no requests to this process yet.",
    "parse_error": _MEND,
    "permission_denied": _ASK,
    "precondition_failed": _READ_AGAIN + " `current` is what is stored.",
    "replica_set_required": _HOST,
    "second_factor_required": "Let the person sign in on the pages that ask for the second factor.",
    "throttled": "Wait `Retry-After` seconds, and send less often.",
    "too_large": "Store less data in one document.",
    "too_slow": "Ask for a shorter range.",
    "unavailable": _WAIT,
    "unknown_grant": _MEND,
    "unsupported_media_type": "Send `Content-Type: application/json`.",
    "user_not_found": "The user is deleted. Remove the user from lists; the caller signs out.",
    "version_conflict": _READ_AGAIN + " `current` is what is stored.",
}

#: Code -> when the API answers it. The codes of the domain have the docstrings of their exceptions.
MOMENTS = {
    "parse_error": "The body is not JSON, or the request cannot be read.",
    "not_authenticated": "The request has no token and no session.",
    "csrf_failed": "A write with a session cookie has no valid CSRF token.",
    "method_not_allowed": "The path does not have this method.",
    "not_acceptable": "The `Accept` header names no media type that the API has.",
    "length_required": "The request has no `Content-Length` header.",
    "precondition_failed": "`If-Match` or `If-None-Match` does not hold.",
    "body_too_large": "The body is longer than `BODY_MAX_BYTES`.",
    "too_large": "The document would be larger than MongoDB stores.",
    "unsupported_media_type": "The body has another content type than JSON.",
    "throttled": "The caller sent too many requests.",
    "error": "The server has a bug.",
    "not_ready": "MongoDB does not answer, or indexes are missing.",
}

#: Code of a field -> what is wrong.
FIELDS = {
    "blank": "It is empty.",
    "date": "A date was sent where a date and a time are needed.",
    "empty": "The list is empty.",
    "expired": "The event is older than events are kept.",
    "in_the_future": "The time is in the future.",
    "integer_too_large": "A whole number does not fit into 64 bits.",
    "invalid": "It has the wrong type or form. `detail` says what is expected.",
    "invalid_choice": "It is not one of the values that `detail` names.",
    "invalid_email": "It is not a valid e-mail address.",
    "invalid_id": "It is not 24 hexadecimal digits.",
    "invalid_time": "It is not a time in ISO 8601, or it is out of range.",
    "invalid_url": "It is not an http or https URL.",
    "length": "It is empty or too long.",
    "make_aware": "The time does not exist in its time zone.",
    "max_length": "It is too long.",
    "max_string_length": "The number has too many digits.",
    "max_value": "It is too large.",
    "min_length": "It is too short.",
    "min_value": "It is too small.",
    "more": "`detail` says how many more values are wrong.",
    "not_a_dict": "It is not an object.",
    "not_a_list": "It is not a list.",
    "not_a_string": "It is not a string.",
    "not_an_object": "It is not an object.",
    "not_finite": "A number is infinite or not a number (NaN).",
    "null": "It is null.",
    "null_characters_not_allowed": "The text has a NUL character.",
    "outer_space": "It begins or ends with a space.",
    "overflow": "The number or the time is out of range.",
    "required": "It is missing.",
    "surrogate_characters_not_allowed": "The text has a lone surrogate.",
    "too_deep": "It is nested deeper than `JSON_MAX_DEPTH`.",
    "too_large": "It takes more bytes than its setting allows.",
    "too_many_keys": "It has more keys than `JSON_MAX_KEYS`.",
    "unknown_field": "The field does not exist, or it is read-only.",
    "unsafe_key": "A key cannot be stored in MongoDB, such as one that begins with `$`.",
    "unsafe_string": "The text has a control character or a lone surrogate.",
}
