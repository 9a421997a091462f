"""The pages are true: made ones are current, and what the acceptance rows name is there."""

import importlib.util
import re
import sys
from types import ModuleType

import pytest
from sources import ROOT
from typer.main import get_command

from setpoint.cli.main import app
from setpoint.parts import ADAPTERS, part

LINES = {"S0": 110, "S1": 60, "S2": 62, "S3": 56, "S4": 73}
"""How many lines each group of the acceptance table has."""


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """`docs/build.py`, loaded as the script it is."""
    where = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    assert where is not None
    assert where.loader is not None
    module = importlib.util.module_from_spec(where)
    sys.modules[where.name] = module
    where.loader.exec_module(module)
    return module


def test_the_made_pages_are_current(build: ModuleType) -> None:
    stale = [
        path.relative_to(ROOT).as_posix()
        for path, text in build.pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "`make docs` brings them up to date"


def test_making_the_pages_twice_gives_the_same_bytes(build: ModuleType) -> None:
    assert build.pages() == build.pages()


def test_every_acceptance_line_has_its_row_in_order(build: ModuleType) -> None:
    wanted = [f"{group}-{number}" for group, last in LINES.items() for number in range(1, last + 1)]
    assert list(build.acceptance_rows()) == wanted


def test_every_row_has_a_state_and_says_who_shows_it(build: ModuleType) -> None:
    rows = build.acceptance_rows()
    assert [name for name, (state, _, _) in rows.items() if state not in build.STATES] == []
    assert [name for name, (_, what, by) in rows.items() if not what.strip() or not by.strip()] == []
    assert [name for name, (_, what, _) in rows.items() if len(what.split()) > 12] == []
    unproved = [name for name, (state, _, by) in rows.items() if state == "shown" and not _proofs(by)]
    assert unproved == [], "what is shown names a test, a page or a command"


def _proofs(by: str) -> list[str]:
    return re.findall(r"(?:tests|docs|src)/[\w./-]+|setpoint \w+|make \w+", by)


def test_every_test_and_page_that_the_rows_name_is_there(build: ModuleType) -> None:
    gone = [
        f"{name}: {place}"
        for name, (_, _, by) in build.acceptance_rows().items()
        for place in re.findall(r"(?:tests|docs|src)/[\w./-]+(?:::\w+)?", by)
        if not _is_there(place)
    ]
    assert gone == []


def test_every_test_that_the_threat_model_names_is_there() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:tests|src)/[\w./-]+(?:::\w+)?)`", text)
    assert len(named) > 20
    assert [place for place in named if not _is_there(place)] == []


def _is_there(place: str) -> bool:
    path, _, test = place.partition("::")
    file = ROOT / path
    return file.is_file() and (not test or f"def {test}(" in file.read_text(encoding="utf-8"))


def test_every_command_that_the_rows_name_exists(build: ModuleType) -> None:
    commands = set(getattr(get_command(app), "commands", {}))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    missing = [
        f"{name}: {word}"
        for name, (_, _, by) in build.acceptance_rows().items()
        for kind, word in re.findall(r"(?<!`)\b(setpoint|make) ([\w-]+)", by)
        if word not in (commands if kind == "setpoint" else targets)
    ]
    assert missing == []


@pytest.mark.parametrize(("seam", "name"), sorted(ADAPTERS), ids=str)
def test_every_listed_adapter_can_be_loaded(seam: str, name: str) -> None:
    assert isinstance(part(seam, name), type)


NOTES = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def test_decision_notes_are_numbered_once_and_short() -> None:
    numbers = [int(note.name[:4]) for note in NOTES]
    assert len(set(numbers)) == len(numbers)
    assert [note.name for note in NOTES if len(note.read_text(encoding="utf-8").splitlines()) > 80] == []


def test_pages_link_to_files_that_are_there() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []
