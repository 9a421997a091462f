"""An accepted lesson as text in the repository: a proposal until a person commits it.

With paths it is a file of its own below `.setpoint/rules/`, with the paths in its front matter, as rule folders have
them; without paths it is a part of `.setpoint/SYSTEM.md`, which every session reads from the base it started from.
"""

import difflib
import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..model.lesson import Example, LessonCandidate
from ..model.numbers import counted

RULES = ".setpoint/rules"
SYSTEM = ".setpoint/SYSTEM.md"
HEADING = "## Rules learned from runs"
LINES = 12
"""Lines kept of each side of an example."""
WIDE = 200
RUNS = 20
"""Runs named beside a rule."""
_TEXT = 200_000
"""Bytes up to which a file is compared."""


def example_of(path: str, before: bytes, after: bytes) -> Example | None:
    """The first lines that were taken away and what stands there instead; None where nothing readable was replaced."""
    if len(before) > _TEXT or len(after) > _TEXT or b"\0" in before + after:
        return None
    old, new = (side.decode("utf-8", "replace").splitlines() for side in (before, after))
    for tag, i, j, m, n in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        gone, come = old[i:j], new[m:n]
        if any(line.strip() for line in (*gone, *come)):
            return Example(path=path[:500] or "file", before=_lines(gone), after=_lines(come))
    return None


def _lines(lines: Sequence[str]) -> tuple[str, ...]:
    shown = tuple(_plain(line)[:WIDE] for line in lines[:LINES])
    left = len(lines) - LINES
    return (*shown, f"… {counted(left, 'more lines')}") if left > 0 else shown


def write_rule(root: Path, lesson: LessonCandidate, rule: str, paths: Sequence[str], example: Example | None) -> str:
    """Write the rule; its file relative to `root`. Writing it again replaces it. Raises UsageError for a glob that
    names nothing below the repository."""
    for glob in paths:
        if not glob.strip() or glob.startswith(("/", "~")) or ".." in glob.split("/") or not glob.isprintable():
            raise UsageError(f"`{glob}` is no glob below the repository", fix="for example `--paths 'src/**/*.py'`")
    told = _told(lesson, rule, example)
    if paths:
        return _own_file(root, lesson, told, paths)
    return _in_system(root, lesson, told)


def _told(lesson: LessonCandidate, rule: str, example: Example | None) -> str:
    said = _prose(" ".join(rule.split()))
    return f"{said}\n\n{_diff(example)}" if example else f"{said}\n"


def _diff(example: Example) -> str:
    lines = [*(f"- {line}".rstrip() for line in example.before), *(f"+ {line}".rstrip() for line in example.after)]
    longest = max((len(run) for run in re.findall(r"`+", "\n".join(lines))), default=0)
    fence = "`" * max(3, longest + 1)
    way = "Rejected (-), and what replaced it (+)" if example.before and example.after else _one_sided(example)
    return f"{way}, in {_prose(example.path)}:\n\n{fence}diff\n" + "\n".join(lines) + f"\n{fence}\n"


def _one_sided(example: Example) -> str:
    return "Rejected (-)" if example.before else "What was missing (+)"


def _runs(lesson: LessonCandidate) -> list[str]:
    return [witness.run for witness in lesson.witnesses[:RUNS]]


def _own_file(root: Path, lesson: LessonCandidate, told: str, paths: Sequence[str]) -> str:
    front = "\n".join(f"  - {json.dumps(glob, ensure_ascii=False)}" for glob in paths)
    head = f'---\npaths:\n{front}\nlesson: "{lesson.id}"\nruns: {json.dumps(_runs(lesson))}\n---\n'
    file = _within(root, f"{RULES}/lesson-{lesson.id}.md")
    file.write_text(f"{head}\n{told}", encoding="utf-8")
    return f"{RULES}/{file.name}"


def _in_system(root: Path, lesson: LessonCandidate, told: str) -> str:
    file = _within(root, SYSTEM)
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
    except ValueError as error:
        raise UsageError(f"{SYSTEM} is not UTF-8", fix="save it as UTF-8; it was left as it is") from error
    begins, ends = f"<!-- lesson {lesson.id}: runs {', '.join(_runs(lesson))} -->", f"<!-- end of {lesson.id} -->"
    part = f"{begins}\n{told}{ends}\n"
    old = re.compile(rf"<!-- lesson {lesson.id}: .*?{re.escape(ends)}\n?", re.DOTALL)
    if old.search(text):
        fresh = old.sub(lambda _: part, text, count=1)
    else:
        head = "" if HEADING in text else f"{HEADING}\n\n"
        fresh = f"{text.rstrip()}\n\n{head}{part}" if text.strip() else f"{head}{part}"
    file.write_text(fresh, encoding="utf-8")
    return SYSTEM


def _within(root: Path, name: str) -> Path:
    """The place of a file below `root`, with its folder made. Raises UsageError where a link leads elsewhere."""
    place, real = root / name, root.resolve() / name
    if place.is_symlink() or place.parent.resolve() != real.parent:
        raise UsageError(f"{name} is, or lies behind, a link", fix="put a plain file there; nothing was written")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _prose(text: str) -> str:
    """As `_plain`; no `@path` of it stands for a file, as it would in a rule file, and it opens no fence."""
    return re.sub(r"^(?=```|~~~)|(?<!\S)(?=@\S)", r"\\", _plain(text))


def _plain(text: str) -> str:
    """Text of one line that hides nothing and closes no comment."""
    hidden = "\N{REPLACEMENT CHARACTER}"
    shown = "".join(hidden if c != "\t" and unicodedata.category(c) in ("Cc", "Cf") else c for c in text)
    return shown.replace("<!--", "<! --").replace("-->", "-- >")
