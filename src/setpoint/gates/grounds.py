"""What a check that runs commands stands on: the change, rooms on either side of it, and how its verdict is written."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from ..model.command import CommandLimits, Completed
from ..model.evidence import Evidence, GateKind, GateResult, Outcome
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.objection import Deviation, Objection
from ..ports import Room
from .change_set import ChangeSet
from .commands import in_shell, words
from .measured import as_findings, minded
from .reading import capped, line
from .run import ENVIRONMENT, OUTPUT_BYTES, read_report


class Checkout(Protocol):
    """Makes a clean throw-away room on a commit or tree, with files laid over it (None deletes)."""

    def __call__(
        self, revision: str, overlay: dict[str, bytes | None] | None = None
    ) -> AbstractAsyncContextManager[Room]: ...


TESTS = GateKind.TESTS


@dataclass(frozen=True)
class Grounds:
    """What a check that runs commands is given."""

    change: ChangeSet
    """`base` and `head` name trees that `checkout` knows."""
    checkout: Checkout
    gates: Mapping[str, Gate]
    """The base's own."""
    environment: str
    """Digest of the tools, as in other evidence."""
    judged: str = ""
    """The tree that stands for the head in rooms, with what is trusted laid over it; empty: the head itself."""

    @property
    def head(self) -> str:
        """What commands run on as the change."""
        return self.judged or self.change.head

    @property
    def tests(self) -> list[Gate]:
        """The gates that run tests; those of parts together only where they must hold."""
        return [gate for gate in self.gates.values() if gate.kind.runs_tests and (gate.required or gate.kind is TESTS)]

    def of(self, *kinds: GateKind) -> list[tuple[str, Gate]]:
        """The gates of these kinds, in their order."""
        return [(name, gate) for name, gate in self.gates.items() if gate.kind in kinds]


@dataclass(frozen=True)
class Said:
    """What a command did, and the reports it wrote."""

    done: Completed
    reports: Mapping[str, bytes]
    """By the name asked for; those that are there and can be read."""

    @property
    def last_words(self) -> str:
        """The last line it said."""
        lines = [text.strip() for text in (self.done.stderr or self.done.stdout).splitlines() if text.strip()]
        return lines[-1][:300] if lines else f"exit code {self.done.exit_code}"


async def run_as(
    gate: Gate, room: Room, argv: Sequence[str], *, reports: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> Said:
    """Run `argv` where and for as long as `gate` runs; `reports` are names below `$SETPOINT_REPORTS` to bring home."""
    asked = gate.model_copy(update={"run": tuple(argv)})
    with tempfile.TemporaryDirectory(prefix="setpoint-reports-") as folder:
        limits = CommandLimits(seconds=gate.timeout, output_bytes=OUTPUT_BYTES)
        told = {**ENVIRONMENT, **(env or {})}
        done = await room.run(in_shell(asked), limits=limits, env=told, reports=Path(folder))
        found = {name: report_below(Path(folder), name) for name in reports}
    return Said(done, {name: content for name, content in found.items() if content is not None})


async def run_script(
    gate: Gate,
    room: Room,
    script: str,
    *argv: str,
    reports: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Said:
    """As `run_as`, for a shell script of ours that takes `argv` as its arguments."""
    return await run_as(gate, room, ("sh", "-c", script, "sh", *argv), reports=reports, env=env)


def report_below(folder: Path, name: str) -> bytes | None:
    """A report by its name; None when there is none. The sandbox wrote there: no link is followed on the way."""
    steps = [folder, *(folder / part for part in Path(name).parents)]
    return None if any(step.is_symlink() for step in steps) else read_report(folder / name)


def missing_module(said: Said, *modules: str) -> bool:
    """Whether the interpreter said that one of `modules` is not installed."""
    told = said.done.stderr + said.done.stdout
    return said.done.exit_code != 0 and any(
        f"No module named {quote}{name}" in told for name in modules for quote in ("", "'")
    )


def verdict(
    name: str,
    objections: Sequence[Objection],
    *,
    grounds: Grounds,
    examined: int,
    unit: str,
    reason: str,
    argv: Sequence[str] = (),
    seconds: float = 0.0,
    said: Said | None = None,
    kind: GateKind = GateKind.OTHER,
) -> Measured:
    """What a check that ran commands found, with its figures in `reason`."""
    blocking = any(objection.blocks for objection in objections)
    refused = blocking and all(entry.deviation is Deviation.ENVIRONMENT for entry in objections if entry.blocks)
    outcome = Outcome.REFUSED if refused else Outcome.FAILED if blocking else Outcome.PASSED
    result = GateResult(
        gate=name,
        kind=kind,
        outcome=outcome,
        reason=line(reason),
        evidence=Evidence(
            tree=grounds.change.head or "none",
            argv=tuple(argv),
            environment=grounds.environment or "none",
            examined=examined,
            unit=unit,
            exit_code=said.done.exit_code if said else None,
            seconds=round(seconds, 3),
            sandbox=said.done.contained if said else "",
            at=datetime.now(UTC),
        ),
        findings=as_findings(objections),
        tail=capped(said.done.stdout + said.done.stderr) if said and blocking else "",
    )
    return Measured(result=result, objections=tuple(objections))


NO_TOOL = "no-tool"
"""Ends the rule of a refusal for want of what the base has not either: shown as skipped, and nobody is accused."""


def could_not_tell(
    name: str,
    why: str,
    *,
    grounds: Grounds,
    unit: str,
    fix: str,
    argv: Sequence[str] = (),
    said: Said | None = None,
    kind: GateKind = GateKind.OTHER,
    rule: str = "",
) -> Measured:
    """A refusal: what stood in the way, and what a person does about it. Its rule is `<name>/refused` unless told."""
    objection = minded(
        rule or f"{name}/refused",
        f"{name} could not tell: {why}",
        "",
        cause=fix,
        evidence=said.last_words if said else "",
        deviation=Deviation.ENVIRONMENT,
    )
    return verdict(
        name, [objection], grounds=grounds, examined=0, unit=unit, reason=why, argv=argv, said=said, kind=kind
    )


def nothing(name: str, *, grounds: Grounds, unit: str, kind: GateKind = GateKind.OTHER) -> Measured:
    """The check had nothing to look at: no command ran (see `measured.vacuous`)."""
    return verdict(name, (), grounds=grounds, examined=0, unit=unit, reason=f"no {unit} to look at", kind=kind)


def interpreter(gate: Gate) -> tuple[str, ...]:
    """The Python that `gate` runs, with what stands before it; `python` of the path where it names none."""
    before = words(gate.run).before
    if before[-2:-1] == ("-m",):
        return before[:-2]
    if before and "python" in before[-1].rpartition("/")[2]:
        return before
    return (*before[:-1], "python")
