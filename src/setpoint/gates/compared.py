"""Gates on a tree against the same gates on its base: what is red there already does not accuse the change."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress

from ..errors import DeniedError
from ..model.evidence import GateResult, Outcome
from ..model.gate import Gate
from ..model.judgement import Measured
from ..ports import Room
from .change_set import ChangeSet, between
from .environment import environment_digest
from .fresh import FRESH, fresh
from .judge import Known, nothing_known, run_gates
from .objections import objections
from .run import Keep, sha256


async def compared(
    gates: Mapping[str, Gate],
    results: Sequence[GateResult],
    room: Room,
    base: AbstractAsyncContextManager[Room],
    *,
    base_tree: str,
    known: Known = nothing_known,
    keep: Keep = sha256,
) -> tuple[Measured, ...]:
    """`results` of `room` with what they mind. Only the linters, type checkers and scanners among them that are red are
    run on the base, which is opened for nothing else."""
    red = {
        result.gate: gates[result.gate]
        for result in results
        if result.outcome is Outcome.FAILED and result.kind in FRESH and result.findings
    }
    if not red:
        return tuple(Measured(result=result, objections=objections(result)) for result in results)
    async with base as before:
        environment = await environment_digest(before, red)
        told = await run_gates(red, before, tree=base_tree, environment=environment, known=known, keep=keep, reruns=0)
        change = change_of(before, room)
    there = {result.gate: result for result in told}
    return tuple(fresh(result, there.get(result.gate), change) for result in results)


def change_of(before: Room, after: Room) -> ChangeSet:
    """The change between the files of two rooms; both are read at once, for rooms do not last."""
    old, new = _contents(before), _contents(after)
    change = between(
        {path: content for path, content in old.items() if new.get(path) != content},
        {path: content for path, content in new.items() if old.get(path) != content},
    )
    return ChangeSet(change.deltas, frozenset(old), frozenset(new), read_base=old.get, read_head=new.get)


def _contents(room: Room) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in room.files():
        # Links and secrets are not read; no finding stands in them.
        with suppress(DeniedError, FileNotFoundError):
            found[path] = room.read(path)
    return found
