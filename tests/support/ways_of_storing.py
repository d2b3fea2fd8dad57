"""The ways in which a user is stored, and in which a stored one is changed."""

from collections.abc import Callable
from typing import Any

import pytest

from chabad_auth_django.models import User

CREATIONS: dict[str, Callable[..., object]] = {
    "create_user": User.create_user,
    "save": lambda **fields: User(**fields).save(),
    "insert": lambda **fields: User.objects.insert([User(email="c@example.org"), User(**fields)]),
    "create": lambda **fields: User.objects.create(**fields),
}

#: ``None`` removes a field.
CHANGES: dict[str, Callable[..., object]] = {
    "save": lambda user, **values: save(user, **values),
    "patch": lambda user, **values: user.patch(values),
    "update": lambda user, **values: User.objects(id=user.id).update(**_update(values)),
    "update_one": lambda user, **values: User.objects(id=user.id).update_one(**_update(values)),
    "modify": lambda user, **values: User.objects(id=user.id).modify(**_update(values)),
    "Document.update": lambda user, **values: user.update(**_update(values)),
    "Document.modify": lambda user, **values: user.modify(**_update(values)),
}

each_creation = pytest.mark.parametrize("create", CREATIONS.values(), ids=CREATIONS)
each_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


def save(user: User, **values: Any) -> None:
    """Set the fields and save."""
    for name, value in values.items():
        setattr(user, name, value)
    user.save()


def _update(values: dict[str, Any]) -> dict[str, Any]:
    return {
        f"unset__{name}" if value is None else name: 1 if value is None else value
        for name, value in values.items()
    }
