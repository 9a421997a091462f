"""`tasks.md`: a plan's tasks as people write and read them, and back without loss.

    ## Tasks: Refuse a signup without an address

    ### Task 1: Validate the address
    - Add `validate` to the signup form
    - File: src/signup.py
    - Criteria: FR-001, FR-002
    - [Testing] Run `pytest tests/test_signup.py` - must pass
    - [Testing] A signup leaves its traces
      - Serve `python -m signup` on 8000
      - Request POST /signups {"address": "a@b.example"} - 201 {"id": "*"}
      - Log `logs/signup.log` - all entries match `request=\\w+`

A line that starts with two spaces goes on with the item before it; below a `[Testing]` line a bullet is a step of the
check (`model/steps.py` has all of them). What would read as something else starts with a backslash.
"""

import re
from typing import Any

from pydantic import ValidationError

from ..errors import UsageError
from ..model.plan import Check, PlanTask
from ..model.record import Line, Record
from ..model.steps import FORMS

_MARKED = re.compile(r"^(?:\\|\[|\*\*\[|(?:File|Criteria|Needs):)", re.IGNORECASE)
_TESTING = re.compile(r"^(?:\*\*)?\[Testing\](?:\*\*)?\s+", re.IGNORECASE)
_RUN = re.compile(r"Run `([^`]*)`(?:\s+[-–—]\s+(.*))?$", re.DOTALL)
_STEP = re.compile(r"^\s*[-*] ")
_LEADS = re.compile(r"^(?:\\|\s*[-*] |Run `)")
_TASK = re.compile(r"^### Task (\d{1,3}): (.*)$")
_STEPS = "; ".join(f"- {form}" for form in FORMS)
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
        bullets += [row for check in task.checks for row in check_lines(check)]
        parts.append("\n".join([f"### Task {int(task.id[1:])}: {_lines(task.title)}", *bullets]))
    return "\n\n".join(parts) + "\n"


def check_lines(check: Check) -> list[str]:
    """The `[Testing]` line of `check`, and a line below it for each step."""
    first, *others = check.standard.split("\n")
    standard = "\n  ".join([first if check.run else _led(first), *map(_led, others)])
    head = f"Run `{check.run}` - {standard}" if check.run else standard
    return [f"- [Testing] {head}", *(f"  - {step}" for step in check.then)]


def _led(row: str) -> str:
    return f"\\{row}" if _LEADS.match(row) else row


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
        if testing or bullet.casefold().lstrip("*").startswith("[testing]"):
            checks.append(_check(bullet[testing.end() :] if testing else "", f"{where}:{number}"))
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


def _check(text: str, place: str) -> Check:
    standard: list[str] = []
    steps: list[str] = []
    for row in text.split("\n"):
        if _STEP.match(row) and (standard or steps):
            steps.append(_STEP.sub("", row, count=1))
        elif steps:
            steps[-1] += f" {row.strip()}"
        else:
            standard.append(row)
    told = _RUN.match("\n".join(standard))
    if told is None and not steps:
        raise _unusable(
            f"{place}: a [Testing] line reads: [Testing] Run `command` - must pass, or has steps below it: {_STEPS}"
        )
    run, expected = (told[1], told[2] or "") if told else ("", "\n".join(standard))
    expected = re.sub(r"^\\", "", expected, flags=re.MULTILINE) if not run else re.sub(r"\n\\", "\n", expected)
    try:
        return Check.model_validate({"run": run, "then": steps, **({"standard": expected} if expected.strip() else {})})
    except ValidationError as error:
        raise _unusable(f"{place}: {f'`{run}`: ' if run else ''}{_problem(error)}") from error


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _unusable(what: str) -> UsageError:
    return UsageError(what, fix="mend the line named")
