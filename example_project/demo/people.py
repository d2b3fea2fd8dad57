"""The people of the demo: the same fifty on every run."""

from __future__ import annotations

from typing import Any

#: Nobody receives mail at ``.example``, so these users are the demo's own.
DOMAIN = "@demo.example"

NAMES = """
    Chana Levin, Mendel Rosen, Sara Katz, Yossi Goldberg, Miriam Adler, David Cohen, Leah
    Stern, Shmuel Weiss, Rivka Friedman, Daniel Peretz, Esther Blum, Levi Kaplan, Dina
    Shapiro, Eli Azoulay, Naomi Berger, Zalman Fischer, Tamar Ohayon, Ari Feldman, Hannah
    Klein, Moshe Dahan, Devora Simon, Noam Haddad, Batya Gross, Jacob Mizrahi, Shira Roth,
    Sholom Greenberg, Yael Amar, Baruch Segal, Faigy Lerner, Adam Toledano, Nechama Wolf,
    Gabriel Suissa, Malka Brenner, Isaac Benayoun, Ruth Hoffman, Avi Landau, Chaya Lipsker,
    Jonathan Sasson, Mushka Raskin, Berel Zaltzman, Orly Navon, Pinchas Gurevitch, Golda
    Meyer, Simon Elbaz, Freida Popack, Meir Vaknin, Zelda Kramer, Uri Ben Ami, Perel Hecht,
    Nathan Abecassis
"""

AUTH_METHODS = (
    ["credentials"],
    ["google"],
    ["chabad-org"],
    ["bearer-token", "cdsso"],
    ["credentials", "google"],
)


def people() -> list[dict[str, Any]]:
    """Return the fields of each user, the one whose story the demo tells first."""
    names = " ".join(NAMES.split()).split(", ")
    return [_fields(number, name) for number, name in enumerate(names)]


def _fields(number: int, name: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "email": name.lower().replace(" ", ".") + DOMAIN,
        "name": name,
        "auth_methods": list(AUTH_METHODS[number % len(AUTH_METHODS)]),
    }
    if number % 2 == 0:
        fields["valu_user_id"] = f"demo-valu-{1000 + number}"
    if number % 3 == 0:
        fields["merkos_user_id"] = f"demo-merkos-{2000 + number}"
    if number % 10 == 9:
        fields["roles"] = ["user", "admin"]
    elif number % 5 == 4:
        fields["roles"] = ["user", "moderator"]
    return fields
