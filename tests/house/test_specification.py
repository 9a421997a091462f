"""Each number that setpoint promises names what holds it, and agrees with the code."""

import importlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel
from sources import ROOT


class Promise(NamedTuple):
    """One line of the specification."""

    what: str
    number: str
    place: str
    held_by: str


def promises() -> Iterator[Promise]:
    for line in (ROOT / "SPECIFICATION.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[0] != "promise" and not cells[0].startswith("---"):
            yield Promise(*cells)


PROMISES = list(promises())
CODED = [promise for promise in PROMISES if promise.place]


def value_at(place: str) -> Any:
    """What stands at a dotted place: a constant, a field's default, an entry of a table."""
    words = place.split(".")
    for cut in range(len(words), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(words[:cut]))
        except ModuleNotFoundError:
            continue
        for word in words[cut:]:
            found = _inside(found, word)
        return found
    raise AssertionError(f"no module begins {place}")


def _inside(found: Any, word: str) -> Any:
    if isinstance(found, dict | tuple):
        return found[int(word) if word.isdigit() else word]
    if isinstance(found, type) and issubclass(found, BaseModel):
        return found.model_fields[word].default
    return getattr(found, word)


def test_every_promise_is_one_number() -> None:
    assert len(PROMISES) > 40
    assert [p.what for p in PROMISES if not re.fullmatch(r"\d[\d,]*(\.\d+)?", p.number)] == []


@pytest.mark.parametrize("promise", CODED, ids=lambda promise: promise.place)
def test_the_number_is_the_codes(promise: Promise) -> None:
    assert float(promise.number.replace(",", "")) == float(value_at(promise.place))


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.what)
def test_what_holds_it_is_there(promise: Promise) -> None:
    figure = promise.held_by.removeprefix("make bench: ")
    if figure != promise.held_by:
        printed = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "bench").glob("*.py")))
        assert figure in printed
        return
    path, _, test = promise.held_by.partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    assert f"def {test}(" in text if test else "def test_" in text
