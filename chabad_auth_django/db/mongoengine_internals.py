"""What mongoengine keeps private and this package needs; only this module uses those names.

The names are those of mongoengine 0.29, which the package's dependency is bound to.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import mongoengine
from bson import SON, ObjectId
from bson.binary import UuidRepresentation
from mongoengine.base import ComplexBaseField
from pymongo.collection import Collection
from pymongo.database import Database

from chabad_auth_django.db.differences import differences
from chabad_auth_django.db.expressions import VERSION_KEY

#: Names that the constructor of a document takes for something else than a field.
_TAKEN = {"self", "pk", "_cls", "_created", "__auto_convert"}

#: Types of what is stored -> the fields that hold it as it is.
_KEPT = {str: mongoengine.StringField, ObjectId: mongoengine.ObjectIdField}


def connection_settings(alias: str) -> Mapping[str, Any]:
    """Return what the connection is registered with; empty if it is not."""
    # One look: another thread may call disconnect_all() between two.
    settings: Mapping[str, Any] = mongoengine.connection._connection_settings.get(alias, {})
    return settings


def fields_of(kind: Any) -> Mapping[str, Any]:
    """Return the fields of a document class by their names in Python."""
    return kind._fields


def names_by_stored(kind: Any) -> Mapping[str, str]:
    """Return stored name -> name in Python of a document class's fields."""
    return kind._reverse_db_field_map


def changes_of(document: Any) -> list[str]:
    """Return the stored paths of what has changed in a document since it was loaded."""
    return document._get_changed_fields()


def mark_changed(document: Any, name: str) -> None:
    """Let ``changes_of`` return the field, although its value is what it was."""
    document._mark_as_changed(name)


def values_of(document: Any) -> dict[str, Any]:
    """Return the values of a document by their names in Python."""
    values: dict[str, Any] = document._data
    return values


def check_value(field: Any, value: Any) -> None:
    """Raise mongoengine's ``ValidationError`` unless the field may hold the value."""
    field._validate(value)


class KeepsReferences(ComplexBaseField):
    """A field that shows what other programs stored as it is, and follows no reference in it."""

    _auto_dereference = False


class ChoiceStringField(mongoengine.StringField):
    """A ``StringField`` that looks at a value's type before it looks for it among the choices."""

    def _validate_choices(self, value: Any) -> None:
        # mongoengine hashes the value before it looks at its type.
        self.validate(value)
        super()._validate_choices(value)


class OpenQuerySet(mongoengine.QuerySet):
    """A QuerySet that shows its Document class and its query."""

    #: The stored fields that are read even where ``only`` or ``exclude`` leaves them out.
    always_read: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # save() looks at the count to see whether another program has changed an array since.
        self._loaded_fields.always_include.update((VERSION_KEY, *self.always_read))

    @property
    def model(self) -> Any:
        """The Document class."""
        return self._document

    @property
    def criteria(self) -> dict[str, Any]:
        """The query as MongoDB gets it."""
        query: dict[str, Any] = self._query
        return query

    @property
    def finds_nothing(self) -> bool:
        """Whether it is ``none()`` or an empty slice; mongoengine updates and deletes all then."""
        return bool(self._none or self._empty)

    @property
    def is_sliced(self) -> bool:
        """Whether it has a ``limit`` or ``skip``, which mongoengine's updates pass over."""
        return bool(self._limit or self._skip)


class OpenDocument(mongoengine.Document):
    """A Document that shows its fields, its changes and how it is stored."""

    #: The BSON document that was loaded last.
    stored: Mapping[str, Any] | None = None

    #: What has been read of the stored document; ``None`` where nothing has been.
    queried: Mapping[str, Any] | None = None

    _data: dict[str, Any]

    meta: dict[str, Any] = {"abstract": True}

    @classmethod
    def database(cls) -> Database[dict[str, Any]]:
        """Return the database; asked before each use, because the connection may be another."""
        raise NotImplementedError

    @classmethod
    def db_alias(cls) -> str:
        """Return the alias of the connection, to which ``using`` may have switched the class."""
        alias: str = cls._meta["db_alias"]
        return alias

    @classmethod
    def _get_db(cls) -> Database[dict[str, Any]]:
        # mongoengine makes a client for each thread that comes first; we make one.
        database = cls.database()
        if any(map(_holds_uuids, cls.fields().values())):
            return database
        # PyMongo refuses a document whose UUID has not 16 bytes; as Binary it has any number.
        options = database.codec_options
        options = options.with_options(uuid_representation=UuidRepresentation.UNSPECIFIED)
        return database.with_options(options)

    @classmethod
    def _get_collection(cls) -> Collection[dict[str, Any]]:
        # The class keeps its collection, which a test run or a closed client makes stale.
        cls.database()
        return super()._get_collection()

    @classmethod
    def default_collection(cls) -> Collection[dict[str, Any]]:
        """Return the collection with the read preference of the connection."""
        return cls._get_collection()

    @classmethod
    def collection_name(cls) -> str:
        """Return the name of the collection."""
        name: str = cls._get_collection_name()
        return name

    @classmethod
    def is_abstract(cls) -> bool:
        """Tell whether no document of this very class is stored."""
        return bool(cls._meta.get("abstract"))

    @classmethod
    def index_specs(cls) -> list[dict[str, Any]]:
        """Return what is declared of each index: its fields, and PyMongo's options."""
        specs: list[dict[str, Any]] = cls._meta["index_specs"]
        return specs

    @classmethod
    def fields(cls) -> Mapping[str, Any]:
        """Return the fields by their names in Python."""
        return fields_of(cls)

    @classmethod
    def stored_name(cls, name: str) -> str:
        """Return the stored name of a field; what is no field's name stays as it is."""
        return cls._db_field_map.get(name, name)

    @classmethod
    def field_name(cls, stored: str) -> str:
        """Return the name in Python of a stored field; that of no field stays as it is."""
        return names_by_stored(cls).get(stored, stored)

    @classmethod
    def fields_at(cls, path: Sequence[str]) -> list[Any]:
        """Return the fields on the way to a nested one."""
        found: list[Any] = cls._lookup_field(path)
        return found

    @property
    def is_new(self) -> bool:
        """Whether the document was never stored."""
        return bool(self._created)

    @property
    def field_values(self) -> dict[str, Any]:
        """The values by their names in Python, and what other programs stored."""
        return values_of(self)

    @property
    def changes(self) -> list[str]:
        """The stored names of the fields that ``save`` would update."""
        return changes_of(self)

    def set_state(self, *, is_new: bool, changes: Iterable[str] = ()) -> None:
        """Set whether the document was never stored, and which fields ``save`` would update."""
        self._created = is_new
        self._changed_fields = list(changes)

    def remember(self) -> Callable[[], None]:
        """Return a function that gives the document its present values and state again."""
        values, stored, queried = self._data.copy(), self.stored, self.queried
        is_new, changed = self.is_new, list(getattr(self, "_changed_fields", ()))

        def restore() -> None:
            self._data, self.stored, self.queried = values.copy(), stored, queried
            self.set_state(is_new=is_new, changes=changed)

        return restore

    def _identity(self) -> dict[str, Any]:
        """Return the criteria that find this document."""
        return {"_id": self.pk}

    @property
    def _object_key(self) -> dict[str, Any]:
        # mongoengine refuses an id of another type, which another program may have stored.
        return {"__raw__": self._identity()}

    def _get_changed_fields(self) -> list[str]:
        if self.queried is not None and not self.is_new:
            _mark_changes(self, self.queried)
        changes: list[str] = super()._get_changed_fields()
        return changes

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Self:
        """Return the Document of what PyMongo has read, without ``get_<field>_display`` methods.

        This takes a third of the time that mongoengine takes, which sets each field twice. What is
        no object where one is wanted counts as absent.
        """
        document: Self = cls.__new__(cls)
        known = names_by_stored(cls).keys() | {"_cls"}
        data = {name: value for name, value in stored.items() if name not in known}
        # What the constructor would set.
        document._initialised = False
        document._data, document._dynamic_fields = data, SON()
        document.set_state(is_new=False)
        for field in cls.fields().values():
            value = stored.get(field.db_field)
            if field.null and value is None:
                is_absent = field.default is not None and field.db_field not in stored
                data[field.name] = field.default() if is_absent else None
                continue
            if _is_kept(field, value):
                data[field.name] = value
                continue
            if isinstance(field, mongoengine.EmbeddedDocumentField):
                kind = field.document_type
                value = _readable(kind, value) if isinstance(value, dict) else None
            field.__set__(document, None if value is None else field.to_python(value))
        document._initialised = True
        document.stored = document.queried = stored
        return document

    @classmethod
    def decode(cls, stored: Mapping[str, Any]) -> Self:
        """Return the Document as mongoengine reads it."""
        return cls._from_son(stored)

    @classmethod
    def _from_son(cls, son: Mapping[str, Any], *args: Any, **kwargs: Any) -> Self:
        document: Self = super()._from_son(_readable(cls, son), *args, **kwargs)
        document.queried = son
        return document


def _mark_changes(document: Any, read: Mapping[str, Any]) -> None:
    """Mark what differs in lists and free-form objects from what was read.

    mongoengine does not notice ``clear()`` of a list, ``|=``, and changes of what a loop yields.
    """
    for field in fields_of(document).values():
        before, value = read.get(field.db_field), values_of(document).get(field.name)
        if isinstance(value, mongoengine.EmbeddedDocument):
            _mark_changes(value, before if isinstance(before, dict) else {})
        elif isinstance(field, KeepsReferences):
            # mongoengine sets the default in place of null.
            default = field.default and field.default()
            before = default if before is None else field.to_python(before)
            for path in differences(field.db_field, before, value):
                mark_changed(document, path)


def _readable(kind: Any, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what mongoengine can be given of a stored object.

    Another program may have stored a field under the name that one of ours has in Python, or that
    an argument of the constructor has, and something else where an object is wanted.
    """
    fields, names = fields_of(kind), names_by_stored(kind)
    found = {}
    for name, value in stored.items():
        field = fields[names[name]] if name in names else None
        if isinstance(field, mongoengine.EmbeddedDocumentField) and value is not None:
            if not isinstance(value, dict):
                continue
            value = _readable(field.document_type, value)
        if field is not None or (name not in _TAKEN and name not in fields):
            found[name] = value
    return found


def _holds_uuids(field: Any, within: tuple[Any, ...] = ()) -> bool:
    """Tell whether values of a field, or of what is in it, are UUIDs of Python."""
    while isinstance(field, ComplexBaseField) and field.field is not None:
        field = field.field
    if isinstance(field, mongoengine.EmbeddedDocumentField) and field.document_type not in within:
        within = (*within, field.document_type)
        return any(_holds_uuids(item, within) for item in fields_of(field.document_type).values())
    return isinstance(field, mongoengine.UUIDField)


def _is_kept(field: Any, value: Any) -> bool:
    """Tell whether mongoengine would set the field to just this: most are text, or absent."""
    if value is None:
        return field.default is None
    if type(value) is list:
        return isinstance(field, mongoengine.ListField) and all(
            _is_kept(field.field, item) for item in value
        )
    return isinstance(field, _KEPT.get(type(value), ()))
