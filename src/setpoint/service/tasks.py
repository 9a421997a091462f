"""The checks of a `tasks.md`, without a run: what its `[Testing]` lines say of the working tree."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..gates.checks import task_gates
from ..gates.objections import objections
from ..gates.tasks_md import parse_tasks
from ..model.evidence import Outcome
from ..model.judgement import Measured
from ..model.plan import PlanTask
from ..pipeline.lab import Lab


def tasks_in(file: Path, number: int | None = None) -> Sequence[PlanTask]:
    """The tasks written in `file`; only that one where a number is given. Raises UsageError for a file that cannot be
    read as tasks, and for a task that is not there."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read", why=str(error), fix="name a file of tasks") from error
    tasks = parse_tasks(text, str(file)).tasks
    wanted = [task for task in tasks if number is None or int(task.id[1:]) == number]
    if not wanted:
        there = ", ".join(str(int(task.id[1:])) for task in tasks) or "none"
        named = "a task" if number is None else f"task {number}"
        raise UsageError(f"{file}: there is not {named}", why=f"tasks: {there}", fix="name one of them")
    return wanted


async def check_tasks(lab: Lab, tree: str, tasks: Sequence[PlanTask]) -> Sequence[Measured]:
    """What the checks of `tasks` say of `tree`. What is known of the tree is not run again."""
    gates = {name: gate for task in tasks for name, gate in task_gates(task).items()}
    results = await lab.results(tree, gates, environment=await lab.environment(tree, gates))
    return [Measured(result=result, objections=objections(result)) for result in results]


def exit_code(measured: Sequence[Measured]) -> int:
    """10 when a check fails, 11 when one could not tell, else 0."""
    outcomes = {one.result.outcome for one in measured}
    return 10 if Outcome.FAILED in outcomes else 11 if Outcome.REFUSED in outcomes else 0
