"""All tests of a change, before and after: deleted, hidden, switched off, loosened; and what new ones are worth."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

from ...model.numbers import counted
from ...model.objection import Objection
from ..change_set import ChangeSet, Delta, as_text
from ..frozen import is_test_path
from .cases import Case, Pair, TestFile
from .fresh import judged_new, pair_doubles
from .naming import SCRIPTS, Naming, naming
from .pairing import Files, Lineup, line_up
from .product import gone_for, gone_names
from .python_reader import read_python
from .raised import HIGH, LOW, REQUEST, tampered
from .script_reader import read_script
from .tries import Key, Surroundings
from .weakened import weakened


def read_tests(path: str, text: str, named: Naming) -> TestFile:
    """The tests of a file of either language."""
    return read_python(path, text, named) if path.endswith(".py") else read_script(path, text, named)


def files_with_tests(change: ChangeSet) -> Sequence[tuple[Delta, Files]]:
    """The changed files that hold tests, or support them, read."""
    named = naming(change.read_base)
    found = []
    for delta in change.deltas:
        if not any(_is_tests(path, named) for path in (delta.path, delta.path_before)):
            continue
        before = None if delta.before is None else read_tests(delta.path_before, delta.text_before, named)
        after = None if delta.after is None else read_tests(delta.path, delta.text_after, named)
        found.append((delta, Files(before, after)))
    return found


def rows_hidden(change: ChangeSet) -> Iterator[tuple[str, str]]:
    """Ids, before and after, of the Python tests whose rows stood in their file and are worked out now."""
    for _, file in files_with_tests(change):
        if file.before is None or file.after is None:
            continue
        shown = {case.name for case in file.before.collected if case.tables and not _computed(case)}
        for case in file.after.collected:
            if case.name in shown and _computed(case):
                yield f"{file.before.path}::{case.name}", f"{file.after.path}::{case.name}"


def _computed(case: Case) -> bool:
    return any(table.rows is None for table in case.tables)


def _is_tests(path: str, named: Naming) -> bool:
    suffix = PurePosixPath(path).suffix
    return suffix in (".py", *SCRIPTS) and (is_test_path(path) or named.holds_tests(path))


def judged_tests(change: ChangeSet, files: Sequence[tuple[Delta, Files]]) -> Iterator[Objection]:
    """Objections against what happened to tests."""
    yield from _unreadable(files)
    lineup = line_up([file for _, file in files])
    gone = gone_names(change)
    before = {file.before.path: file.before for _, file in files if file.before}
    after = {file.after.path: file.after for _, file in files if file.after}
    added, rows = _added(lineup), _added_rows(lineup)
    plumbing = _plumbing(change)

    def around(case: Case) -> Surroundings:
        return Surroundings(added, rows, gone_for(before[case.path], plumbing, gone))

    for pair in (*lineup.pairs, *lineup.helping):
        yield from weakened(pair, around(pair.old))
        yield from pair_doubles(pair, after[pair.new.path])
    for pair in lineup.hidden:
        yield _hidden(pair)
    yield from _lost(lineup.lost, around, change)
    for case in lineup.new:
        yield from judged_new(case, after[case.path])
    for file in after.values():
        known = before.get(file.path)
        yield from _shadowed(file, {case.name for case in known.cases if not case.collected} if known else set())


def _unreadable(files: Sequence[tuple[Delta, Files]]) -> Iterator[Objection]:
    for delta, file in files:
        if file.after and not file.after.readable and (file.before is None or file.before.readable):
            yield tampered(
                "test-uncollected", f"{delta.path} cannot be read as code any more", delta.path,
                cause=f"no runner collects its tests: {file.after.trouble}",
            )  # fmt: skip


def _plumbing(change: ChangeSet) -> list[TestFile]:
    paths = [path for path in change.base_files if PurePosixPath(path).name == "conftest.py"][:50]
    return [read_python(path, as_text(change.read_base(path)), Naming()) for path in paths]


def _added(lineup: Lineup) -> Counter[Key]:
    """Assertions that are new in tests that run, each as often as it is new."""
    before: Counter[Key] = Counter()
    now: Counter[Key] = Counter()
    for pair in (*lineup.pairs, *lineup.hidden):
        before += _keys(pair.old)
    for case in (*(pair.new for pair in lineup.pairs), *lineup.new):
        if case.off is None:
            now += _keys(case)
    return now - before


def _keys(case: Case) -> Counter[Key]:
    return Counter(check.key for each in case.each for check in each if not check.dead)


def _added_rows(lineup: Lineup) -> Counter[str]:
    def rows(case: Case) -> Counter[str]:
        return Counter(row for table in case.tables for row in table.rows or ())

    total: Counter[str] = Counter()
    for pair in lineup.pairs:
        total += rows(pair.new) - rows(pair.old)
    for case in lineup.new:
        total += rows(case)
    return total


def _hidden(pair: Pair) -> Objection:
    old, new = pair
    return tampered(
        "test-uncollected", f"test {old.name} is no longer collected", new.path, new.line,
        cause=f"{new.hidden}; {REQUEST}", evidence=f"before: {old.path}::{old.name}\nafter: {new.path}::{new.name}",
    )  # fmt: skip


def _lost(lost: Sequence[Case], around: Callable[[Case], Surroundings], change: ChangeSet) -> Iterator[Objection]:
    minded = [case for case in lost if _missed(case, around(case))]
    whole = Counter(case.path for case in minded)
    told: set[str] = set()
    for case in minded:
        delta = change.find(case.path)
        if delta is not None and delta.deleted and whole[case.path] > 1:
            if case.path not in told:
                told.add(case.path)
                yield _gone_file(case.path, [one for one in minded if one.path == case.path])
            continue
        weak = not case.live and not case.asks
        yield tampered(
            "test-deleted", f"test {case.name} is gone", case.path, case.line, severity=LOW if weak else HIGH,
            cause=f"what it tests is still there, and no other test says what it said; {REQUEST}",
            evidence="; ".join(check.told for check in case.live[:5]),
        )  # fmt: skip


def _missed(case: Case, around: Surroundings) -> bool:
    """Whether something is lost with it: its subject is there, and its assertions stand nowhere else."""
    if case.names & around.gone:
        return False
    keys = _keys(case)
    return not keys or any(around.added[key] == 0 for key in keys)


def _gone_file(path: str, cases: Sequence[Case]) -> Objection:
    return tampered(
        "test-deleted", f"{path} is gone with its tests", path, cases[0].line,
        cause=f"what its {counted(len(cases), 'tests')} tried is still there, and no other test says it; {REQUEST}",
        evidence="\n".join(case.name for case in cases[:20]),
    )  # fmt: skip


def _shadowed(file: TestFile, known: set[str]) -> Iterator[Objection]:
    names = Counter(case.name for case in file.cases)
    for case in file.cases:
        if names[case.name] > 1 and "takes its place" in case.hidden and case.name not in known:
            yield tampered(
                "test-uncollected", f"test {case.name} is defined twice, so the first never runs", case.path, case.line,
                cause=case.hidden,
            )  # fmt: skip
