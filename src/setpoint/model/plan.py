"""The plan: an implementation contract that another engineer can execute without guessing."""

import shlex
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from .boundary import Boundaries
from .record import Line, Listing, Nothing, Record, Text
from .steps import RunStep, ServeStep, Step, StepLine, count_of, one_command, parse_steps
from .ticket import CriterionId

TaskId = Annotated[str, StringConstraints(pattern=r"^T\d{3}$")]

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
CHALLENGES: tuple[str, ...] = get_args(Challenge)


def _command_or_none(text: str) -> str:
    return one_command(text) if text else ""


class Check(Record):
    """One `[Testing]` line: what must hold before its task is complete."""

    explained: ClassVar = frozenset({"run"})

    run: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(_command_or_none)] = ""
    """One plain command, run in the sandbox from the repository's root."""
    standard: Line = "must pass"
    """`all 12 scenarios must pass` is counted."""
    then: tuple[StepLine, ...] = ()
    """What an exit code cannot tell, in order: Serve `CMD` on PORT; Request POST /p {..} - 201 {"id": "*"}; Rows
    `SELECT ..` in `x.db` - exactly [[..]] (including [[..]], 2 rows); Log `x.log` - all entries (at least one entry, no
    entry) match `REGEX`; Page /x - click "Save"; shows "Saved"; no console errors; no barriers; Run `CMD`."""

    @model_validator(mode="after")
    def _can_fail(self) -> Self:
        if not self.run and not self.then:
            raise ValueError("a check without a command and without a step cannot fail; give `run` or `then`")
        if not self.run and count_of(self.standard):
            raise ValueError(f"`{self.standard}` speaks of no command; put it at the `Run` step that counts")
        parse_steps(self.then, begun=bool(self.run))
        count_of(self.standard)
        return self

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All that is done, in order, the command first."""
        first = (RunStep(command=self.run, count=count_of(self.standard)),) if self.run else ()
        return (*first, *parse_steps(self.then, begun=bool(self.run)))

    @property
    def argv(self) -> tuple[str, ...]:
        """The first command as an argument list."""
        first = self.steps[0]
        assert isinstance(first, RunStep | ServeStep), "a check begins with a command"
        return tuple(shlex.split(first.command))

    @property
    def said(self) -> str:
        """The check in a few words: its command, or what it is to show."""
        return self.run or self.standard


class PlanTask(Record):
    """A piece of work small enough for one session, with the checks that decide it."""

    explained: ClassVar = frozenset({"id", "steps", "files", "criteria", "checks", "needs"})

    id: TaskId
    """T001, T002, ..."""
    title: Line
    steps: tuple[Line, ...]
    """What to do, with little room to improvise."""
    files: tuple[Line, ...]
    """Files it creates or changes."""
    criteria: tuple[CriterionId, ...]
    """Criteria it serves."""
    checks: tuple[Check, ...] = Field(min_length=1)
    """Its `[Testing]` lines, at least one."""
    needs: tuple[TaskId, ...] = ()
    """Tasks that come first."""


class ModuleChange(Record):
    """A module that changes, and how."""

    path: Line
    how: Line


class Answered(Record):
    """An answer with what it rests on."""

    explained: ClassVar = frozenset({"evidence"})

    answer: Line
    evidence: Line
    """File and line, command and output, or the search that found nothing."""


class ChallengeAnswer(Answered):
    """An answer to one of the eight challenge questions."""

    question: Challenge


class Challenges(Record):
    """The eight challenge questions, each answered with evidence."""

    shared_model: Answered
    """shared model touched?"""
    critical_endpoint: Answered
    """critical endpoint changed?"""
    historical_data: Answered
    """historical data affected?"""
    migration: Answered
    """migration needed?"""
    race_condition: Answered
    """race condition?"""
    security_risk: Answered
    """security risk?"""
    n_plus_one: Answered
    """N+1 query?"""
    under_load: Answered
    """operational problem only under load?"""

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """A list of `{question, answer, evidence}` says the same."""
        if not isinstance(given, list | tuple):
            return given
        said = [item.model_dump() if isinstance(item, ChallengeAnswer) else dict(item) for item in given]
        names = dict(zip(CHALLENGES, cls.model_fields, strict=True))
        known = [item for item in said if item.get("question") in names]
        return {names[item["question"]]: {k: v for k, v in item.items() if k != "question"} for item in known}

    def answers(self) -> tuple[ChallengeAnswer, ...]:
        """Each question with its answer."""
        pairs = zip(CHALLENGES, type(self).model_fields, strict=True)
        return tuple(
            ChallengeAnswer.model_validate({"question": question, **getattr(self, name).model_dump()})
            for question, name in pairs
        )


class PlannedBoundaries(Boundaries):
    """What the implementation may do, as the plan wants it."""

    explained: ClassVar = frozenset(
        {"paths", "commands", "network", "dependencies", "migrations", "needs_person", "max_files", "max_lines"}
    )

    paths: tuple[Line, ...] = Field(min_length=1)
    """Globs of files that may be created, changed or deleted; at least one."""
    protected: tuple[Line, ...] = ()
    """Globs that win over `paths`."""

    @model_validator(mode="before")
    @classmethod
    def _any(cls, given: Any) -> Any:
        return given.model_dump(exclude_unset=True) if type(given) is Boundaries else given


class Estimate(Record):
    """What it should take; later compared with what it took."""

    explained: ClassVar = frozenset({"days", "lines"})

    days: float
    """A person's working days it replaces."""
    lines: int
    """Added plus removed lines."""
    risk: Literal["low", "medium", "high"]


class Plan(Record):
    """How the change will be made: nothing left to guess, nothing left out."""

    explained: ClassVar = frozenset({"tests", "flows_at_risk", "rules", "dependencies", "tasks", "boundaries"})

    overview: Text
    modules: tuple[ModuleChange, ...]
    data_models: Listing
    endpoints: Listing
    flows_at_risk: Listing
    """Existing flows that could regress."""
    migrations: Listing
    flags: Listing
    permissions: Listing
    telemetry: Listing
    tests: Listing
    """Tests that must exist at the end, by name, with the criterion each proves."""
    rules: Listing
    """Repository rules and conventions to obey, with where they are written."""
    dependencies: Listing
    """Orderings and outside dependencies."""
    risks: Listing
    challenge: Challenges
    tasks: tuple[PlanTask, ...] = Field(min_length=1, max_length=25)
    """In the order they are done; split a plan that needs more."""
    boundaries: PlannedBoundaries
    """What the implementation may do."""
    estimate: Estimate
    diagram: str | Nothing
    """Mermaid source; required from 6 tasks or 6 modules on."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        seen: set[str] = set()
        for task in self.tasks:
            if task.id in seen:
                raise ValueError(f"{task.id} stands twice")
            if not set(task.needs) <= seen:
                raise ValueError(f"{task.id} comes before a task it needs")
            seen.add(task.id)
        return self
