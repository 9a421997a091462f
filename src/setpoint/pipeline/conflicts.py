"""A merge conflict told to whoever mends it: what each side says, without git's marks."""

from ..errors import DeniedError
from ..model.merge import Conflict
from ..model.objection import Deviation, Objection, Place, Severity, Source
from ..ports import Workspace

SHOWN = 4_000
"""Characters of both sides in one objection."""


async def objection_about(
    conflict: Conflict, names: tuple[str, str], workspace: Workspace, base: str, *, only_marks: bool
) -> Objection | None:
    """What is open about a conflict between commits `names`; with `only_marks`, None once no mark of git's is left."""
    content = _content(workspace, conflict.path)
    marked = sides(content, *names)
    if only_marks and not marked and not _marked(content, *names):
        return None
    told = "\n".join(_region(line, ours, theirs, base) for line, ours, theirs in marked)
    if not told:
        told = await _whole(conflict, names, workspace, base)
    return Objection(
        source=Source.GATE,
        deviation=Deviation.BEHAVIOUR,
        severity=Severity.HIGH,
        what=f"{conflict.path} conflicts with {base} at {names[1][:12]}: {conflict.kind}",
        cause="keep what each side wants, and take out git's marks" if marked else "decide what holds, and write it",
        place=Place(path=conflict.path[:500], line=marked[0][0] if marked else None),
        evidence=told[:SHOWN],
    )


def _content(workspace: Workspace, path: str) -> str:
    try:
        return workspace.read(path).decode("utf-8", "replace")
    except (OSError, DeniedError):
        return ""


def _marked(content: str, ours: str, theirs: str) -> bool:
    return any(_opens(line, ours) or _closes(line, theirs) for line in content.splitlines())


def _opens(line: str, ours: str) -> bool:
    return line.startswith(f"<<<<<<< {ours}")


def _closes(line: str, theirs: str) -> bool:
    return line.startswith(f">>>>>>> {theirs}")


def sides(content: str, ours: str, theirs: str) -> list[tuple[int, str, str]]:
    """The places where both sides stand in `content`: line number, our text, their text."""
    found: list[tuple[int, str, str]] = []
    here: list[list[str]] | None = None
    begun = 0
    for number, line in enumerate(content.splitlines(), start=1):
        if _opens(line, ours):
            here, begun = [[]], number
        elif here is not None and _closes(line, theirs):
            found.append((begun, "\n".join(here[0]), "\n".join(here[-1]) if len(here) > 1 else ""))
            here = None
        elif here is not None and line == "=======" and len(here) == 1:
            here.append([])
        elif here is not None:
            here[-1].append(line)
    return found


def _region(line: int, ours: str, theirs: str, base: str) -> str:
    return f"line {line}, this change:\n{ours or '(nothing)'}\nline {line}, {base}:\n{theirs or '(nothing)'}"


async def _whole(conflict: Conflict, names: tuple[str, str], workspace: Workspace, base: str) -> str:
    told = []
    for side, commit, blob in (("this change", names[0], conflict.ours), (base, names[1], conflict.theirs)):
        content = await workspace.show(commit, conflict.path) if blob else None
        text = (
            "(not there)" if content is None else "(binary)" if b"\0" in content else content.decode("utf-8", "replace")
        )
        told.append(f"{conflict.path}, {side}:\n{text[: SHOWN // 2 - 200]}")
    return "\n".join(told)


def _text(content: bytes | None) -> str:
    if content is None:
        return "(not there)"
    return "(binary)" if b"\0" in content else content.decode("utf-8", "replace")
