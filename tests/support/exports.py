"""Moving a user out of a database and into it again."""

from io import BytesIO
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from chabad_auth_django.services.lifecycle import portability


def export_and_import(raw: Database[Any], user_id: ObjectId) -> None:
    """Export the user, delete every document, and import the file."""
    file = BytesIO()
    portability.export_user(user_id=user_id, file=file, advance=lambda count: None)
    for name in raw.list_collection_names():
        raw[name].delete_many({})
    found = portability.check(file=file)
    portability.import_user(file=file, content=found, advance=lambda count: None)
