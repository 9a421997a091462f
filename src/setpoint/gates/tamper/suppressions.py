"""Comments that tell a tool to look away: `noqa`, `type: ignore`, `eslint-disable`, coverage pragmas. Real comments
count, text that speaks of them does not."""

import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from ...model.objection import Objection, Severity
from ..change_set import ChangeSet, Delta
from ..frozen import is_test_path
from .naming import SCRIPTS
from .raised import HIGH, LOW, MEDIUM, REQUEST, moved_goalposts
from .script_tree import below, line_of, parsed, raw


class Shape(NamedTuple):
    """One kind of comment."""

    kind: str
    pattern: re.Pattern[str]
    whole: bool = False
    """It holds for a whole file."""


def _shape(kind: str, pattern: str, whole: bool = False) -> Shape:
    return Shape(kind, re.compile(pattern, re.IGNORECASE), whole)


PYTHON = (
    _shape("noqa for the file", r"#\s*(?:ruff|flake8)\s*:\s*noqa(?::\s*(?P<codes>[A-Z0-9, ]+))?", True),
    _shape("noqa", r"#\s*noqa(?:\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?"),
    _shape("type checking off", r"#\s*mypy\s*:\s*(?:ignore-errors|disable-error-code)", True),
    _shape("type checking off", r"#\s*pyright\s*:\s*(?:basic|off|report\w+\s*=\s*(?:false|none))", True),
    _shape("type: ignore", r"#\s*type:\s*ignore(?:\[(?P<codes>[\w, -]+)\])?"),
    _shape("pyright: ignore", r"#\s*pyright:\s*ignore(?:\[(?P<codes>[\w, -]+)\])?"),
    _shape("ty: ignore", r"#\s*ty:\s*ignore(?:\[(?P<codes>[\w, -]+)\])?"),
    _shape("pragma: no cover", r"#\s*pragma\s*:?\s*no\s*(?:cover|branch)"),
    _shape("pragma: no mutate", r"#\s*pragma\s*:?\s*no\s*mutate"),
    _shape("nosec", r"#\s*nosec(?:\s*:?\s*(?P<codes>B\d+(?:[,\s]+B\d+)*))?"),
    _shape("pylint: skip-file", r"#\s*pylint\s*:\s*skip-file", True),
    _shape("pylint: disable", r"#\s*pylint\s*:\s*disable(?:-next)?\s*=\s*(?P<codes>[\w, -]+)"),
    _shape("noinspection", r"#\s*noinspection\s+(?P<codes>\w+)"),
    _shape("isort: skip", r"#\s*isort\s*:\s*skip_file", True),
)
SCRIPT = (
    _shape("eslint-disable for the file", r"/\*\s*eslint-disable(?!-)\s*(?P<codes>[@\w/, -]*?)(?:\s--|\s*\*/)", True),
    _shape("eslint-disable", r"eslint-disable-(?:next-)?line\s*(?P<codes>[@\w/, -]*?)(?:\s--|\s*\*/|$)"),
    _shape("eslint rule off", r"/\*\s*eslint\s+(?P<codes>[@\w/-]+)\s*:\s*[\"']?(?:off|0|warn|1)", True),
    _shape("@ts-nocheck", r"@ts-nocheck", True),
    _shape("@ts-ignore", r"@ts-ignore"),
    _shape("@ts-expect-error", r"@ts-expect-error"),
    _shape("coverage ignore for the file", r"(?:istanbul|c8|v8)\s+ignore\s+(?:file|start)|jest-ignore-coverage", True),
    _shape("coverage ignore", r"(?:istanbul|c8|v8|node:coverage)\s+(?:ignore(?!\s+(?:file|start|stop))|disable)"),
    _shape("biome-ignore", r"biome-ignore\s+(?P<codes>[\w/]+)"),
    _shape("oxlint-disable", r"oxlint-disable"),
    _shape("Stryker disable", r"Stryker\s+disable"),
    _shape("@ts-strict-ignore", r"@ts-strict-ignore", True),
)
_HARMLESS = re.compile(
    r"if\s+(?:typing\.)?TYPE_CHECKING|__main__|NotImplementedError|@(?:abc\.)?abstractmethod|@overload|\.\.\.\s*#|__repr__"
    r"|assert_never|unreachable|sys\.version_info|sys\.platform|os\.name\b|except (?:ImportError|ModuleNotFoundError)"
)


class Silence(NamedTuple):
    """One such comment in one file."""

    path: str
    line: int
    kind: str
    codes: str
    whole: bool
    code: str
    """What the line says without blanks, the comment included."""
    reason: str


def added_suppressions(change: ChangeSet, *, implementing: bool) -> Iterator[Objection]:
    """An objection for each such comment that is more than there were: moved with their line, they are not."""
    before = [one for delta in change.deltas for one in _silences(delta.path_before, delta.text_before)]
    after = [(delta, one) for delta in change.deltas for one in _silences(delta.path, delta.text_after)]
    lines = Counter((one.kind, one.code) for one in before)
    fresh = []
    for delta, one in after:
        if lines[one.kind, one.code] > 0:
            lines[one.kind, one.code] -= 1
        else:
            fresh.append((delta, one))
    # A line that was edited keeps its comment: count those of one kind that vanished from the same file.
    spare = Counter((change_path, one.kind, one.codes) for change_path, one in _vanished(change, before, lines))
    for delta, one in fresh:
        if spare[delta.path, one.kind, one.codes] > 0:
            spare[delta.path, one.kind, one.codes] -= 1
        else:
            yield _objection(delta, one, implementing)


def _vanished(
    change: ChangeSet, before: Sequence[Silence], left: Counter[tuple[str, str]]
) -> Iterator[tuple[str, Silence]]:
    now = {delta.path_before: delta.path for delta in change.deltas}
    rest = left.copy()
    for one in before:
        if rest[one.kind, one.code] > 0:
            rest[one.kind, one.code] -= 1
            yield now.get(one.path, one.path), one


def _objection(delta: Delta, one: Silence, implementing: bool) -> Objection:
    codes = f" ({one.codes})" if one.codes else ""
    return moved_goalposts(
        "suppression-added", f"a tool is told to look away: {one.kind}{codes}", one.path, one.line,
        cause=f"mend what the tool minds instead; where it is wrong, {REQUEST.partition(', or ')[2]}",
        evidence=delta.added_lines.get(one.line, "").strip(), severity=_severity(delta, one, implementing),
    )  # fmt: skip


def _severity(delta: Delta, one: Silence, implementing: bool) -> Severity:
    if one.whole:
        return HIGH
    if one.kind.startswith(("pragma", "coverage")):
        near = [delta.added_lines.get(one.line - 1, ""), delta.added_lines.get(one.line, "")]
        return LOW if is_test_path(one.path) or any(_HARMLESS.search(line) for line in near) else HIGH
    if is_test_path(one.path) and one.kind.startswith(("type", "pyright", "ty:", "@ts")) and not implementing:
        return LOW  # tests pass wrong types on purpose
    precise = bool(one.codes) or one.kind == "@ts-expect-error"
    if not precise or one.kind == "@ts-ignore":
        return HIGH
    told = len(one.reason) >= 8 or is_test_path(one.path) or _style_of_new_code(delta, one)
    return LOW if told and not implementing else MEDIUM


def _style_of_new_code(delta: Delta, one: Silence) -> bool:
    """A lint rule other than a security one, on a line that is new itself."""
    if one.kind not in ("noqa", "eslint-disable", "pylint: disable", "biome-ignore") or re.search(
        r"\bS\d|security", one.codes
    ):
        return False
    plain = "".join(re.split(r"#|//|/\*", delta.added_lines.get(one.line, ""))[0].split())
    return not any("".join(line.split()) == plain for line in delta.removed_lines.values())


def _silences(path: str, text: str) -> Iterator[Silence]:
    suffix = PurePosixPath(path).suffix.lower()
    if not text or suffix not in (".py", ".pyi", *SCRIPTS, ".vue", ".svelte"):
        return
    shapes = PYTHON if suffix in (".py", ".pyi") else SCRIPT
    if not any(shape.pattern.search(text) for shape in shapes):
        return
    lines = text.splitlines()
    for number, comment in _comments(text, suffix):
        yield from _in_comment(path, number, comment, lines, shapes)


def _in_comment(path: str, number: int, comment: str, lines: list[str], shapes: Sequence[Shape]) -> Iterator[Silence]:
    taken: list[tuple[int, int]] = []
    for shape in shapes:
        for found in shape.pattern.finditer(comment):
            if any(start <= found.start() < end for start, end in taken):
                continue
            taken.append(found.span())
            at = number + comment[: found.start()].count("\n")
            here = lines[at - 1] if at <= len(lines) else ""
            codes = found.groupdict().get("codes") or ""
            codes = ", ".join(sorted(part for part in re.split(r"[,\s]+", codes.strip()) if part))
            reason = re.sub(r"^[\s\-#:]*|[*/\s]*$", "", comment[found.end() :])
            # A directive for the next line belongs to that line.
            code = (
                here
                if "next" not in comment and "ts-" not in comment
                else here + (lines[at] if at < len(lines) else "")
            )
            yield Silence(path, at, shape.kind, codes, shape.whole, "".join(code.split()), reason)


def _comments(text: str, suffix: str) -> Iterator[tuple[int, str]]:
    if suffix in (".vue", ".svelte"):
        yield from ((number, line) for number, line in enumerate(text.splitlines(), 1) if "//" in line or "*" in line)
    elif suffix in (".py", ".pyi"):
        try:
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                if token.type == tokenize.COMMENT:
                    yield token.start[0], token.string
        except (tokenize.TokenError, IndentationError, SyntaxError):
            return
    else:
        for node in below(parsed(text, suffix), "comment"):
            yield line_of(node), raw(node)
