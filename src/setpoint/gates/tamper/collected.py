"""What pytest collects by its settings: a folder or a name that is no longer looked at takes its tests with it."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from ...model.objection import Objection
from ..change_set import ChangeSet, as_text
from ..written_tests import tests_in
from .config_files import Config
from .naming import fits
from .raised import REQUEST, moved_goalposts
from .settings_files import Setting

_ASKED = {
    "testpaths": (), "python_files": (), "python_functions": ("test_total",), "python_classes": ("TestCart",),
}  # fmt: skip
"""The settings, with what tests are called as a rule."""


def no_longer_collected(change: ChangeSet, files: Sequence[Config]) -> Iterator[Objection]:
    """An objection for each pytest setting that is new and leaves out tests of the base that are still there."""
    for file in files:
        known = {_word(one) for one in file.before}
        fresh: dict[str, list[Setting]] = {}
        for one in file.after:
            if _word(one) in _ASKED and "pytest" in one.key.lower() and _word(one) not in known:
                fresh.setdefault(_word(one), []).append(one)
        for word, ones in fresh.items():
            values = [value for one in ones for value in one.value.split()]
            lost = _lost(word, values, change, PurePosixPath(file.path).parent)
            if lost:
                yield moved_goalposts(
                    "tests-deselected", f"{file.path} makes a gate look away: `{word}` holds only {', '.join(values)}",
                    file.path, ones[0].line, cause=f"tests are no longer collected; {REQUEST}", evidence=lost,
                )  # fmt: skip


def _word(one: Setting) -> str:
    return one.key.replace("[]", "").rpartition(".")[2].lower()


def _lost(word: str, values: Sequence[str], change: ChangeSet, top: PurePosixPath) -> str:
    """A test that `values` of the setting `word` leave out, or a name it might have; empty for none."""
    if word == "testpaths":
        folders = [str(top / value).removeprefix("./").strip("/") for value in values]
        return next((path for path in _tests(change, top) if not any(_below(path, one) for one in folders)), "")
    if word == "python_files":
        return next((path for path in _tests(change, top) if not _named(path, values)), "")
    return next((name for name in _ASKED[word] if not any(fits(name, value) for value in values)), "")


def _tests(change: ChangeSet, top: PurePosixPath) -> Iterator[str]:
    """Files with tests that pytest finds unasked below `top`, and that the change leaves where they are."""
    for path in sorted(change.base_files & change.head_files):
        found = _named(path, ("test_*.py", "*_test.py")) and PurePosixPath(path).is_relative_to(top)
        if found and tests_in(path, as_text(change.read_base(path))):
            yield path


def _named(path: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(PurePosixPath(path).name, glob) for glob in globs)


def _below(path: str, folder: str) -> bool:
    if folder in ("", ".") or path == folder or path.startswith(f"{folder}/"):
        return True
    parts = PurePosixPath(path).parts
    return any(fnmatchcase("/".join(parts[:depth]), folder) for depth in range(1, len(parts) + 1))
