"""Expectations that nobody typed: snapshots, golden files, cassettes; and the data and plumbing tests stand on."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from ...model.objection import Objection
from ..change_set import ChangeSet, Delta
from ..frozen import is_test_path
from .product import is_code
from .python_text import Function, dotted, written
from .raised import HIGH, LOW, MEDIUM, REQUEST, tampered

_SNAPSHOT = re.compile(
    r"(?:^|/)(?:snapshots?|goldens?|golden_files|approved|approvals|expected|baselines?|cassettes|reference)/"
    r"|(?:^|/)(?:golden|expected|approved)[_.-]",
    re.IGNORECASE,
)
_ANYWHERE = re.compile(r"(?:^|/)__snapshots__/|\.(?:snap|ambr|golden|approved\.\w+|snapshot\.\w+)$", re.IGNORECASE)
_HOOKS = frozenset(
    ("pytest_collection_modifyitems", "pytest_ignore_collect", "pytest_runtest_makereport", "pytest_runtest_call",
     "pytest_sessionfinish", "pytest_runtest_protocol", "pytest_pyfunc_call", "pytest_report_teststatus",
     "pytest_collect_file", "pytest_pycollect_makeitem", "pytest_itemcollected", "pytest_deselected",
     "pytest_assertrepr_compare", "pytest_exception_interact", "pytest_runtest_logreport", "pytest_generate_tests",
     "pytest_runtest_setup", "pytest_cmdline_main", "pytest_load_initial_conftests")
)  # fmt: skip
_QUIET_HOOKS = frozenset(("pytest_generate_tests", "pytest_runtest_setup", "pytest_assertrepr_compare"))


def is_snapshot(path: str) -> bool:
    """Whether `path` holds what a tool once recorded as right."""
    recorded = bool(_ANYWHERE.search(path)) or (is_test_path(path) and bool(_SNAPSHOT.search(path)))
    return recorded and not is_code(path)


def changed_goldens(change: ChangeSet) -> Iterator[Objection]:
    """Objections against changed recordings, and notes on changed test data."""
    for delta in change.deltas:
        path = delta.path_before
        snapshot = is_snapshot(path)
        if delta.before is None or delta.before == delta.after or is_code(path) or not (snapshot or is_test_path(path)):
            continue
        if snapshot and (delta.removed_lines or not delta.text_before):
            how = "is gone" if delta.deleted else "was changed"
            yield tampered(
                "snapshot-changed", f"{path} {how}, which says what is right", path, _line(delta),
                cause=f"an expectation that a tool writes is what the code does, not what it should do; {REQUEST}",
                evidence=_shown(delta), severity=LOW if _obsolete(change, delta) else MEDIUM,
            )  # fmt: skip
        elif not snapshot:
            yield tampered(
                "fixture-changed", f"{path} was changed, which tests stand on", path, _line(delta),
                cause="tests that use it may see something else; see that a criterion asks for it",
                evidence=_shown(delta), severity=LOW,
            )  # fmt: skip


def _obsolete(change: ChangeSet, delta: Delta) -> bool:
    """A snapshot file that went together with the test file it belongs to."""
    name = PurePosixPath(delta.path_before).name.removesuffix(".snap").removesuffix(".ambr")
    return delta.deleted and any(
        other.deleted and PurePosixPath(other.path).name.removesuffix(".py") == name.removesuffix(".py")
        for other in change.deltas
    )


def _line(delta: Delta) -> int | None:
    return next(iter(delta.added_lines), None)


def _shown(delta: Delta) -> str:
    gone = [f"- {line}" for line in list(delta.removed_lines.values())[:8]]
    return "\n".join([*gone, *(f"+ {line}" for line in list(delta.added_lines.values())[:8])])


def changed_plumbing(change: ChangeSet) -> Iterator[Objection]:
    """Objections against conftest files that change what is collected, run or reported."""
    for delta in change.deltas:
        if PurePosixPath(delta.path).name != "conftest.py" or delta.after is None:
            continue
        try:
            tree = ast.parse(delta.text_after)
        except (SyntaxError, ValueError, RecursionError):
            continue
        for node in ast.walk(tree):
            if getattr(node, "lineno", 0) in delta.added_lines or _body_added(delta, node):
                yield from _plumbing(change, delta, node)


def _body_added(delta: Delta, node: ast.AST) -> bool:
    return isinstance(node, Function) and any(
        line in delta.added_lines for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    )


def _plumbing(change: ChangeSet, delta: Delta, node: ast.AST) -> Iterator[Objection]:
    if isinstance(node, Function) and node.name in _HOOKS:
        body = written(node)
        judges = re.search(
            r"skip|xfail|deselect|outcome|items\s*\[|remove|exitstatus|return True|force_result|\.clear\(", body
        )
        if node.name not in _QUIET_HOOKS or judges:
            yield _objection(delta, node.lineno, f"hook `{node.name}`", HIGH if judges else LOW)
    elif isinstance(node, ast.Assign | ast.AugAssign) and _leaves_out(node) and _held_tests(change, delta, node):
        yield tampered(
            "tests-deselected", f"{delta.path} leaves tests out: {written(node)}", delta.path, node.lineno,
            cause=f"no runner collects them; {REQUEST}",
        )  # fmt: skip
    elif isinstance(node, Function) and _autouse(node):
        patches = re.search(r"\bsetattr\(|\bpatch\b|\bsuppress\(|except \w*(?:Exception|AssertionError)", written(node))
        if patches:
            yield _objection(delta, node.lineno, f"fixture `{node.name}` changes the code for every test", HIGH)
    elif isinstance(node, ast.Call) and dotted(node.func).endswith("register_profile"):
        low = [word for word in node.keywords if word.arg == "max_examples"]
        for word in low:
            if isinstance(word.value, ast.Constant) and isinstance(word.value.value, int) and word.value.value < 50:
                yield tampered(
                    "threshold-lowered", f"{delta.path} tries properties with few examples", delta.path, node.lineno,
                    cause=f"max_examples is {word.value.value}; {REQUEST}", severity=MEDIUM,
                )  # fmt: skip


def _leaves_out(node: ast.Assign | ast.AugAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(dotted(target).startswith("collect_ignore") for target in targets)


def _held_tests(change: ChangeSet, delta: Delta, node: ast.Assign | ast.AugAssign) -> bool:
    """Whether what is left out was there before; names that are computed may be anything."""
    names = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    literal = isinstance(node.value, ast.List | ast.Tuple) and len(names) == len(node.value.elts)
    folder = PurePosixPath(delta.path).parent
    globs = [f"{folder / name}".removeprefix("./") for name in names]
    known = [path for path in change.base_files if is_code(path)]
    return not literal or any(
        fnmatchcase(path, glob) or path.startswith(f"{glob}/") for glob in globs for path in known
    )


def _autouse(node: Function) -> bool:
    return any("autouse=True" in written(part) for part in node.decorator_list)


def _objection(delta: Delta, line: int, what: str, severity: object) -> Objection:
    return tampered(
        "runner-patched", f"{delta.path} changes what is collected, run or reported: {what}", delta.path, line,
        cause=f"a test's verdict is no longer the runner's own; {REQUEST}", severity=HIGH if severity is HIGH else LOW,
    )  # fmt: skip
