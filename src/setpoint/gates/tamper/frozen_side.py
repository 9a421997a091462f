"""What the side that must make tests pass leaves as it is: tests, what they stand on, and what judges them."""

import unicodedata
from collections.abc import Collection, Iterator

from ...model.objection import Objection
from ..change_set import ChangeSet, Delta
from ..frozen import is_test_file, is_test_path
from ..protected import protected_changes, protection
from .config_files import is_config
from .goldens import is_snapshot
from .raised import REQUEST, moved_goalposts


def touched(change: ChangeSet, frozen: Collection[str], *, implementing: bool) -> Iterator[Objection]:
    """An objection for each file of `frozen` that differs; while `implementing` for each that tests or judges, too."""
    wanted = {_folded(path) for path in frozen}
    for delta in change.deltas:
        for path in dict.fromkeys((delta.path_before, delta.path)):
            existed = path in change.base_files
            if _folded(path) in wanted and (existed or delta.deleted or path not in frozen):
                yield _frozen(delta, path, "an approved test")
            elif implementing:
                yield from _side(delta, path, existed)
        if implementing and delta.arrived:
            yield from _twin(change, delta)
    for path in frozen:
        if path not in change.head_files and not any(path in (delta.path, delta.was) for delta in change.deltas):
            yield moved_goalposts(
                "frozen-changed",
                f"{path} is not there, which was approved",
                path,
                cause=f"approved tests stay; {REQUEST}",
            )


def _twin(change: ChangeSet, delta: Delta) -> Iterator[Objection]:
    """A new test file that pytest takes for an old one of the same name, outside packages."""
    folder, _, name = delta.path.rpartition("/")
    if not is_test_file(delta.path) or not name.endswith(".py") or f"{folder}/__init__.py" in change.head_files:
        return
    for path in sorted(change.base_files):
        if path.rpartition("/")[2] == name and path != delta.path and is_test_file(path):
            yield moved_goalposts(
                "shadowed-module", f"{delta.path} has the name of {path}: pytest collects one of them", delta.path, 1,
                cause="outside packages test files are told apart by their name alone; give it another",
            )  # fmt: skip


def _folded(path: str) -> str:
    """Names that some file systems take for the same."""
    return unicodedata.normalize("NFKC", path).casefold()


def _side(delta: Delta, path: str, existed: bool) -> Iterator[Objection]:
    kind = protection(path)
    if kind:
        for objection in protected_changes([path]):
            yield objection.model_copy(update={"rule": f"tamper/{_RULES[kind]}", "evidence": _shown(delta, path)})
    elif existed and (is_test_path(path) or is_snapshot(path)):
        yield _frozen(delta, path, "an existing test or something tests stand on")
    elif is_config(path):
        yield moved_goalposts(
            "gate-config", f"{path} was changed, which configures gates", path, _line(delta),
            cause=f"gates judge by the settings they had before; {REQUEST}", evidence=_shown(delta, path),
        )  # fmt: skip


_RULES = {"config": "gate-config", "ci": "ci-config", "lock": "lock-changed", "agent": "agent-instructions",
          "infrastructure": "plumbing-changed"}  # fmt: skip


def _frozen(delta: Delta, path: str, what: str) -> Objection:
    how = "is gone" if delta.deleted else "was renamed" if delta.was == path else "was changed"
    return moved_goalposts(
        "frozen-changed", f"{path} {how}: {what} stays as it is", path, _line(delta),
        cause=f"the code is made to fit the tests, not the tests the code; {REQUEST}", evidence=_shown(delta, path),
    )  # fmt: skip


def _line(delta: Delta) -> int | None:
    return next(iter(delta.added_lines), None)


def _shown(delta: Delta, path: str) -> str:
    if delta.was:
        return f"{delta.was} -> {delta.path}"
    gone = [f"- {line}" for line in list(delta.removed_lines.values())[:6]]
    return "\n".join([f"changed path: {path}", *gone, *(f"+ {line}" for line in list(delta.added_lines.values())[:6])])
