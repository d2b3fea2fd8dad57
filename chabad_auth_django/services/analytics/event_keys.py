"""The keys by which events are counted, as BSON: other programs may store any type there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument

from chabad_auth_django.db.damaged import StoredDocument
from chabad_auth_django.models.counting import start_of_day

#: Reads every date that BSON can hold, and leaves what is nested as it is stored.
CODEC: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=StoredDocument,
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)
#: A broken text must not stop an erasure.
LENIENT = CODEC.with_options(unicode_decode_error_handler="replace")


def event_key(event: Mapping[str, Any], keys: Sequence[str]) -> bytes:
    """Return the day of an event and its values of the keys."""
    return row_key(start_of_day(event["timestamp"]), event, keys)


def row_key(day: datetime, source: Mapping[str, Any], keys: Sequence[str]) -> bytes:
    """Return a day and the values of the keys that are there."""
    return bson.encode({"day": day} | {name: source[name] for name in keys if name in source})
