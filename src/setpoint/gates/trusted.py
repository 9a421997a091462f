"""A tests gate on a change: with tripwires among the tests, so that its report can be believed."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from ..errors import SetpointError
from ..model.evidence import GateResult, Outcome
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.objection import Deviation, Objection, Severity, Source
from ..ports import Room
from .commands import shown
from .measured import minded
from .objections import objections
from .reading import capped, line
from .run import Keep, is_test_tool, run_gate, sha256
from .tripwire import INSIDE, UNTRUSTED, Tripwire, tripwire
from .wires import part_of_runner
from .words import words

Plant = Callable[[dict[str, bytes | None]], AbstractAsyncContextManager[Room]]
"""A clean throw-away room of one tree, with these files laid over it."""

_TOLD = ("django test", "ava")
"""Tools whose output tells tests one by one, without a report."""


async def run_wired(
    name: str,
    gate: Gate,
    plant: Plant,
    *,
    tree: str,
    environment: str,
    base: Plant | None = None,
    near: Sequence[str] = (),
    changed: Sequence[str] = (),
    keep: Keep = sha256,
    reruns: int = 2,
) -> Measured:
    """The verdict of tests gate `gate` on the change that `plant` gives. `base` gives the untouched base: where the
    tripwires do not work with this command, they do not work there either, and that accuses nobody. `near` are test
    files of the change, `changed` all its paths."""
    async with plant({}) as room:
        files = frozenset(room.files())
        told = is_test_tool(gate) or words(gate.run).tool in _TOLD
        own = part_of_runner(files, changed)
        wires = tripwire(gate, files, reader(room), near=near, changed=changed, own=own) if told else None
        if wires is None:
            result = await run_gate(name, gate, room, tree=tree, environment=environment, keep=keep, reruns=reruns)
            return measured(_without(result, f"{words(gate.run).tool or 'the command'} takes none"), gate)
        lay(room, wires)
        known = files | wires.files.keys()
        result = await run_gate(
            name, gate, room, tree=tree, environment=environment, keep=keep, reruns=reruns, files=known, wires=wires
        )
        if not untrusted(result) or base is None:
            return measured(result, gate)
    return await _calibrated(name, gate, plant, base, wires, result, tree, environment, keep, reruns)


async def _calibrated(
    name: str,
    gate: Gate,
    plant: Plant,
    base: Plant,
    wires: Tripwire,
    accused: GateResult,
    tree: str,
    environment: str,
    keep: Keep,
    reruns: int,
) -> Measured:
    """Tripwires that failed on the change, tried on the untouched base: only what works there can accuse."""
    async with base(wires.overlay) as room:
        known = frozenset(room.files()) | wires.files.keys()
        there = await run_gate(name, wires.gate, room, tree="base", environment=environment, reruns=0, files=known)
    silent = frozenset(wire.token for wire in wires.wires if wires.alone(wire).broken(there.tests, 1))
    if there.outcome is Outcome.REFUSED and not there.tests:
        return measured(accused, gate)
    if not silent:
        return measured(accused, gate)
    fewer = replace(wires, inactive=silent)
    async with plant(wires.overlay if fewer.holds else {}) as room:
        result = await run_gate(
            name,
            gate,
            room,
            tree=tree,
            environment=environment,
            keep=keep,
            reruns=reruns,
            files=frozenset(room.files()) | wires.files.keys(),
            wires=fewer if fewer.holds else None,
        )
    return measured(result if fewer.holds else _without(result, "on the base it does not report them either"), gate)


def lay(room: Room, wires: Tripwire) -> None:
    """Put the tripwires into a throw-away room."""
    for path, content in wires.files.items():
        room.write(path, content)


def reader(room: Room) -> Callable[[str], bytes | None]:
    """The files of a room; None for what is not there or not to be read."""

    def read(path: str) -> bytes | None:
        try:
            return room.read(path)
        except (OSError, SetpointError):
            return None

    return read


def untrusted(result: GateResult) -> bool:
    """Whether the report was refused because a tripwire says that it was tampered with."""
    return result.outcome is Outcome.REFUSED and result.reason.startswith(UNTRUSTED)


def measured(result: GateResult, gate: Gate) -> Measured:
    """A gate's result with its objections; a tripped wire is an objection of its own kind."""
    if not untrusted(result):
        return Measured(result=result, objections=objections(result))
    return Measured(result=result, objections=(distrust(result, gate),))


def distrust(result: GateResult, gate: Gate) -> Objection:
    """What a tripped wire says."""
    inside = INSIDE in result.reason
    return minded(
        "proof/patched-runner" if inside else "proof/tripwire",
        f"gate {result.gate}: {UNTRUSTED}: code under test changed it",
        "",
        cause=result.reason,
        evidence=capped(result.tail),
        source=Source.RED_PROOF,
        deviation=Deviation.BOUNDARY,
        severity=Severity.HIGH,
        probe=shown(gate.run),
    )


def _without(result: GateResult, why: str) -> GateResult:
    return result.model_copy(update={"reason": line(f"{result.reason}; no tripwire: {why}")})
