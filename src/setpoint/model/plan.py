"""The plan: an implementation contract that another engineer can execute without guessing."""

import shlex
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from .boundary import Boundaries
from .record import Line, Nothing, Record, Text
from .ticket import CriterionId

TaskId = Annotated[str, StringConstraints(pattern=r"^T\d{3}$")]
_SHELL = set(";|&<>`$\n")

Challenge = Literal[
    "shared model touched?",
    "critical endpoint changed?",
    "historical data affected?",
    "migration needed?",
    "race condition?",
    "security risk?",
    "N+1 query?",
    "operational problem only under load?",
]
CHALLENGES: tuple[str, ...] = Challenge.__args__  # type: ignore[attr-defined]  # typing.Literal carries its values here


def _one_command(text: str) -> str:
    if _SHELL & set(text):
        raise ValueError("one plain command, without shell operators")
    if not shlex.split(text):
        raise ValueError("an empty command checks nothing")
    return text


class Check(Record):
    """One `[Testing]` line: a command that must pass before its task is complete."""

    run: Annotated[Line, AfterValidator(_one_command)]
    """One plain command, run in the sandbox from the repository's root."""
    standard: Line = "must pass"
    """What counts as passed."""

    @property
    def argv(self) -> tuple[str, ...]:
        """The command as an argument list."""
        return tuple(shlex.split(self.run))


class PlanTask(Record):
    """A piece of work small enough for one session, with the checks that decide it."""

    id: TaskId
    """T001, T002, ..."""
    title: Line
    steps: tuple[Line, ...]
    """What to do, with little room to improvise."""
    files: tuple[Line, ...]
    """Files it creates or changes."""
    criteria: tuple[CriterionId, ...]
    """Criteria it serves."""
    checks: tuple[Check, ...]
    """Its `[Testing]` lines, at least one."""
    needs: tuple[TaskId, ...] = ()
    """Tasks that come first."""


class ModuleChange(Record):
    """A module that changes, and how."""

    path: Line
    how: Line


class ChallengeAnswer(Record):
    """An answer to one of the eight challenge questions."""

    question: Challenge
    answer: Line
    evidence: Line
    """File and line, command and output, or the search that found nothing."""


class Estimate(Record):
    """What it should take; later compared with what it took."""

    days: float
    """A person's working days it replaces."""
    lines: int
    """Added plus removed lines."""
    risk: Literal["low", "medium", "high"]


class Plan(Record):
    """How the change will be made: nothing left to guess, nothing left out."""

    overview: Text
    modules: tuple[ModuleChange, ...]
    data_models: tuple[Line, ...] | Nothing
    endpoints: tuple[Line, ...] | Nothing
    flows_at_risk: tuple[Line, ...] | Nothing
    """Existing flows that could regress."""
    migrations: tuple[Line, ...] | Nothing
    flags: tuple[Line, ...] | Nothing
    permissions: tuple[Line, ...] | Nothing
    telemetry: tuple[Line, ...] | Nothing
    tests: tuple[Line, ...] | Nothing
    """Tests that must exist at the end, by name, with the criterion each proves."""
    rules: tuple[Line, ...] | Nothing
    """Repository rules and conventions to obey, with where they are written."""
    dependencies: tuple[Line, ...] | Nothing
    """Orderings and outside dependencies."""
    risks: tuple[Line, ...] | Nothing
    challenge: tuple[ChallengeAnswer, ...]
    """All eight questions, each with evidence."""
    tasks: tuple[PlanTask, ...]
    """In the order they are done; at most 25."""
    boundaries: Boundaries
    """What the implementation may do."""
    estimate: Estimate
    diagram: str | Nothing
    """Mermaid source where the change is complex."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        missing = set(CHALLENGES) - {answer.question for answer in self.challenge}
        if missing:
            raise ValueError(f"unanswered challenge questions: {', '.join(sorted(missing))}")
        if not 1 <= len(self.tasks) <= 25:
            raise ValueError("a plan has 1 to 25 tasks; split a larger one")
        seen: set[str] = set()
        for task in self.tasks:
            if task.id in seen:
                raise ValueError(f"{task.id} stands twice")
            if not set(task.needs) <= seen:
                raise ValueError(f"{task.id} comes before a task it needs")
            if not task.checks:
                raise ValueError(f"{task.id} has no [Testing] check")
            seen.add(task.id)
        if not self.boundaries.paths:
            raise ValueError("boundaries.paths is empty: say which files may be touched")
        return self
