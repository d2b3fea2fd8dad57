"""The permissions, which hang on placeholders without tables."""

from typing import Any, ClassVar

from django.db import migrations, models

#: Placeholder -> its name for people, and its permissions.
PLACEHOLDERS = {
    "Overview": ("overview", []),
    "People": (
        "people",
        [
            ("view_people", "Can look at people"),
            ("view_raw", "Can look at stored documents as they are"),
            ("change_people", "Can change names, addresses and preferences of people"),
            ("change_grants", "Can grant and revoke roles and permissions"),
            ("block_people", "Can block and unblock people"),
            ("export_people", "Can take people's data out into files"),
            ("erase_people", "Can delete and erase people"),
        ],
    ),
    "Events": ("events", [("view_events", "Can look at events")]),
    "Analytics": ("analytics", []),
    "Sessions": ("sessions", [("end_sessions", "Can end sessions")]),
    "Deletions": ("deletions and erasures", []),
    "Operations": (
        "operations",
        [("view_operations", "Can look at the state of the installation")],
    ),
    "Audit": ("audit trail", []),
}


def _create(name: str, shown: str, permissions: list[tuple[str, str]]) -> migrations.CreateModel:
    options: dict[str, Any] = {
        "verbose_name": shown,
        "verbose_name_plural": shown,
        "managed": False,
        "default_permissions": (),
        "base_manager_name": "objects",
    }
    if permissions:
        options["permissions"] = permissions
    key = models.CharField(editable=False, max_length=24, primary_key=True, serialize=False)
    return migrations.CreateModel(name=name, fields=[("id", key)], options=options)


class Migration(migrations.Migration):
    """Creates no table."""

    initial = True

    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("auth", "0011_update_proxy_permissions"),
    ]

    operations: ClassVar[list[Any]] = [
        _create(name, *values) for name, values in PLACEHOLDERS.items()
    ]
