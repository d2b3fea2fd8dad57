"""What a client does about each code of an error, for the page that ``reference`` makes."""

from __future__ import annotations

_SIGN_IN = "Sign in again."
_READ_AGAIN = "Read it again, apply the change to what is stored now, and send it again."
_MEND = "Mend the request; sent again as it is, it fails again."
_WAIT = "Send it again after `Retry-After` seconds; a write with its `Idempotency-Key`."
_ASK = "Say so to the person; sending it again does not help."
_HOST = "Tell who runs the API: its project is not set up for this."

#: Code -> what to do.
ADVICE = {
    "already_exists": "Use what exists, or choose another key.",
    "ambiguous_email": "Name the user by the id.",
    "auth_method_disabled": "Offer another way of signing in.",
    "blocked": "Say that the account is blocked, and whom to ask.",
    "body_too_large": "Send less at once, or smaller values.",
    "credentials_disabled": "Offer another way of signing in; `GET auth/methods/` lists them.",
    "csrf_failed": "Send the `X-CSRFToken` of the session's cookie, or an access token.",
    "document_changed": _READ_AGAIN,
    "duplicate_email": "Let the person sign in with that address, or take another.",
    "email_not_verified": "Let the person confirm the address with the provider.",
    "error": "A bug of the server. Send it again once; then report the request's time and path.",
    "events_archived": "Ask for whole days in UTC.",
    "external_id_taken": "Sign in to the other user, or unlink it there first.",
    "extra_required": _HOST,
    "idempotency_in_progress": "Send the same request again after `Retry-After` seconds.",
    "idempotency_key_reused": "Use a new key for another request.",
    "invalid": "Show `errors` beside the fields; sent again as it is, it fails again.",
    "invalid_credentials": "Let the person type them again.",
    "invalid_token": "Exchange the refresh token once; where that fails too, sign in again.",
    "issuer_unavailable": _WAIT,
    "last_administrator": "Make another user an administrator first.",
    "last_auth_method": "Add another authentication method first.",
    "last_identity": "Link another identity first, or delete the user.",
    "length_required": "Send a `Content-Length`: no chunked bodies.",
    "method_not_allowed": _MEND,
    "not_acceptable": "Accept `application/json`.",
    "not_authenticated": _SIGN_IN,
    "not_found": "It is gone, or never was: leave it out.",
    "not_ready": "For load balancers: send no requests to this process yet.",
    "parse_error": _MEND,
    "permission_denied": _ASK,
    "precondition_failed": _READ_AGAIN + " `current` is what is stored.",
    "replica_set_required": _HOST,
    "second_factor_required": "Let the person sign in on the pages that ask for the second factor.",
    "throttled": "Wait `Retry-After` seconds, and send less often.",
    "too_large": "Store less in one document.",
    "too_slow": "Ask for a shorter range.",
    "unavailable": _WAIT,
    "unknown_grant": _MEND,
    "unsupported_media_type": "Send `Content-Type: application/json`.",
    "user_not_found": "The user is deleted: sign out, and leave the user out of lists.",
    "version_conflict": _READ_AGAIN + " `current` is what is stored.",
}

#: Code -> when it comes, of the errors that are none of the domain.
MOMENTS = {
    "parse_error": "The body is no JSON, or the request cannot be read.",
    "not_authenticated": "The request has no token and no session.",
    "csrf_failed": "A write with a session has no CSRF token of this site.",
    "method_not_allowed": "The path does not have this method.",
    "not_acceptable": "The client accepts no type that the API answers.",
    "length_required": "The body does not say where it ends.",
    "precondition_failed": "`If-Match` or `If-None-Match` does not hold.",
    "body_too_large": "The body is longer than `BODY_MAX_BYTES`.",
    "too_large": "The document would be larger than MongoDB stores.",
    "unsupported_media_type": "The body has another content type than JSON.",
    "throttled": "The caller sent too many requests.",
    "error": "The server has a bug.",
    "not_ready": "The database, or its indexes, are not ready.",
}

#: Code of a field -> what is wrong.
FIELDS = {
    "blank": "It is empty.",
    "date": "A time is needed, and a date was sent.",
    "empty": "The list is empty.",
    "expired": "The event is older than events are kept.",
    "in_the_future": "The time is in the future.",
    "integer_too_large": "A whole number does not fit into 64 bits.",
    "invalid": "It has another type or form; `detail` says which it takes.",
    "invalid_choice": "It is none of the values that `detail` names.",
    "invalid_email": "It is no e-mail address that can be stored.",
    "invalid_id": "It is not 24 hexadecimal digits.",
    "invalid_time": "It is no time in ISO 8601, or out of range.",
    "invalid_url": "It is no http or https URL.",
    "length": "It is empty or too long.",
    "make_aware": "The time does not exist in its time zone.",
    "max_length": "It is too long.",
    "max_string_length": "The number has too many digits.",
    "max_value": "It is too large.",
    "min_length": "It is too short.",
    "min_value": "It is too small.",
    "more": "So many more are wrong.",
    "not_a_dict": "It is no object.",
    "not_a_list": "It is no list.",
    "not_a_string": "It is no string.",
    "not_an_object": "It is no object.",
    "not_finite": "A number is infinite or none.",
    "null": "It is null.",
    "null_characters_not_allowed": "The text has a NUL.",
    "outer_space": "It begins or ends with a space.",
    "overflow": "The number or the time is out of range.",
    "required": "It is missing.",
    "surrogate_characters_not_allowed": "The text has half a character.",
    "too_deep": "It is nested deeper than `JSON_MAX_DEPTH`.",
    "too_large": "It takes more bytes than its setting allows.",
    "too_many_keys": "It has more keys than `JSON_MAX_KEYS`.",
    "unknown_field": "There is no such field, or nobody may write it.",
    "unsafe_key": "A key is one that MongoDB cannot keep.",
    "unsafe_string": "The text has a control character or half a character.",
}
