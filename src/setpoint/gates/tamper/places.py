"""Where tests take the code under test from: other modules, copies, changed search paths, modules that hide others."""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from ...model.objection import Objection
from ..change_set import ChangeSet, Delta, as_text
from ..frozen import is_test_path
from .cases import TestFile
from .naming import SCRIPTS
from .pairing import Files
from .product import defined, is_code, is_product
from .python_reader import python_definitions
from .raised import HIGH, LOW, REQUEST, tampered
from .script_reader import script_definitions, stem

_ELSEWHERE = re.compile(
    r"(?:^|[/.])(?:vendor|vendored|_vendor|third_party|legacy|old|copy|backup|stubs?|fakes?|shadow)(?:[/.]|$)"
)
_ROOTS = ("src", "lib", ".", "..", "../src", "../..", "app", "tests", "test")
_RUNNERS = ("pytest", "_pytest", "unittest", "pluggy", "hypothesis", "coverage", "pytest_cov", "nose", "mock")
_JUDGES = re.compile(
    r"^(?:(?:node:)?(?:assert|test)|vitest|@jest/globals|chai|expect|mocha|ava|tap|uvu|pytest|unittest|hypothesis)(?:$|[/.:])"
)
"""Where tests and assertions come from."""
MODULES = 300
"""Product modules that are searched for the original of a copy."""


def judged_places(change: ChangeSet, files: Sequence[tuple[Delta, Files]]) -> Iterator[Objection]:
    """Objections against tests that look at something else than the code under test."""
    for _, file in files:
        if file.after is None:
            continue
        if file.before is not None:
            yield from _taken_from(change, file.before, file.after)
        yield from _copied(change, file)
        yield from _tricks(change, file)
        yield from _replaced(change, file)
    for delta in change.deltas:
        if delta.arrived and is_code(delta.path):
            yield from _hiding(change, delta)


def _local(source: str) -> str:
    return source.partition(":")[0] if not source.startswith("node:") else source


def _file_of(change: ChangeSet, source: str, *, head: bool) -> str:
    """The file of the repository that an import leads to; empty for a package from outside."""
    module = _local(source)
    known = change.head_files if head else change.base_files
    if "/" in module or module.endswith(SCRIPTS):
        plain = stem(module)
        found = [f"{plain}{suffix}" for suffix in SCRIPTS] + [f"{plain}/index{suffix}" for suffix in SCRIPTS]
        return next((path for path in (module, *found) if path in known), "")
    path = module.strip(".").replace(".", "/")
    if not path:
        return ""
    ends = (f"{path}.py", f"{path}/__init__.py")
    return next(
        (one for root in ("", "src/", "lib/", "tests/", "test/") for end in ends if (one := root + end) in known), ""
    )


def _taken_from(change: ChangeSet, before: TestFile, after: TestFile) -> Iterator[Objection]:
    for name, source in before.imports.items():
        origin = _file_of(change, source, head=False)
        local = after.imports.get(name, source)
        if not origin and _JUDGES.match(source) and local != source:
            place = _file_of(change, local, head=True)
            if place:
                yield _foreign(after, name, f"taken from {place}, not from {_local(source)}", name)
            continue
        if not origin or not is_product(origin):
            continue
        symbol = source.rpartition(":")[2] or name
        still = symbol in defined(origin, as_text(change.read_head(origin))) if origin in change.head_files else False
        now = after.imports.get(name)
        if name in after.defined and name not in before.defined and still:
            yield _foreign(after, name, f"defined in the test file itself, while {origin} still has it", name)
        elif now is not None and now != source:
            place = _file_of(change, now, head=True)
            if place and place != origin and (is_test_path(place) or _ELSEWHERE.search(place)):
                yield _foreign(after, name, f"taken from {place}, not from {origin}", name)
            elif place and place != origin and still and symbol in defined(place, as_text(change.read_head(place))):
                yield _foreign(after, name, f"taken from {place}, while {origin} still defines it", name)


def _foreign(file: TestFile, name: str, how: str, symbol: str, line: int | None = None) -> Objection:
    return tampered(
        "foreign-import", f"{file.path} tests another `{symbol}`: {how}", file.path, line or file.lines_of.get(name),
        cause=f"the code under test is not what is tested; {REQUEST}",
    )  # fmt: skip


def _copied(change: ChangeSet, file: Files) -> Iterator[Objection]:
    """Functions of a test file whose code is that of a product function."""
    after = file.after
    assert after is not None
    known = set(file.before.defined.values()) if file.before else set()
    tests = {case.last for case in after.cases if case.collected}
    fresh = {name: body for name, body in after.defined.items() if body not in known and name not in tests}
    fresh = {name: body for name, body in fresh.items() if len(body) >= 25}
    if not fresh:
        return
    ours = [path for path in sorted(change.head_files) if is_product(path) and _same_language(path, after.path)]
    for path in ours[:MODULES]:
        text = as_text(change.read_head(path))
        if not any(name in text for name in fresh):
            continue
        originals = python_definitions(text) if path.endswith(".py") else script_definitions(path, text)
        for name, body in fresh.items():
            if originals.get(name) == body:
                yield tampered(
                    "copied-implementation", f"{after.path} holds a copy of `{name}` of {path}", after.path,
                    after.lines_of.get(name), cause="the copy is tested, and the code under test may do anything",
                )  # fmt: skip


def _same_language(path: str, other: str) -> bool:
    return path.endswith(".py") == other.endswith(".py")


def _tricks(change: ChangeSet, file: Files) -> Iterator[Objection]:
    after = file.after
    assert after is not None
    known = {text for _, text in file.before.tricks} if file.before else set()
    for line, text in after.tricks:
        if text in known:
            continue
        folders = re.findall(r"['\"]([^'\"]*)['\"]", text)
        words = [word for part in folders for word in part.strip("/").split("/")]
        path = text.startswith(("sys.path", "site."))
        strange = any(_ELSEWHERE.search(part) or (path and part.strip("/") not in _ROOTS) for part in folders)
        own = (
            _packages(change) & {part.partition(".")[0] for part in folders}
            if text.startswith("sys.modules")
            else set()
        )
        usual = not strange and not own and not (not path and {"tests", "test"} & set(words))
        yield tampered(
            "foreign-import", f"{after.path} changes where modules come from: {text[:160]}", after.path, line,
            cause="what is imported afterwards may not be the code under test", severity=LOW if usual else HIGH,
        )  # fmt: skip


def _replaced(change: ChangeSet, file: Files) -> Iterator[Objection]:
    """Functions and classes of the product, or of its classes, that a test file puts others in the place of."""
    after = file.after
    assert after is not None
    known = {what for _, what in file.before.replaced} if file.before else set()
    for line, what in after.replaced:
        parts = what.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            origin = _file_of(change, ".".join(parts[:cut]) + ":", head=True)
            if origin and is_product(origin) and what not in known:
                if parts[cut] in python_definitions(as_text(change.read_head(origin))):
                    how = f"it is replaced while the tests are loaded, whatever {origin} says"
                    yield _foreign(after, what, how, parts[-1], line)
                break


def _hiding(change: ChangeSet, delta: Delta) -> Iterator[Objection]:
    """New modules that take the place of the product, the runner or the standard library."""
    pure = PurePosixPath(delta.path)
    if pure.suffix != ".py":
        return
    parts = pure.with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    if not parts:
        return
    # Folders that a runner puts on the search path: the root, `src`, and folders with tests.
    tops = {parts[0]} | ({parts[1]} if len(parts) > 1 and parts[0] in ("src", "lib") else set())
    in_tests = is_test_path(delta.path)
    tops |= {parts[-1]} if in_tests else set()
    for top in sorted(tops):
        if top in _RUNNERS or (
            top in sys.stdlib_module_names
            and (in_tests or len(parts) == 1 or _on_the_path(parts, change))
            and top not in ("test", "site")
        ):
            why = "the test runner" if top in _RUNNERS else "the standard library"
        elif (
            in_tests
            and top in _packages(change)
            and not any(path.startswith(f"{'/'.join(parts)}/") for path in change.base_files)
        ):
            why = "the product"
        else:
            continue
        yield tampered(
            "shadowed-module", f"{delta.path} takes the place of `{top}` of {why}", delta.path, 1,
            cause="an import of that name finds this file first when tests run",
        )  # fmt: skip


def _on_the_path(parts: tuple[str, ...], change: ChangeSet) -> bool:
    """Whether it stands right below `src` or `lib`, and that is a place modules are searched in, not a package."""
    return len(parts) == 2 and parts[0] in ("src", "lib") and f"{parts[0]}/__init__.py" not in change.head_files


def _packages(change: ChangeSet) -> set[str]:
    """Top-level names of the product."""
    found = set()
    for path in change.base_files:
        if path.endswith(".py") and is_product(path):
            parts = PurePosixPath(path).parts
            parts = parts[1:] if parts[0] in ("src", "lib") and len(parts) > 1 else parts
            found.add(parts[0].removesuffix(".py"))
    return found - {"tests", "test", "docs", "setup"}
