"""Slips of whoever types in a hurry: each is named, with what to do next, and no run is another one afterwards."""

from contextlib import closing
from pathlib import Path

import pytest
from approving import Place, Run

from setpoint.adapters.store import SqlStore
from setpoint.config import parse
from setpoint.errors import ConfigError
from setpoint.forging.stage import RUN
from setpoint.testing.projects import git

SPECS = {"specs/007-round/spec.md": "# Round\n\n## Criteria\n\n- AC-1: it rounds\n"}
SLIPS = {
    "forward without words": (("forward", RUN), 2, "a follow-up needs words", "-m"),
    "forward of a follow-up that is none": (("forward", RUN, "--follow-up", "zz"), 2, "0 follow-ups begin", "one of"),
    "forward over a file": (("forward", RUN, "-m", "x", "--out", "setpoint.toml"), 2, "is there already", "--out"),
    "forward while it is under way": (
        ("forward", RUN, "-m", "Add a function `f(x)` to shop.py; f(1) returns 2.", "--run", "--detach"),
        2, "needs", "next",
    ),
    "forward into nowhere": (("forward", RUN, "-m", "x", "--out", "/proc/no/x.md"), 2, "cannot be written", "/proc"),
    "abandon without a reason": (("abandon", RUN), 2, "needs its reason", "-m"),
    "abandon that keeps and ends": (("abandon", RUN, "-m", "x", "--keep-spec"), 2, "--keep-spec is for", "--again"),
    "abandon of another": (("abandon", "zzzz", "-m", "x"), 2, "no run starts with", "setpoint list"),
    "give of what nobody took": (("give", RUN), 2, "", "next"),
    "a layout": (("papers", RUN, "--layout", "speckit"), 2, "did you mean `spec-kit`?", "kiro"),
    "a phase": (("run", "specs/007-round", "--from", "planing"), 2, "did you mean `planning`?", "tech_spec"),
    "a phase without papers": (("run", "Round it", "--from", "planning"), 2, "--from is for a folder", "specs/"),
}  # fmt: skip
WRITTEN = {
    "an agent": ('[phase.implementation]\nagent = "claud-code"\n', "did you mean `claude-code`?"),
    "the agent": ('[agent]\nkind = "nativ"\n', "did you mean `native`?"),
    "a phase": ('[phase.implementaton]\nmodel = "large"\n', "did you mean `implementation`?"),
    "a key of the stack": ('[stack]\ncompse = "compose.yaml"\n', "did you mean `compose`?"),
    "no compose file": ('[stack]\ncompose = "/etc/compose.txt"\n', "stack.compose"),
    "a layout": ('[papers]\nlayout = "speckit"\n', "papers.layout: should be"),
}


def standing(root: Path) -> tuple[object, ...]:
    """All that a slip could have moved."""
    with closing(SqlStore(f"sqlite:///{root}/.setpoint/setpoint.db")) as store:
        run = store.run(RUN)
        runs = [one.id for one in store.runs()]
    return run.position, run.branch, runs, git(root, "for-each-ref"), git(root, "status", "--porcelain")


def test_a_slip_is_named_with_what_to_do_next_and_moves_nothing(place: Place, setpoint: Run) -> None:
    root = place("waiting")
    for path, text in SPECS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    before = standing(root)
    for name, (words, code, what, after) in SLIPS.items():
        said = setpoint(root, *words)
        assert (said.code, what in said.err, after in said.err) == (code, True, True), f"{name}: {said}"
        assert standing(root) == before, name


@pytest.mark.parametrize(("text", "words"), WRITTEN.values(), ids=WRITTEN)
def test_a_slip_in_the_configuration_is_named_with_the_nearest_word(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as told:
        parse(text, "setpoint.toml")
    assert words in told.value.what
    assert told.value.fix
