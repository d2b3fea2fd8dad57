"""The list of widgets: each tab writes what differs, and nothing that another tab stored."""

from datetime import UTC, datetime
from typing import Any

from support.universe import FrontEnd, check_error

from chabad_auth_django.models import Preferences, User

POSITION = {"x": 0, "y": 1, "width": 2, "height": 3}


def widgets(page: FrontEnd) -> list[dict[str, Any]]:
    return list(page.get("preferences/me").json()["preferences"]["widgets"])


def put(page: FrontEnd, sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = page.patch("preferences/me/widgets", {"widgets": sent})
    assert answer.status_code == 200, answer.content
    return list(answer.json()["preferences"]["widgets"])


def widget(id: str, visible: bool = True, **rest: Any) -> dict[str, Any]:
    return {"widgetId": id, "visible": visible, "settings": {}, **rest}


def test_a_list_comes_back_as_it_was_sent(page: FrontEnd, raw: Any) -> None:
    sent = [
        widget("w3", False, settings={"t": 2}, position=POSITION),
        widget("w1"),
        widget("w2", settings={"a": {"b": [1, 2.5, None, True]}}),
        widget("שבת", False),
    ]
    assert put(page, sent) == sent == widgets(page)
    stored = raw.preferences.find_one()["widgets"]
    assert stored["enabled"] == ["w1", "w2"]
    assert stored["disabled"] == ["w3", "שבת"]
    assert stored["customizations"] == {"w3": {"t": 2}, "w2": {"a": {"b": [1, 2.5, None, True]}}}
    assert stored["positions"] == {"w3": POSITION}
    assert stored["order"] == ["w3", "w1", "w2", "שבת"]
    moved = [sent[1], sent[0], sent[3], sent[2]]
    assert put(page, moved) == moved


def test_what_was_not_changed_is_not_written(page: FrontEnd, raw: Any) -> None:
    """Other programs' values stay of the type that they are, whatever the client made of them."""
    theirs = {
        "enabled": ["w1", "w2", 7],
        "disabled": ["w3"],
        "customizations": {
            "w1": {"since": datetime(2026, 1, 31, tzinfo=UTC), "ratio": 1.0, "big": 2**60 + 1},
            "w2": "compact",
            "w3": None,
            "w4": {"b": 1, "a": {"y": True}},
        },
        "theirs": 1,
    }
    raw.preferences.update_one({}, {"$set": {"widgets": theirs}})
    shown = widgets(page)
    assert [item["widgetId"] for item in shown] == ["w1", "w2", "w3", "w4"]
    before = raw.preferences.find_one()
    # JavaScript has no integers: 1.0 is 1, and the 61st bit is lost.
    shown[0]["settings"] |= {"ratio": 1, "big": 1152921504606847000}
    shown[3]["settings"] = {"a": {"y": True}, "b": 1}
    put(page, shown)
    assert raw.preferences.find_one() == before
    shown[2]["visible"] = True
    put(page, shown)
    after = raw.preferences.find_one()["widgets"]
    assert after == {**theirs, "enabled": ["w1", "w2", 7, "w3"], "disabled": []}
    # True is no 1.
    shown[3]["settings"] = {"a": {"y": 1}, "b": 1}
    put(page, shown)
    assert raw.preferences.find_one()["widgets"]["customizations"]["w4"]["a"] == {"y": 1}


def test_what_another_tab_stored_stays(page: FrontEnd, me: User) -> None:
    put(page, [widget("w1"), widget("w2")])
    first_tab, second_tab = widgets(page), widgets(page)
    second_tab.append(widget("w3", settings={"new": 1}))
    put(page, second_tab)
    first_tab[0]["visible"] = False
    first_tab.append(widget("w4"))
    stored = put(page, first_tab)
    assert {item["widgetId"] for item in stored} == {"w1", "w2", "w3", "w4"}
    by_id = {item["widgetId"]: item for item in stored}
    assert by_id["w3"]["settings"] == {"new": 1}
    assert not by_id["w1"]["visible"]
    # A shorter list removes nothing.
    assert put(page, []) == stored
    # Our API's own calls and this list are of one thing.
    Preferences(user_id=me.id).remove_widget("w2")
    Preferences(user_id=me.id).enable_widget("w1")
    assert {item["widgetId"]: item["visible"] for item in widgets(page)} == {
        "w1": True,
        "w3": True,
        "w4": True,
    }


def test_a_removed_widget_is_gone_with_its_place(page: FrontEnd, me: User, raw: Any) -> None:
    put(page, [widget("w1", position=POSITION, settings={"a": 1}), widget("w2")])
    Preferences(user_id=me.id).remove_widget("w1")
    assert [item["widgetId"] for item in widgets(page)] == ["w2"]
    assert "w1" not in str(raw.preferences.find_one())


def test_what_is_refused_in_a_list(page: FrontEnd, raw: Any) -> None:
    before = raw.preferences.find_one()
    for sent in (
        "w1",
        {"w1": {}},
        [{"widgetId": "w1"}],
        [widget("w.1", settings={"a": 1})],
        [widget("$w", position=POSITION)],
        [widget("")],
        [widget("w1", settings=None)],
        [widget("w1", settings={"a.b": 1})],
        [widget("w1", settings={"big": 10**400})],
        [widget("w1", position=[1])],
        [widget("w1", settings={"a": "x" * 17_000})],
        [widget(f"w{number}", settings={"a": "x" * 1_000}) for number in range(30)],
        [widget(f"w{number}") for number in range(1001)],
        [widget("w1", roles=["admin"])],
    ):
        check_error(page.patch("preferences/me/widgets", {"widgets": sent}), 400)
    check_error(page.patch("preferences/me/widgets", {}), 400)
    # The length comes before the entries, of which a body of 1 MiB has many.
    long = page.patch("preferences/me/widgets", {"widgets": ["w"] * 100_000})
    assert [error["code"] for error in long.json()["errors"]["widgets"]] == ["max_length"]
    assert raw.preferences.find_one() == before


def test_a_widget_with_an_odd_name_that_is_stored_is_taken_back(page: FrontEnd, raw: Any) -> None:
    odd = {"enabled": ["a.b"], "customizations": {"a.b": {"c.d": 1}}}
    raw.preferences.update_one({}, [{"$set": {"widgets": {"$literal": odd}}}])
    shown = widgets(page)
    shown[0]["visible"] = False
    assert put(page, [*shown, widget("new")])[0] == shown[0]
    shown[0]["settings"]["c.d"] = 2
    put(page, shown)
    assert raw.preferences.find_one()["widgets"]["customizations"] == {"a.b": {"c.d": 2}}


def test_a_widget_whose_name_is_no_identifier_is_taken_back_where_it_is_stored(
    page: FrontEnd, raw: Any
) -> None:
    odd = ["", "x" * 300, "a\nb", " a"]
    raw.preferences.update_one({}, {"$set": {"widgets": {"enabled": odd}}})
    shown = widgets(page)
    assert [item["widgetId"] for item in shown] == odd
    shown[1]["visible"] = False
    stored = put(page, [*shown, widget("new")])
    assert stored == [*shown, widget("new")]
    for name in ("y" * 300, "b\na", "\x00"):
        sent = {"widgets": [*stored, widget(name)]}
        check_error(page.patch("preferences/me/widgets", sent), 400)
