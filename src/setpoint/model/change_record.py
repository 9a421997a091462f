"""The proof of a merged change: five stages, each with what it rests on, who did it and when."""

from typing import Literal

from .approval import Point
from .record import Line, Record, Time

Stage = Literal["planning", "implementation", "review", "validation", "human approval"]


class StageProof(Record):
    """One stage that the change has passed."""

    stage: Stage
    passed: bool
    sha256: str
    """Digest of what came of it: the plan, the gates' results, the report, the CI run, the signed answer."""
    tree: str = ""
    """The git tree it was given for; empty for what stands before the code."""
    by: tuple[Line, ...] = ()
    """Who did it: models, gates, CI, the person."""
    at: Time | None = None
    """When; None: it is not written down."""
    what: Line


class ChangeRecord(Record):
    """What was merged, and what says that it might be."""

    run: Line
    ticket: Line
    cycle: int
    repository: Line
    """Digest of the repository's place."""
    tree: Line
    base: Line
    head: Line
    """The commit that was offered."""
    merged: str = ""
    """The merge commit; empty before the merge."""
    pull_request: int
    policy: Line
    """Digest of what the base branch said on boundaries."""
    stages: tuple[StageProof, ...]
    inspection: dict[Point, Line] = {}
    """What the person found who approved it."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Stages that are not passed."""
        return tuple(proof.stage for proof in self.stages if not proof.passed)
