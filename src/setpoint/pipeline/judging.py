"""What the judgement of a run's code rests on: the approved tests, the base, and where it is tried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import RefusedError
from ..gates.reach import demanded
from ..gates.tree_change import change_between
from ..model.boundary import Boundaries
from ..model.change import TestClaim
from ..model.evidence import GateResult
from ..model.gate import Gate
from ..policy.decide import Policy
from ..policy.digest import policy_digest
from ..ports import Transaction
from .bench import Bench, Ground
from .by_hand import with_hand
from .criteria import boundaries_of, criteria_of
from .judgement import Judged, judge
from .lab import Lab, Terms
from .requests import policy_for
from .rounds import Done, Write


def sealed(ground: Ground) -> dict[str, Any]:
    """The approved tests: `files` (path to content), `claims`, the commit and the tree that hold them."""
    return ground.fact("sealed") or {"files": {}, "claims": [], "commit": ground.run.base, "tree": ""}


@dataclass(frozen=True)
class Suite:
    """Tests that a session wrote after the code, and which of them prove what."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    claims: tuple[TestClaim, ...] = ()


def second_suite(ground: Ground) -> Suite:
    """The tests written after the code that stand on this ground; none, once the run went back behind them."""
    kept = ground.fact("second")
    if kept is None or kept["epoch"] != ground.position.epoch:
        return Suite()
    claims = tuple(TestClaim.model_validate(claim) for claim in kept["claims"])
    return Suite(_contents(ground, kept["files"], "edge_tests"), claims)


def sealed_claims(ground: Ground) -> tuple[TestClaim, ...]:
    """Which approved test proves what; those of the second suite follow."""
    approved = tuple(TestClaim.model_validate(claim) for claim in sealed(ground)["claims"])
    return (*approved, *second_suite(ground).claims)


def approved_files(ground: Ground) -> dict[str, bytes]:
    """Content of the approved test files and of the second suite's, by path."""
    return {**_contents(ground, sealed(ground)["files"], "tests"), **second_suite(ground).files}


def _contents(ground: Ground, files: Mapping[str, str], stage: str) -> dict[str, bytes]:
    found = {}
    for path, blob in files.items():
        content = ground.bench.store.blob(blob)
        if content is None:
            raise RefusedError(
                f"the approved test {path} is gone from the store", fix=f"`setpoint retry --from {stage}`"
            )
        found[path] = content
    return found


def lab_of(bench: Bench) -> Lab:
    """Where changes of a run are tried."""
    return Lab(
        trees=bench.trees,
        checkout=bench.workspaces.checkout,
        archive=bench.archive,
        mark=bench.mark(),
        code=bench.code,
        keep=bench.keep,
        images=bench.images,
    )


def closed_boundaries(ground: Ground) -> Boundaries:
    """The run's boundaries with the approved tests closed."""
    allowed = boundaries_of(ground)
    closed = (*sealed(ground)["files"], *second_suite(ground).files)
    return allowed.model_copy(update={"protected": (*allowed.protected, *closed)})


def closed_policy(ground: Ground) -> Policy:
    """What is decided with while code is written: the same, with the rules and what persons opened."""
    return policy_for(ground).model_copy(update={"boundaries": closed_boundaries(ground)})


async def judged_code(
    ground: Ground, tree: str, gates: Mapping[str, Gate], *, whole: bool, more: Suite | None = None
) -> Judged:
    """Judge `tree` as `setpoint check` judges a change: the files since the approved tests, then the task's `gates`,
    then, when the change is `whole`, every gate of the repository and the approved tests one by one. `more` are tests
    of a second suite that is just handed in."""
    seal, trees, second = sealed(ground), ground.bench.trees, more or second_suite(ground)
    base = await trees.tree(ground.run.base)
    change, entries = await change_between(trees, base, tree), await trees.entries(tree)
    # By its tree, not by its commit: what was found out about the same files before holds still. The second suite came
    # after the code, and is no more the builder's than the first.
    tests = await trees.laid(await trees.tree(seal["commit"]), dict(second.files))
    own = change if tests == base else await change_between(trees, tests, tree)
    terms = Terms(
        gates=demanded(ground.config.gates, change),
        policy=with_hand(ground, closed_policy(ground), entries),
        implementing=True,
        approved={**approved_files(ground), **second.files},
        claims=(*(TestClaim.model_validate(claim) for claim in seal["claims"]), *second.claims),
        checks=gates,
        whole=whole,
        quick=True,
        declared=tuple(criterion.text for criterion in criteria_of(ground)),
        settings=ground.config.checks,
    )
    return await judge(change, own, terms, lab_of(ground.bench), base=known_on_base(ground, base))


def known_on_base(ground: Ground, tree: str) -> tuple[GateResult, ...] | None:
    """What the gates said of the untouched base when the run was started; None when that was another tree."""
    kept = ground.bench.store.recall(ground.run.id, "baseline") or {"results": []}
    results = tuple(GateResult.model_validate(told) for told in kept["results"])
    there = {result.gate for result in results if result.evidence.tree == tree}
    return results if there >= set(ground.config.gates) else None


def measured_by(ground: Ground, results: Sequence[GateResult], done: Done) -> Done:
    """`done` with the gates it rests on written before it, whatever they said."""
    return Done(done.outcome, (write_results(ground, results), *done.writes), note=done.note)


def policy_mark(ground: Ground) -> str:
    """Digest of all that is allowed while the run's code is written: bound to its evidence."""
    policy = closed_policy(ground)
    return policy_digest(policy.rules, policy.boundaries)


def boundaries_on_record(ground: Ground) -> Write:
    """What the run may do at this step, with its digest, in the journal."""
    held, mark = closed_boundaries(ground), policy_mark(ground)

    def write(tx: Transaction) -> None:
        data = {"sha256": held.digest(), "policy": mark, **held.model_dump(mode="json")}
        tx.event(ground.run.id, "boundaries", ground.position.stage, data)

    return write


def under_policy(result: GateResult, mark: str) -> GateResult:
    """The result with the digest of the policy it was measured under."""
    return result.model_copy(update={"evidence": result.evidence.model_copy(update={"policy": mark})})


def write_results(ground: Ground, results: Sequence[GateResult]) -> Write:
    """Keep the results as evidence, with the move."""
    mark = policy_mark(ground) if results else ""

    def write(tx: Transaction) -> None:
        told = []
        for result in results:
            tx.result(ground.run.id, ground.position.stage, under_policy(result, mark))
            row = {"gate": result.gate, "outcome": result.outcome.value, "reason": result.reason}
            flaky = {"flaky": list(result.flaky)} if result.flaky else {}
            told.append({**row, "examined": result.evidence.examined, "unit": result.evidence.unit, **flaky})
        if told:
            tree = results[-1].evidence.tree
            tx.event(ground.run.id, "gates", ground.position.stage, {"tree": tree, "results": told})

    return write
