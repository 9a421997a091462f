"""Numbers and their nouns agree."""

import pytest

from setpoint.model.numbers import counted


@pytest.mark.parametrize(
    ("number", "nouns", "said"),
    [
        (1, "objections", "1 objection"),
        (0, "objections", "0 objections"),
        (2, "objections", "2 objections"),
        (1, "entries", "1 entry"),
        (1, "files", "1 file"),
        (1, "cases", "1 case"),
        (1, "branches", "1 branch"),
        (1, "new classes", "1 new class"),
        (1, "changed lines", "1 changed line"),
        (1.0, "days", "1 day"),
        (0.5, "days", "0.5 days"),
        (1_000_000, "tokens", "1000000 tokens"),
    ],
)
def test_one_is_told_as_one(number: float, nouns: str, said: str) -> None:
    assert counted(number, nouns) == said
