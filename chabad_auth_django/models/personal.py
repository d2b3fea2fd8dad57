"""Documents that hold a user's data, which an export takes along."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from bson import ObjectId

from chabad_auth_django.models.base import Document


class PersonalDocument(Document):
    """A Document of which each stored document is one user's."""

    meta = {"abstract": True}

    #: Whether an export of the user has it. False for secrets of this installation, and for what
    #: is made from other documents.
    exported: ClassVar[bool] = True

    #: Whether an import stores it before the other documents.
    imported_first: ClassVar[bool] = False

    _check_import: ClassVar[Callable[..., object] | None] = None
    _note_import: ClassVar[Callable[..., object] | None] = None

    @classmethod
    def owned_by(cls, user_ids: Sequence[ObjectId]) -> dict[str, Any]:
        """Return the criteria that find all documents of the users."""
        return {"userId": {"$in": list(user_ids)}}

    @classmethod
    def owner_of(cls, row: Mapping[str, Any]) -> Any:
        """Return the id of the user to whom a stored document belongs."""
        return row.get("userId")

    @classmethod
    def import_with(cls, *, check: Callable[..., object], note: Callable[..., object]) -> None:
        """Let functions of a service take part in imports: ``check_import`` and ``note_import``."""
        cls._check_import, cls._note_import = check, note

    @classmethod
    def check_import(cls, *, user_id: ObjectId, rows: Iterable[Mapping[str, Any]]) -> None:
        """Raise what the service raises to refuse these new documents; nothing is stored yet."""
        if cls._check_import is not None:
            cls._check_import(user_id=user_id, rows=rows)

    @classmethod
    def note_import(cls, *, rows: Sequence[Mapping[str, Any]], dry_run: bool) -> None:
        """Let the service change what depends on these new documents, in their transaction."""
        if cls._note_import is not None and rows:
            cls._note_import(user_id=cls.owner_of(rows[0]), rows=rows, dry_run=dry_run)
