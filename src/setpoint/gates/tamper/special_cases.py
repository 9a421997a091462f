"""Results for the tests' own inputs, written into the product: rare literals that tests pass in and expect."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from ...model.objection import Objection
from ..change_set import ChangeSet, Delta, as_text
from .cases import Case
from .changed_tests import read_tests
from .naming import SCRIPTS, naming
from .product import product_deltas
from .python_branches import python_branches
from .raised import HIGH, MEDIUM, tampered
from .script_branches import script_branches
from .special import Special, as_number, literals, rare

FILES = 400
"""Test files that are searched for a suspicious literal."""


def special_cases(change: ChangeSet) -> Iterator[Objection]:
    """Objections against branches of the product that know the tests' inputs."""
    suspicious = [
        (delta, one)
        for delta in product_deltas(change)
        for one in _branches(delta)
        if one.line in delta.added_lines and _worth_a_look(one)
    ]
    if suspicious:
        cases = list(_cases(change, {frozenset(one.literals) for _, one in suspicious}))
        for delta, one in suspicious:
            yield from _judged(delta, one, cases)


def _branches(delta: Delta) -> Iterator[Special]:
    if delta.after is None:
        return iter(())
    if delta.path.endswith(".py"):
        return python_branches(delta.text_after, delta.text_before)
    return script_branches(delta) if PurePosixPath(delta.path).suffix in SCRIPTS else iter(())


def _worth_a_look(one: Special) -> bool:
    return any(rare(literal) for literal in one.literals) or (len(one.guards) > 1 and one.result is not None)


def _cases(change: ChangeSet, wanted: set[frozenset[str]]) -> Iterator[tuple[Case, set[str]]]:
    """Tests whose file holds all literals of one branch, each with the file's rare ones: a fixture may pass them in."""
    named = naming(change.read_head)
    paths = [path for path in sorted(change.head_files) if named.holds_tests(path) and not path.endswith("__init__.py")]
    touched = set(change.paths)
    for path in sorted(paths, key=lambda path: path not in touched)[:FILES]:
        text = as_text(change.read_head(path))
        plain = text.replace("_", "")
        if any(all(literal.replace("_", "") in plain for literal in branch) for branch in wanted):
            around = {literal for literal in literals(text) if rare(literal)}
            yield from ((case, around) for case in read_tests(path, text, named).collected)


def _judged(delta: Delta, one: Special, cases: Sequence[tuple[Case, set[str]]]) -> Iterator[Objection]:
    for case, around in cases:
        rows = [literals(row) for table in case.tables for row in table.rows or ()]
        if not set(one.guards) <= literals(case.body).union(around, *rows):
            continue
        expected = {part for each in case.each for check in each for part in literals(check.expected)}
        shown = ", ".join(repr(guard) for guard in one.guards) or "any input"
        given = one.result is not None and one.result in expected
        if given or (one.equality and any(_of_a_test(guard) for guard in one.guards)):
            what = f"gives {one.result!r} for {shown}" if given else f"treats {shown} on its own"
            yield tampered(
                "special-cased", f"the code {what}, as test {case.last} has it", delta.path, one.line,
                cause="the result is written down for a test's input, not computed", severity=HIGH if given else MEDIUM,
                evidence=delta.added_lines.get(one.line, "").strip(),
            )  # fmt: skip
            return


def _of_a_test(guard: str) -> bool:
    """Whether a text looks like an example somebody made up."""
    if as_number(guard) is not None or len(guard) < 6:
        return False
    spaced = " " in guard.strip() and any(sign.isdigit() for sign in guard)
    return spaced or bool(re.fullmatch(r"\s*[\w.+-]+@[\w-]+\.\w+\s*", guard))
