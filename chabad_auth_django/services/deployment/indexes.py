"""Deploying, comparing and mending the indexes (specification: "Index Strategy")."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import OperationFailure, WriteConcernError

from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.db.errors import DUPLICATE_KEY, UNAUTHORIZED
from chabad_auth_django.exceptions import IndexBuildFailed
from chabad_auth_django.models import OwnedCollection
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.owned import OwnedDocument

#: The options that change what an index does.
OPTIONS = (
    "unique",
    "sparse",
    "expireAfterSeconds",
    "partialFilterExpression",
    "collation",
    "hidden",
)

#: The server has an index with these keys or this name, and other options.
CONFLICTS = (85, 86)

#: There is no index with this name.
INDEX_NOT_FOUND = 27

#: There is a view in place of the collection.
VIEW = 166

#: Seconds that counting what a TTL index would remove may take.
COUNT_TIMEOUT = 5 * 60

#: Seconds; building an index on a large collection takes longer than a request may.
BUILD_TIMEOUT = 24 * 60 * 60


@dataclass(frozen=True)
class Index:
    """An index of a collection: its keys in order, and the options that differ from the default."""

    collection: str
    keys: tuple[tuple[str, Any], ...]
    options: dict[str, Any] = field(default_factory=dict)
    name: str = ""

    @property
    def is_ttl(self) -> bool:
        """Tell whether the server removes documents by this index."""
        return "expireAfterSeconds" in self.options

    def __str__(self) -> str:
        keys = ", ".join(f"{name}: {direction}" for name, direction in self.keys)
        options = "".join(f" {name}={value}" for name, value in self.options.items())
        return f"{self.collection} {{{keys}}}{options}"


@dataclass(frozen=True)
class Differing:
    """An index that exists with other options than the declared ones."""

    declared: Index
    found: Index

    @property
    def only_in_ttl(self) -> bool:
        """Tell whether it is a TTL index and differs in when, or whether, documents are removed."""
        return self.declared.is_ttl and set(self.found.options) <= {"expireAfterSeconds"}


@dataclass(frozen=True)
class Comparison:
    """How the indexes in the database differ from the declared ones."""

    missing: list[Index]
    extra: list[Index]
    differing: list[Differing]

    @property
    def is_clean(self) -> bool:
        """Tell whether the database has exactly the declared indexes."""
        return not (self.missing or self.extra or self.differing)


def declared_indexes() -> list[Index]:
    """Return the specification's indexes and our own, with the configured retention as TTL."""
    indexes = []
    for model in Document.registered():
        for spec in model.index_specs():
            options = _options(spec)
            if model.retention_setting and "expireAfterSeconds" in options:
                options["expireAfterSeconds"] = getattr(conf, model.retention_setting) * 86_400
            keys = tuple(spec["fields"])
            name = "_".join(f"{key}_{direction}" for key, direction in keys)
            indexes.append(Index(model.collection().name, keys, options, name))
    return indexes


def compare(found: Iterable[Index] | None = None) -> Comparison:
    """Compare keys and options of the indexes found, or given, with those of the declared ones."""
    comparison = Comparison([], [], [])
    if found is None:
        models = Document.registered()
        found = (index for model in models for index in _found_indexes(model.collection()))
    found = list(found)
    for declared in declared_indexes():
        same_keys = [
            index
            for index in found
            if (index.collection, index.keys) == (declared.collection, declared.keys)
        ]
        match = next((index for index in same_keys if index.options == declared.options), None)
        if match is None and same_keys:
            match = same_keys[0]
            comparison.differing.append(Differing(declared, match))
        if match is None:
            comparison.missing.append(declared)
        else:
            found.remove(match)
    comparison.extra.extend(found)
    return comparison


def record_owned_collections() -> None:
    """Record which collections belong to users, for projects that lack an app with a Document."""
    OwnedCollection.record(OwnedDocument.registered())


def create(
    comparison: Comparison | None = None, on_created: Callable[[Index], object] | None = None
) -> list[Index]:
    """Create the missing indexes, call the hook after each; return those that were created.

    An index that another program creates at the same time is left as it is, whatever its options.
    Raises ``IndexBuildFailed`` in the end, for the first that cannot be created.
    """
    created, failures = [], []
    for index in (comparison or compare()).missing:
        try:
            if not _create(index):
                continue
        except IndexBuildFailed as error:
            failures.append(error)
            continue
        created.append(index)
        if on_created:
            on_created(index)
    if failures:
        raise failures[0]
    return created


def count_overdue(index: Index) -> int:
    """Return how many documents the server would remove when this TTL index is made."""
    if model_of(index).retention_setting is None or not index.is_ttl:
        return 0
    ((field, _),) = index.keys
    oldest = now() - timedelta(seconds=index.options["expireAfterSeconds"])
    return _collection(index).count_documents({field: {"$lt": oldest}})


def find_overdue(comparison: Comparison, *, fix: bool) -> dict[str, int]:
    """Return collection -> how many documents the server removes after ``create``, or ``fix``."""
    wanted = [*comparison.missing, *(pair.declared for pair in comparison.differing if fix)]
    with connection.long_limit(COUNT_TIMEOUT):
        counts = {index.collection: count_overdue(index) for index in wanted if index.is_ttl}
    return {collection: count for collection, count in counts.items() if count}


def fix(comparison: Comparison | None = None) -> list[str]:
    """Mend each differing index; return a sentence for each about what was done.

    A TTL is changed in place with ``collMod``; any other index is dropped and created. Raises
    ``IndexBuildFailed``, with the old index restored.
    """
    return [_fix(pair) for pair in (comparison or compare()).differing]


def drop_extra(comparison: Comparison | None = None) -> list[Index]:
    """Drop the indexes that are not declared; return them."""
    extra = (comparison or compare()).extra
    for index in extra:
        _drop(index)
    return extra


def _fix(differing: Differing) -> str:
    declared, found = differing.declared, differing.found
    if differing.only_in_ttl:
        try:
            set_ttl(declared)
        except OperationFailure:
            # Creating the index tells why it cannot be one, on a capped collection for instance.
            if found.is_ttl:
                raise
        else:
            before = found.options.get("expireAfterSeconds", "none")
            return f"{declared}: TTL changed in place (was {before})"
    _drop(found)
    try:
        _create(declared)
    except IndexBuildFailed:
        _create(found)
        raise
    return f"{declared}: dropped and created (was {found})"


def set_ttl(index: Index) -> None:
    """Give the index that has these keys the TTL of this one, in place."""
    collection = _collection(index)
    seconds = index.options["expireAfterSeconds"]
    change = {"keyPattern": dict(index.keys), "expireAfterSeconds": seconds}
    answer = collection.database.command("collMod", collection.name, index=change)
    # PyMongo leaves to the caller of a command whether a majority has confirmed it.
    if error := answer.get("writeConcernError"):
        raise WriteConcernError(error["errmsg"], error["code"], error)


def _drop(index: Index) -> None:
    try:
        _collection(index).drop_index(index.name)
    except OperationFailure as error:
        # Another run may have dropped it.
        if error.code != INDEX_NOT_FOUND:
            raise


def _create(index: Index) -> bool:
    """Create the index; tell whether there was none with its keys. Raises ``IndexBuildFailed``."""
    collection = _collection(index)
    try:
        with connection.long_limit(BUILD_TIMEOUT):
            collection.create_index(list(index.keys), name=index.name, **index.options)
    except OperationFailure as error:
        if error.timeout or error.code == UNAUTHORIZED:
            raise
        if error.code in CONFLICTS:
            found = list(_found_indexes(collection))
            if index.keys in [other.keys for other in found]:
                return False
            if index.name in [other.name for other in found]:
                # One with other keys has the name.
                return _create(replace(index, name=f"{index.name}_chabad"))
        reason = str((error.details or {}).get("errmsg", error))
        if error.code == DUPLICATE_KEY:
            # The server's text names a value.
            reason = (
                "several documents have the same key. 'manage.py chabad_check_integrity' finds "
                "them. Merge or remove them, then try again."
            )
        raise IndexBuildFailed(f"{index} cannot be created: {reason}") from error
    return True


def _found_indexes(collection: Collection[dict[str, Any]]) -> Iterator[Index]:
    try:
        specs = list(collection.list_indexes())
    except OperationFailure as error:
        if error.code != VIEW:
            raise
        specs = []
    return indexes_of(collection, specs)


def indexes_of(
    collection: Collection[dict[str, Any]], specs: Sequence[Mapping[str, Any]]
) -> Iterator[Index]:
    """Yield the indexes of these specifications, but for ``_id``."""
    # Each index has the default collation of its collection, whoever creates it.
    has_collation = any("collation" in spec for spec in specs)
    default = collection.options().get("collation") if has_collation else None
    for spec in specs:
        if spec["name"] != "_id_":
            options = _options(spec)
            if options.get("collation") == default:
                options.pop("collation", None)
            yield Index(collection.name, tuple(spec["key"].items()), options, spec["name"])


def _options(spec: Mapping[str, Any]) -> dict[str, Any]:
    # A TTL of 0 equals False; it removes documents all the same.
    return {name: spec[name] for name in OPTIONS if spec.get(name, False) is not False}


def model_of(index: Index) -> type[Document]:
    """Return the Document in whose collection the index is."""
    models = Document.registered()
    return next(model for model in models if model.collection_name() == index.collection)


def _collection(index: Index) -> Collection[dict[str, Any]]:
    return model_of(index).collection()
