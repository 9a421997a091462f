"""Gates on a snapshot of the work: a clean checkout with the approved tests laid over it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from ..errors import ConfigError, RefusedError
from ..gates.change_set import ChangeSet, between
from ..gates.environment import environment_digest
from ..gates.fresh import FRESH, fresh
from ..gates.judge import run_gates
from ..gates.objections import objections
from ..gates.run import is_test_tool
from ..gates.tools import how_to_report
from ..model.evidence import GateKind, GateResult
from ..model.gate import Gate
from ..model.judgement import Measured
from ..ports import Room, Transaction, Workspace
from .bench import Ground
from .rounds import Done, Write


def sealed(ground: Ground) -> dict[str, Any]:
    """The approved tests: `files` (path to content), `claims`, the commit and the tree that hold them."""
    return ground.fact("sealed") or {"files": {}, "claims": [], "commit": ground.run.base, "tree": ""}


def approved_files(ground: Ground) -> dict[str, bytes]:
    """Content of the approved test files, by path."""
    found = {}
    for path, blob in sealed(ground)["files"].items():
        content = ground.bench.store.blob(blob)
        if content is None:
            raise RefusedError(f"the approved test {path} is gone from the store", fix="`setpoint retry --from tests`")
        found[path] = content
    return found


def snapshot(ground: Ground, workspace: Workspace, tree: str) -> AbstractAsyncContextManager[Room]:
    """A clean room with `tree` and the approved tests over it."""
    overlay: dict[str, bytes | None] = dict(approved_files(ground))
    return workspace.checkout(tree, overlay)


def tests_gate(gates: Mapping[str, Gate]) -> tuple[str, Gate]:
    """The gate that runs the tests and reports them one by one. Raises ConfigError when there is none."""
    found = [(name, gate) for name, gate in gates.items() if gate.kind is GateKind.TESTS]
    if not found:
        raise ConfigError(
            "no gate runs tests", why="nothing could prove a criterion", fix="`setpoint init`, or add [gates.tests]"
        )
    for name, gate in found:
        if is_test_tool(gate):
            return name, gate
    name, gate = found[0]
    raise ConfigError(
        f"gate {name} does not report its tests one by one: {' '.join(gate.run)}",
        why="a criterion's own test could not be shown to fail before the change and to pass after it",
        fix=how_to_report(name, gate),
    )


async def measure(ground: Ground, room: Room, tree: str, gates: Mapping[str, Gate]) -> tuple[GateResult, ...]:
    """All `gates` on one tree; results known for the same tree, gate and environment are not run again."""
    environment = await environment_digest(room, gates)
    kept = {result.gate: result for _, result in ground.bench.store.results(ground.run.id, tree)}

    def known(name: str, _definition: str) -> GateResult | None:
        return kept.get(name)

    store = ground.bench.store
    return await run_gates(gates, room, tree=tree, environment=environment, known=known, keep=store.put_blob)


async def against_base(ground: Ground, workspace: Workspace, results: Sequence[GateResult]) -> tuple[Measured, ...]:
    """`results` with what they mind; of linters, type checkers and scanners only what the base does not have too."""
    if not any(result.kind in FRESH for result in results):
        return tuple(Measured(result=result, objections=objections(result)) for result in results)
    kept = ground.bench.store.recall(ground.run.id, "baseline") or {"results": []}
    base = {told["gate"]: GateResult.model_validate(told) for told in kept["results"]}
    change = await _change(ground, workspace)
    return tuple(fresh(result, base.get(result.gate), change) for result in results)


async def _change(ground: Ground, workspace: Workspace) -> ChangeSet:
    """What the workspace changes; files that it leaves alone are read from it on both sides."""
    before: dict[str, bytes] = {}
    after: dict[str, bytes] = {}
    there = frozenset(workspace.files())
    for path in await workspace.changed(ground.run.base):
        content = await workspace.show(ground.run.base, path)
        before |= {} if content is None else {path: content}
        after |= {path: workspace.read(path)} if path in there else {}
    change = between(before, after)
    return replace(
        change,
        base_files=(there - after.keys()) | before.keys(),
        head_files=there,
        read_base=lambda path: before.get(path) or (workspace.read(path) if path in there else None),
        read_head=lambda path: workspace.read(path) if path in there else None,
    )


def measured_by(ground: Ground, results: Sequence[GateResult], done: Done) -> Done:
    """`done` with the gates it rests on written before it, whatever they said."""
    return Done(done.outcome, (write_results(ground, results), *done.writes), note=done.note)


def write_results(ground: Ground, results: Sequence[GateResult]) -> Write:
    """Keep the results as evidence, with the move."""

    def write(tx: Transaction) -> None:
        told = []
        for result in results:
            tx.result(ground.run.id, ground.position.stage, result)
            row = {"gate": result.gate, "outcome": result.outcome.value, "reason": result.reason}
            told.append({**row, "examined": result.evidence.examined, "unit": result.evidence.unit})
        if told:
            tree = results[-1].evidence.tree
            tx.event(ground.run.id, "gates", ground.position.stage, {"tree": tree, "results": told})

    return write
