"""`tasks.md`: a plan's tasks as people write and read them, and back without loss.

    ## Tasks: Refuse a signup without an address

    ### Task 1: Validate the address
    - Add `validate` to the signup form
    - File: src/signup.py
    - Criteria: FR-001, FR-002
    - [Testing] Run `pytest tests/test_signup.py` - must pass

A line that starts with two spaces goes on with the item before it. A step that would read as something else starts with
a backslash.
"""

import re
from typing import Any

from pydantic import ValidationError

from ..errors import UsageError
from ..model.plan import Check, PlanTask
from ..model.record import Line, Record

_MARKED = re.compile(r"^(?:\\|\[|\*\*\[|(?:File|Criteria|Needs):)", re.IGNORECASE)
_TESTING = re.compile(r"^(?:\*\*)?\[Testing\](?:\*\*)? Run `([^`]*)`(?:\s+[-–—]\s+(.*))?$", re.DOTALL | re.IGNORECASE)
_TASK = re.compile(r"^### Task (\d{1,3}): (.*)$")
_BULLET = re.compile(r"^[-*] (?:\[[ xX]\] )?")


class Tasks(Record):
    """The content of a `tasks.md`."""

    title: Line
    tasks: tuple[PlanTask, ...]


def write_tasks(tasks: Tasks) -> str:
    """The text of `tasks`; `parse_tasks` gives them back."""
    parts = [f"## Tasks: {_lines(tasks.title)}"]
    for task in tasks.tasks:
        bullets = [f"- {_escaped(step)}" for step in task.steps]
        bullets += [f"- File: {_lines(path)}" for path in task.files]
        bullets += [f"- Criteria: {', '.join(task.criteria)}"] if task.criteria else []
        bullets += [f"- Needs: {', '.join(task.needs)}"] if task.needs else []
        bullets += [f"- [Testing] Run `{check.run}` - {_lines(check.standard)}" for check in task.checks]
        parts.append("\n".join([f"### Task {int(task.id[1:])}: {_lines(task.title)}", *bullets]))
    return "\n\n".join(parts) + "\n"


def _lines(text: str) -> str:
    return text.replace("\n", "\n  ")


def _escaped(step: str) -> str:
    return _lines(f"\\{step}" if _MARKED.match(step) else step)


def parse_tasks(text: str, where: str = "tasks.md") -> Tasks:
    """The tasks written in `text`. Raises UsageError that names the line that cannot be understood."""
    title = ""
    tasks: list[dict[str, Any]] = []
    for number, item in _items(text):
        head = _TASK.match(item.partition("\n")[0])
        if item.startswith("## Tasks: "):
            title = item.removeprefix("## Tasks: ")
        elif head:
            tasks.append({"id": f"T{int(head[1]):03}", "title": item.partition(": ")[2], "at": number, "bullets": []})
        elif _BULLET.match(item) and tasks:
            tasks[-1]["bullets"].append((number, _BULLET.sub("", item, count=1)))
        elif item.strip():
            raise UsageError(
                f"{where}:{number}: not a heading `### Task n: …` and not a bullet of one: {item.strip()[:80]}",
                fix="write `## Tasks: …`, then `### Task 1: …` with `- ` bullets",
            )
    if not title:
        raise UsageError(f"{where}: the heading `## Tasks: …` is missing", fix="start the file with it")
    try:
        return Tasks(title=title, tasks=tuple(_task(entry, where) for entry in tasks))
    except ValidationError as error:
        raise _unusable(f"{where}: {_problem(error)}") from error


def _items(text: str) -> list[tuple[int, str]]:
    items: list[tuple[int, str]] = []
    open_item = False
    for number, row in enumerate(text.split("\n"), start=1):
        if row.startswith("  ") and open_item:
            at, earlier = items[-1]
            items[-1] = (at, f"{earlier}\n{row[2:]}")
        elif row.strip():
            items.append((number, row))
            open_item = True
        else:
            open_item = False
    return items


def _task(entry: dict[str, Any], where: str) -> PlanTask:
    steps: list[str] = []
    files: list[str] = []
    criteria: list[str] = []
    needs: list[str] = []
    checks: list[Check] = []
    for number, bullet in entry["bullets"]:
        testing = _TESTING.match(bullet)
        word, colon, rest = bullet.partition(": ")
        if testing:
            checks.append(_check(testing[1], testing[2], f"{where}:{number}"))
        elif bullet.casefold().lstrip("*").startswith("[testing]"):
            raise _unusable(f"{where}:{number}: a [Testing] line reads: [Testing] Run `command` - must pass")
        elif colon and word.casefold() == "file":
            files.append(rest)
        elif colon and word.casefold() in ("criteria", "needs"):
            (criteria if word.casefold() == "criteria" else needs).extend(part.strip() for part in rest.split(","))
        else:
            steps.append(bullet.removeprefix("\\"))
    fields = {"steps": steps, "files": files, "criteria": criteria, "needs": needs, "checks": checks}
    try:
        return PlanTask.model_validate({"id": entry["id"], "title": entry["title"], **fields})
    except ValidationError as error:
        raise _unusable(f"{where}:{entry['at']}: task {entry['id']}: {_problem(error)}") from error


def _check(run: str, standard: str | None, place: str) -> Check:
    try:
        return Check(run=run, standard=standard) if standard else Check(run=run)
    except ValidationError as error:
        raise _unusable(f"{place}: `{run}`: {_problem(error)}") from error


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _unusable(what: str) -> UsageError:
    return UsageError(what, fix="mend the line named")
