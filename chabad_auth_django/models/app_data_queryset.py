"""The QuerySet of AppData: what it deletes keeps its version."""

from typing import Any

from bson import ObjectId
from pymongo import DeleteMany
from pymongo.read_preferences import ReadPreference

from chabad_auth_django.models.app_data_criteria import KEY
from chabad_auth_django.models.owned import OwnedQuerySet

#: Keys that a deletion removes with one command.
DELETE_BATCH = 500


class AppDataQuerySet(OwnedQuerySet):
    """A QuerySet whose ``delete()`` remembers the versions."""

    always_read = (*KEY, "version")

    @property
    def fixed(self) -> frozenset[str]:
        """The fields that cannot be changed here; the value changes with the version only."""
        return super().fixed | {"dataValue"}

    def delete(self, write_concern: Any = None, **kwargs: Any) -> int:
        """Delete the documents that match now, in batches; return how many."""
        self._refuse(bool(write_concern), "write_concern")
        count = 0
        ids = list(self.clone().read_preference(ReadPreference.PRIMARY).scalar("id"))
        for start in range(0, len(ids), DELETE_BATCH):
            query = {"$and": [self.clone().criteria, {"_id": {"$in": ids[start:][:DELETE_BATCH]}}]}
            # Once more for each that changes between the look at it and its deletion.
            while rows := self._rows(query):
                count += self.model.delete_rows(rows)
        if not self.is_sliced and not all(isinstance(id, ObjectId) for id in ids):
            # An id that is no UTF-8 is another one when it has been decoded, and names nothing.
            query = {"$and": [self.clone().criteria, {"_id": {"$not": {"$type": "objectId"}}}]}
            if rows := self._rows(query):
                count += self.model.delete_rows(rows, [DeleteMany(query)])
        return count

    def _rows(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self.model.collection().find(query, [*KEY, "version"]))

    def modify(self, upsert: bool = False, remove: bool = False, **kwargs: Any) -> Any:
        """Update one document atomically; removing is refused: only ``delete`` keeps versions."""
        self._refuse(remove, "remove")
        return super().modify(upsert=upsert, **kwargs)
