import pytest
from support import command_reference


def test_the_reference_is_what_the_parsers_say() -> None:
    if not command_reference.PATH.exists():
        pytest.skip("The tests run without the repository around them.")
    stored = command_reference.PATH.read_text(encoding="utf-8")
    assert stored == command_reference.generate(), (
        "Run python -m support.command_reference in the folder tests."
    )
