"""What ticket, plan or policy name as frozen stays as it is: names, calls and tables, held by base and head alone.

No criterion lifts it. Words that name none of these are left to the reviewer, and are said to be.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Literal

from ..model.evidence import GateKind
from ..model.judgement import Measured
from ..model.objection import Deviation, Objection, Severity
from .change_set import ChangeSet, Delta
from .frozen import is_test_path
from .measured import built_in, minded

NAME = "frozen-interfaces"
Held = Literal["name", "call", "table", "schema", "dependencies", "interfaces", "words"]
_CALL = re.compile(r"^(?:(?:GET|PUT|POST|DELETE|PATCH|HEAD|OPTIONS|TRACE)\s+)?(/\S*)(?:\s|$)", re.IGNORECASE)
_TABLE = re.compile(r"^(?:the\s+)?(?:table|collection)\s+`?([\w.]+)`?$|^`?([\w.]+)`?\s+table$", re.IGNORECASE)
_IDENTIFIER = re.compile(r"^`?[A-Za-z_*][\w*]*(?:\.[\w*]+)*`?(?:\(.*\))?$")
_WHOLE = re.compile(r"\b(?:api|interfaces?|endpoints?|responses?|signatures|public names)\b", re.IGNORECASE)
_CODE = re.compile(r"\b(?:python|packages?|modules?|functions?|class(?:es)?|signatures?|names)\b", re.IGNORECASE)
_DDL = re.compile(
    r"\b(?:create|alter|drop|truncate|rename)\b|\bop\.\w+\s*\(|\bmigrations\.\w+\s*\(|\b__tablename__\b", re.IGNORECASE
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def held_by(entry: str) -> Held:
    """What holds a frozen entry: a check of names, calls or tables, or, for other words, the reviewer alone."""
    text = entry.replace("`", "").strip()
    if text.casefold() in ("database schema", "dependencies"):
        return "schema" if text.casefold() == "database schema" else "dependencies"
    if _CALL.match(text):
        return "call"
    if _TABLE.match(text):
        return "table"
    if _IDENTIFIER.match(text):
        return "name"
    return "interfaces" if _WHOLE.search(text) else "words"


def check_frozen(change: ChangeSet, frozen: Sequence[str]) -> Measured:
    """An objection with its place for each frozen name, call or table that the change takes away or makes otherwise."""
    deltas = [delta for delta in change.deltas if not is_test_path(delta.path_before)]
    found = [objection for entry in frozen for objection in _broken(entry, deltas)]
    return built_in(NAME, found, examined=len(frozen), unit="frozen interfaces", tree=change.head, kind=GateKind.FROZEN)


def as_frozen(found: Iterable[Objection], frozen: Sequence[str]) -> list[Objection]:
    """What the check of interfaces found, a break of something frozen weighing as such whatever a criterion says."""
    return [_weighed(objection, frozen) if objection.rule.startswith("api/") else objection for objection in found]


def _weighed(objection: Objection, frozen: Sequence[str]) -> Objection:
    entry = next((entry for entry in frozen if _speaks(entry, objection)), "")
    if not entry:
        return objection
    update = {"severity": Severity.HIGH, "cause": f"`{entry}` is frozen in this run: put the old form back"}
    return objection.model_copy(update=update)


def _speaks(entry: str, objection: Objection) -> bool:
    kind = held_by(entry)
    if kind == "interfaces":
        # Who speaks of an API without a name means what is called from outside, unless they say otherwise.
        code = objection.place is not None and objection.place.path.endswith((".py", ".pyi"))
        return not code or bool(_CODE.search(entry))
    if kind == "call":
        return _path(entry) in objection.evidence.split() or f" {_path(entry)}" in f" {objection.what}"
    name = objection.what.split(" ", 1)[0].partition("(")[0]
    return kind == "name" and _named(entry, name)


def _broken(entry: str, deltas: Sequence[Delta]) -> Iterator[Objection]:
    kind = held_by(entry)
    if kind == "name":
        yield from _names(entry, deltas)
    elif kind == "call":
        yield from _calls(entry, deltas)
    elif kind == "table":
        yield from _tables(entry, deltas)


def _mind(entry: str, what: str, path: str, line: int | None, told: str) -> Objection:
    return minded(
        f"{NAME}/changed", what, path, line_=line, cause=f"`{entry}` is frozen in this run: leave it as it is",
        evidence=told, deviation=Deviation.BOUNDARY,
    )  # fmt: skip


# -- names -------------------------------------------------------------------------------------------------------------


def _names(entry: str, deltas: Sequence[Delta]) -> Iterator[Objection]:
    for delta in deltas:
        if not delta.path_before.endswith((".py", ".pyi")) or delta.added:
            continue
        before, after = _signatures(delta.text_before), _signatures(delta.text_after)
        module = _module(delta.path_before)
        moved = delta.was or delta.deleted
        if before is None or after is None:
            continue  # what is no Python is told by the gates
        for name, (told, _) in before.items():
            if not _named(entry, f"{module}.{name}"):
                continue
            now = after.get(name)
            if moved or now is None:
                yield _mind(entry, f"{module}.{name} is gone from its place", delta.path_before, None, told)
            elif now[0] != told:
                yield _mind(
                    entry, f"{module}.{name} is called otherwise", delta.path, now[1], f"{told} became {now[0]}"
                )


def _signatures(text: str) -> dict[str, tuple[str, int]] | None:
    """Functions, classes and methods of a module as they are called, with their lines; None for what is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found: dict[str, tuple[str, int]] = {}
    for node in tree.body:
        if isinstance(node, Function):
            found[node.name] = (_called(node), node.lineno)
        elif isinstance(node, ast.ClassDef):
            found[node.name] = (f"class {node.name}({', '.join(map(ast.unparse, node.bases))})", node.lineno)
            methods = (each for each in node.body if isinstance(each, Function))
            found |= {f"{node.name}.{each.name}": (_called(each), each.lineno) for each in methods}
    return found


def _called(node: Function) -> str:
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    gives = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{word} {node.name}({ast.unparse(node.args)}){gives}"


def _module(path: str) -> str:
    return path.rpartition(".")[0].removesuffix("/__init__").replace("/", ".")


def _named(entry: str, name: str) -> bool:
    """Whether the entry, a name or a glob of names, means the dotted name, or the end of it."""
    wanted = entry.replace("`", "").partition("(")[0].strip()
    return fnmatchcase(name, wanted) or fnmatchcase(name, f"*.{wanted}")


# -- calls and tables --------------------------------------------------------------------------------------------------


def _path(entry: str) -> str:
    found = _CALL.match(entry.strip())
    return found.group(1).rstrip(",.;") if found else ""


def _calls(entry: str, deltas: Sequence[Delta]) -> Iterator[Objection]:
    """A call that stood in code or in a description by its path and stands nowhere in the changed files any more."""
    path = _path(entry)
    quoted = re.compile(rf"[\"'`]{re.escape(path)}[\"'`]|^\s*{re.escape(path)}\s*:", re.MULTILINE)
    if any(quoted.search(delta.text_after) for delta in deltas):
        return
    for delta in deltas:
        for number, line in delta.removed_lines.items():
            if quoted.search(line):
                yield _mind(entry, f"the call {path} is gone", delta.path_before, number, line.strip()[:300])
                break


def _tables(entry: str, deltas: Sequence[Delta]) -> Iterator[Objection]:
    found = _TABLE.match(entry.strip())
    name = next((part for part in found.groups() if part), "") if found else ""
    about = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)", re.IGNORECASE)
    for delta in deltas:
        if delta.path.endswith((".md", ".rst", ".txt")):
            continue
        both = (*delta.added_lines.items(), *delta.removed_lines.items())
        for number, line in both:
            if about.search(line) and _DDL.search(line):
                yield _mind(entry, f"the table {name} is changed", delta.path, number, line.strip()[:300])
                break
