"""How often and on what one test is tried: rows of its parametrisations, examples of its properties, repetitions."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...model.objection import Objection
from .cases import Case, Pair, Table
from .raised import LOW, REQUEST, tampered

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Surroundings:
    """What the rest of the change says about one test."""

    added: Counter[Key]
    """Assertions that are new anywhere in the change, in tests that run."""
    rows: Counter[str]
    """Rows that are new anywhere in the change."""
    gone: frozenset[str]
    """Names the product no longer has."""


def dropped_rows(pair: Pair, around: Surroundings) -> Iterator[Objection]:
    """Rows of a parametrisation that `pair.new` is no longer tried with."""
    old, new = pair
    here = {check.key for each in new.each for check in each if not check.dead}
    each = [one.key for instances in old.each for one in instances if not one.dead]
    said = bool(each) and all(key in here or around.added[key] for key in each)
    kept = not old.checks or bool({check.key for check in old.checks} & {check.key for check in new.checks})
    for table in old.tables:
        other = _table(table, new.tables, old.tables)
        computed = table.rows is None or (other is not None and other.rows is None)
        # Without its table or its assertions a test is compared assertion by assertion.
        if computed or (other is None and (said or not kept)):
            continue
        yield from _table_rows(new, table, list(other.rows or ()) if other else [], around)


def _table(table: Table, others: Sequence[Table], mine: Sequence[Table]) -> Table | None:
    for other in others:
        if other.names == table.names:
            return other
    return others[0] if len(others) == len(mine) == 1 else None


def _table_rows(new: Case, table: Table, now: list[str], around: Surroundings) -> Iterator[Objection]:
    gone = []
    known = set(now)
    for row in table.rows or ():
        if row in known:
            now = [one for one in now if one != row]
        elif not around.rows[row] and not any(name in around.gone for name in re.findall(r"\w+", row)):
            gone.append(row)
    for row in list(gone):
        other = next((one for one in now if _one_value_differs(row, one)), None)
        if other is None:
            continue
        now.remove(other)
        gone.remove(row)
        yield tampered(
            "expectation-changed", f"test {new.name} is tried with another row: {other}", new.path, new.line,
            cause="an expectation changed together with the code it judges; see that a criterion asks for it",
            evidence=f"before: {row}\nafter: {other}", severity=LOW,
        )  # fmt: skip
    if gone:
        yield dropped(new, gone, len(table.rows or ()))


def dropped(case: Case, gone: Sequence[str], of: int) -> Objection:
    """The objection against a test that is tried with less than before."""
    return tampered(
        "cases-dropped", f"test {case.name} is no longer tried with {'; '.join(gone[:5])}", case.path, case.line,
        cause=f"{len(gone)} of {of} rows are gone, and the code they try is there; {REQUEST}",
        evidence="\n".join(gone[:20]),
    )  # fmt: skip


def _one_value_differs(old: str, new: str) -> bool:
    """The same row with one other value, or with more values."""
    first: list[str]
    second: list[str]
    first, second = (re.findall(r"'[^']*'|\"[^\"]*\"|[^\s,()\[\]]+", row) for row in (old, new))
    if len(first) == len(second) > 1:
        return sum(a != b for a, b in zip(first, second, strict=True)) <= max(1, len(first) // 4)
    return len(first) < len(second) and not (Counter(first) - Counter(second))


def fewer_tries(pair: Pair) -> Iterator[Objection]:
    """Fewer examples of a property, or more goes at a test that fails."""
    old, new = pair
    if old.examples is not None and new.examples is not None and new.examples < old.examples:
        yield tampered(
            "threshold-lowered", f"test {new.name} is tried with fewer examples", new.path, new.line,
            cause=f"max_examples went from {old.examples} to {new.examples}; {REQUEST}",
        )  # fmt: skip
    if new.retries > old.retries:
        yield tampered(
            "retries-added", f"test {new.name} is tried again when it fails", new.path, new.line,
            cause=f"a test that may fail and pass proves nothing: find out why it is not steady; {REQUEST}",
        )  # fmt: skip
