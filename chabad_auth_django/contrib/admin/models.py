"""Placeholders without tables: they have the permissions, and their names in the admin."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class NoRows(models.Manager[models.Model]):
    """Finds nothing, so that nothing asks for a table; ``dumpdata`` does."""

    def get_queryset(self) -> models.QuerySet[models.Model]:
        """Return what is always empty."""
        return super().get_queryset().none()


class Placeholder(models.Model):
    """Stands for pages over MongoDB."""

    #: The id of a user, where Django's log of changes names one.
    id = models.CharField(primary_key=True, max_length=24, editable=False)

    objects = NoRows()

    class Meta:
        abstract = True
        managed = False
        base_manager_name = "objects"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.id)


class Overview(Placeholder):
    """The state of the installation at a glance."""

    class Meta(Placeholder.Meta):
        verbose_name = verbose_name_plural = _("overview")


class People(Placeholder):
    """Users, and what is stored about each."""

    class Meta(Placeholder.Meta):
        verbose_name = verbose_name_plural = _("people")
        permissions = [
            ("view_people", "Can look at people"),
            ("view_raw", "Can look at stored documents as they are"),
            ("change_people", "Can change names, addresses and preferences of people"),
            ("change_grants", "Can grant and revoke roles and permissions"),
            ("block_people", "Can block and unblock people"),
            ("export_people", "Can take people's data out into files"),
            ("erase_people", "Can delete and erase people"),
        ]


class Events(Placeholder):
    """Activities and analytics events."""

    class Meta(Placeholder.Meta):
        verbose_name = verbose_name_plural = _("events")
        permissions = [("view_events", "Can look at events")]


class Analytics(Placeholder):
    """Counts of events."""

    class Meta(Placeholder.Meta):
        verbose_name = verbose_name_plural = _("analytics")


class Sessions(Placeholder):
    """Where people are signed in."""

    class Meta(Placeholder.Meta):
        verbose_name = verbose_name_plural = _("sessions")
        permissions = [("end_sessions", "Can end sessions")]


class Deletions(Placeholder):
    """Deletions and erasures that are under way, and receipts."""

    class Meta(Placeholder.Meta):
        verbose_name = verbose_name_plural = _("deletions and erasures")


class Operations(Placeholder):
    """What an operator watches."""

    class Meta(Placeholder.Meta):
        verbose_name = verbose_name_plural = _("operations")
        permissions = [("view_operations", "Can look at the state of the installation")]


class Audit(Placeholder):
    """Who did what to whom."""

    class Meta(Placeholder.Meta):
        verbose_name = verbose_name_plural = _("audit trail")
