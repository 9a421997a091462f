"""Gates without a run: what there is, what they say of the working tree, and why each is there."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..errors import UsageError
from ..gates.change_set import ChangeSet
from ..gates.commands import shown
from ..gates.compared import compared
from ..gates.detect import detect
from ..gates.environment import environment_digest
from ..gates.judge import run_gates, unheard
from ..gates.projects import touched
from ..gates.prove import Proven
from ..gates.reach import demanded, reached
from ..gates.tree_change import change_between
from ..gates.worth import Worth, in_turn, level_of, scope_of, worths
from ..model.evidence import GateKind, GateResult, Outcome
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.record import Line, Record
from ..pipeline.bench import Bench
from ..ports import Store

HERE = "gates"
"""Results on working trees are kept under this name."""
BASELINE = "baseline"
"""Results on untouched bases, for all runs."""
RUNS = 50
"""How many of the latest runs tell what a gate is worth."""


def unsaid(_name: str, _why: str) -> None:
    """Nobody asks what was left out."""
    return


class Repository(Protocol):
    """What is asked of the user's own repository."""

    async def base(self, configured: str) -> tuple[str, str]:
        """Branch and commit that a change starts from."""
        ...

    async def tree(self, commit: str) -> str:
        """The tree of a commit."""
        ...

    async def snapshot(self) -> str:
        """The tree of the working tree as it is."""
        ...

    async def paths(self, before: str, after: str) -> Sequence[str]:
        """Paths that differ between two commits or trees."""
        ...


class GateRow(Record):
    """One gate as it is listed."""

    name: Line
    kind: Line
    where: Line
    """Project folder."""
    run: Line
    """The command, to be typed again."""
    because: Line
    """What in the repository speaks for it."""
    required: bool
    network: tuple[Line, ...] = ()
    """Hosts it may reach."""
    level: Line = "local"
    """Where its answer comes from."""
    scope: str = ""
    """What its tests take together: unit, integration, end-to-end; empty for other gates."""
    seconds: float | None = None
    """The middle one of its times so far; None when it never ran."""
    trees: int = 0
    """Trees it was asked about."""
    said_no: int = 0
    """Those it failed on."""
    doubt: str = ""
    """Why it may be of no use."""
    outcome: str = ""
    """Its last verdict; empty when it never ran."""
    reason: str = ""
    at: str = ""


def rows(gates: Mapping[str, Gate], root: Path, store: Store | None) -> list[GateRow]:
    """Every configured gate with its last outcome, in the order in which they are begun; where none is configured, what
    `setpoint init` would try."""
    found = {(c.gate.run, c.gate.where): c for c in detect(root)}
    named = gates or {candidate.name: candidate.gate for candidate in found.values()}
    last = _last(store) if store is not None and gates else {}
    known = known_worth(store) if store is not None and gates else {}
    shown_red = {proof.gate for proof in kept_proofs(store) if proof.red} if store is not None and gates else set()
    listed = []
    for name in in_turn(named, known):
        gate = named[name]
        candidate, result, worth = found.get((gate.run, gate.where)), last.get(name), known.get(name)
        listed.append(
            GateRow(
                name=name,
                kind=gate.kind.value,
                where=gate.where,
                run=shown(gate.run) or "built in",
                because=candidate.because if candidate else "written in the configuration",
                required=gate.required,
                network=gate.network,
                level=level_of(gate),
                scope=scope_of(name, gate),
                seconds=worth.seconds if worth else None,
                trees=worth.trees if worth else 0,
                said_no=worth.said_no if worth else 0,
                doubt=worth.doubt(name in shown_red) if worth else "",
                outcome=result.outcome.value if result else "",
                reason=result.reason if result else "",
                at=result.evidence.at.isoformat(timespec="seconds") if result else "",
            )
        )
    return listed


def known_worth(store: Store) -> dict[str, Worth]:
    """What all results so far say of each gate: of runs, of bases and of working trees."""
    latest = sorted(store.runs(), key=lambda run: run.updated, reverse=True)[:RUNS]
    places = (BASELINE, HERE, *(run.id for run in latest))
    return worths(result for place in places for _, result in store.results(place))


def kept_proofs(store: Store) -> list[Proven]:
    """What was found out last of each gate's power to fail."""
    return [Proven.model_validate(proof) for proof in (store.recall(BASELINE, "proofs") or {}).values()]


def _last(store: Store) -> dict[str, GateResult]:
    kept = [result for name in (BASELINE, HERE) for _, result in store.results(name)]
    return {result.gate: result for result in sorted(kept, key=lambda result: result.evidence.at)}


async def run_here(
    bench: Bench,
    repository: Repository,
    *,
    changed: bool = False,
    on_result: Callable[[GateResult], None] = unheard,
    left_out: Callable[[str, str], None] = unsaid,
) -> tuple[tuple[Measured, ...], Mapping[str, Gate]]:
    """The gates on the working tree as it is, those of linters and the like by what is new against the base, and the
    gates as they counted. With `changed` only those of the projects that differ from it, and without those of parts
    together where nothing of that reaches the database or the API: `left_out` hears their names and why. Raises
    UsageError when there is nothing to run."""
    store = bench.store
    _, base = await repository.base(bench.config.project.base)
    tree, base_tree = await repository.snapshot(), await repository.tree(base)
    change = await change_between(bench.trees, base_tree, tree)
    gates: Mapping[str, Gate] = demanded(bench.config.gates, change)
    if changed:
        paths = await repository.paths(base_tree, tree)
        if not paths:
            raise UsageError(f"nothing differs from {base[:12]}", fix="`setpoint gates run` runs all gates")
        gates = _near(touched(gates, paths), change, left_out)
    earlier = {result.gate: result for _, result in store.results(HERE, tree)}
    based = {result.gate: result for _, result in store.results(BASELINE, base_tree)}
    async with bench.workspaces.checkout(tree) as room:
        environment = await environment_digest(room, gates)
        results = await run_gates(
            gates,
            room,
            tree=tree,
            environment=environment,
            known=lambda name, _: earlier.get(name),
            on_result=on_result,
            keep=bench.keep,
            worth=known_worth(store),
        )
        new = [result for result in results if earlier.get(result.gate) != result]
        with store.transaction() as tx:
            for result in new:
                tx.result(HERE, "working tree", result)
        measured = await compared(
            gates,
            results,
            room,
            bench.workspaces.checkout(base),
            base_tree=base_tree,
            known=lambda name, _: based.get(name),
            keep=bench.keep,
        )
    return measured, gates


def _near(gates: Mapping[str, Gate], change: ChangeSet, left_out: Callable[[str, str], None]) -> Mapping[str, Gate]:
    """`gates` without tests of parts together, where the change does not reach so far and others are left."""
    others = {name: gate for name, gate in gates.items() if gate.kind is not GateKind.INTEGRATION}
    if not others or reached(change):
        return gates
    for name in gates.keys() - others.keys():
        left_out(name, "nothing that changed reaches the database or the API")
    return others


def exit_code(measured: Sequence[Measured], gates: Mapping[str, Gate]) -> int:
    """10 when a required gate fails, 11 when one could not tell or there is none, else 0."""
    outcomes = {one.result.outcome for one in measured if gates[one.result.gate].required}
    return 10 if Outcome.FAILED in outcomes else 11 if Outcome.REFUSED in outcomes or not outcomes else 0
