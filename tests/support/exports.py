"""Moving a user out of a database and into it again."""

from io import BytesIO
from typing import Any, BinaryIO

from bson import ObjectId
from pymongo.database import Database

from chabad_auth_django.services.lifecycle import portability


def exported(user_id: ObjectId) -> BytesIO:
    """Return the export of the user."""
    file = BytesIO()
    portability.export_user(user_id=user_id, file=file, advance=lambda count: None)
    return file


def imported(file: BinaryIO, **options: Any) -> portability.Imported:
    """Import the user of the file."""
    content = portability.check(file=file)
    return portability.import_user(
        file=file, content=content, advance=lambda count: None, **options
    )


def export_and_import(raw: Database[Any], user_id: ObjectId) -> None:
    """Export the user, delete every document, and import the file."""
    file = exported(user_id)
    for name in raw.list_collection_names():
        raw[name].delete_many({})
    imported(file)
