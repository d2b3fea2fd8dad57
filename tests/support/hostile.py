"""Values that break naive code, as JSON."""

import json

VALUE = "/api/users/me/app-data/cteen/settings/"
PROFILE = "/api/users/me/profile/"
PREFERENCES = "/api/users/me/preferences/"
ACTIVITIES = "/api/users/me/activities/"
ANALYTICS = "/api/users/me/analytics/"
METADATA = "/api/users/me/profile/metadata/"

DEEP = "[" * 200 + "]" * 200
OPERATOR = '{"$gt": ""}'
SURROGATE = r'"\ud800"'

#: Path, field, JSON of a value that the field must refuse.
REFUSED = [
    ("PATCH", PROFILE, "displayName", OPERATOR),
    ("PATCH", PROFILE, "displayName", "7"),
    ("PATCH", PROFILE, "displayName", "true"),
    ("PATCH", PROFILE, "displayName", '["a"]'),
    ("PATCH", PROFILE, "displayName", json.dumps("a" * 101)),
    ("PATCH", PROFILE, "displayName", r'"a\u0000b"'),
    ("PATCH", PROFILE, "bio", json.dumps("a" * 501)),
    ("PATCH", PROFILE, "bio", OPERATOR),
    ("PATCH", PROFILE, "avatar", '"https://a.org/"'),
    ("PATCH", PROFILE, "avatar", '{"url": "javascript:alert(1)"}'),
    ("PATCH", PROFILE, "avatar", '{"url": "https://a.org/", "thumbnailUrl": "ftp://a.org/"}'),
    ("PATCH", PROFILE, "avatar", '{"url": {"$gt": ""}}'),
    ("PATCH", PROFILE, "avatar", '{"url": "https://a.org/", "size": 1}'),
    ("PATCH", PROFILE, "metadata", "[]"),
    ("PATCH", PROFILE, "metadata", '{"$set": 1}'),
    ("PATCH", PROFILE, "metadata", '{"a.b": 1}'),
    ("PATCH", PROFILE, "metadata", '{"": 1}'),
    ("PATCH", PROFILE, "metadata", r'{"a\u0000": 1}'),
    ("PATCH", PROFILE, "metadata", '{"_cls": "User"}'),
    ("PATCH", PROFILE, "metadata", '{"a": {"_ref": 1}}'),
    ("PATCH", PROFILE, "metadata", '{"n": 9223372036854775808}'),
    ("PATCH", PROFILE, "metadata", '{"n": -9223372036854775809}'),
    ("PATCH", PROFILE, "metadata", '{"n": 123456789012345678901234567890}'),
    ("PATCH", PROFILE, "metadata", f'{{"a": {DEEP}}}'),
    ("PATCH", PROFILE, "metadata", json.dumps({"a": "x" * 17_000})),
    ("PATCH", PROFILE, "metadata", json.dumps({f"k{number}": 1 for number in range(1001)})),
    ("PATCH", PREFERENCES, "theme", '"purple"'),
    ("PATCH", PREFERENCES, "theme", OPERATOR),
    ("PATCH", PREFERENCES, "theme", "null"),
    ("PATCH", PREFERENCES, "language", '"no language"'),
    ("PATCH", PREFERENCES, "notifications", '{"push": "yes"}'),
    ("PATCH", PREFERENCES, "notifications", '{"push": 1}'),
    ("PATCH", PREFERENCES, "notifications", '{"sms": true}'),
    ("PATCH", PREFERENCES, "notifications", "[]"),
    ("PATCH", PREFERENCES, "widgets", '{"enabled": "a"}'),
    ("PATCH", PREFERENCES, "widgets", '{"enabled": [1]}'),
    ("PATCH", PREFERENCES, "widgets", '{"enabled": [""]}'),
    ("PATCH", PREFERENCES, "widgets", '{"customizations": {"a.b": {}}}'),
    ("PATCH", PREFERENCES, "dashboard", json.dumps({"favoriteApps": ["a"] * 1001})),
    ("PATCH", "/api/users/me/", "name", OPERATOR),
    ("PATCH", "/api/users/me/", "name", json.dumps("a" * 201)),
    ("PUT", VALUE, "dataValue", '{"$where": "1"}'),
    ("PUT", VALUE, "dataValue", '[{"a": {"b.c": 1}}]'),
    ("PUT", VALUE, "dataValue", DEEP),
    ("PUT", VALUE, "dataValue", "18446744073709551616"),
    ("PUT", VALUE, "dataValue", json.dumps("x" * 270_000)),
    ("PUT", VALUE, "dataValue", '{"_cls": "Profile"}'),
    ("PUT", METADATA + "k/", "value", '{"$inc": 1}'),
    ("PUT", METADATA + "k/", "value", DEEP),
    ("PUT", PROFILE + "avatar/", "url", '"data:text/html,x"'),
]

#: What free-form JSON may hold.
ACCEPTED = [
    "null", "true", "0", "-0.0", "1.5", '""', "[]", "{}", '"\\u0000"', '"ש✓😀"', "[[[[]]]]",
    "9223372036854775807", "-9223372036854775808", "1e308", '{"a": {"b": [null, {"c": ""}]}}',
    '{"constructor": 1, "__proto__": {"x": 1}}', json.dumps("x" * 200_000),
]  # fmt: skip

#: All of them, and more; each may be good for one field and is bad for most.
VALUES = list(
    dict.fromkeys(
        [
            *ACCEPTED,
            *(value for *_, value in REFUSED),
            SURROGATE,
            "NaN",
            "-Infinity",
            "1e999",
            "-1",
            "false",
            '"true"',
            '" "',
            '"\\u0007"',
            '"a\\u200bb@example.org"',
            '"0000-01-01T00:00:00Z"',
            '"9999-12-31T23:59:59-14:00"',
            '"2024-02-30"',
            '{"$date": 1}',
            '{"$oid": "000000000000000000000000"}',
            '{"a": 1, "a": 2}',
            "[null]",
            '["a", "a"]',
            "[[], {}]",
            '{"__proto__": null, "constructor": []}',
        ]
    )
)
