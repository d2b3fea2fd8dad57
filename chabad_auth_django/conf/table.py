"""Tables of settings.

A contrib app adds settings to the dict ``CHABAD_AUTH`` with a table in its own ``conf.py``, which
its ``apps.py`` imports::

    class UniverseConf(Table):
        app_label = "chabad_auth_universe"

        UNIVERSE_COOKIES = Setting[Sequence[str]](
            ("x-auth-token", "universe_auth_token"),
            rules.NAMES,
            check=1,
            help="The cookies that may hold a token; the first is looked at first.",
        )

    conf = UniverseConf()

``conf.UNIVERSE_COOKIES`` is the project's value or the default. ``manage.py check`` then knows the
setting and refuses a value that breaks the rule, here as ``chabad_auth_universe.E001``. The app's
page in ``docs/`` shows the table between ``<!-- settings: chabad_auth_universe -->`` and
``<!-- end -->``; ``cd tests && python -m support.settings_reference`` writes it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar, overload

from django.conf import settings

Value = TypeVar("Value")


class Rule(NamedTuple):
    """Say which values a setting may have."""

    is_valid: Callable[[Any], Any]
    #: Completes the sentence "The setting must be …".
    expected: str


class Setting(Generic[Value]):
    """Describe one setting; read it from ``settings.CHABAD_AUTH`` whenever it is asked for.

    Nothing is cached, so ``override_settings`` works.
    """

    name: str
    #: The id of the system check that refuses a value.
    check_id: str

    def __init__(
        self,
        default: Value,
        rule: Rule,
        *,
        check: int,
        help: str,
        shown_default: str = "",
        secret: bool = False,
    ) -> None:
        self.default = default
        self.rule = rule
        self._check = check
        #: The meaning, in Markdown.
        self.help = help
        #: What the documentation shows for a default that does not speak for itself.
        self.shown_default = shown_default
        #: Whether nobody may see the value.
        self.is_secret = secret

    def __set_name__(self, owner: "type[Table]", name: str) -> None:
        self.name = name
        self.check_id = f"{owner.app_label}.E{self._check:03}"

    @overload
    def __get__(self, instance: None, owner: "type[Table]") -> Self: ...
    @overload
    def __get__(self, instance: "Table", owner: "type[Table]") -> Value: ...
    def __get__(self, instance: "Table | None", owner: "type[Table]") -> Self | Value:
        if instance is None:
            return self
        value: Value = user_settings().get(self.name, self.default)
        return value


class Table:
    """Hold settings as class attributes; a subclass is known to the system checks."""

    #: The first part of the ids of the table's checks.
    app_label = "chabad_auth"

    known: ClassVar[list["type[Table]"]] = []

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.known.append(cls)

    @classmethod
    def settings(cls) -> Iterator[Setting[Any]]:
        """Yield the settings in their order."""
        yield from (value for value in vars(cls).values() if isinstance(value, Setting))


def user_settings() -> Mapping[str, Any]:
    """Return the project's ``CHABAD_AUTH`` as it is now."""
    value: Mapping[str, Any] = getattr(settings, "CHABAD_AUTH", {})
    return value
