"""Pictures of the running app: those a run holds, and a person's own look."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..model.evidence import GateResult, Outcome
from ..model.record import Line, Record
from ..model.run import Event

if TYPE_CHECKING:
    from ..pipeline.bench import Ground

LOOKED = "looked"
"""Kind of the journal's entry for a person's look."""


class PictureView(Record):
    """A picture that a run holds, by its content."""

    sha256: Line
    stage: Line
    by: Line
    """The check, tool or person that took it."""


def pictures(events: Iterable[Event], results: Iterable[tuple[str, GateResult]]) -> tuple[PictureView, ...]:
    """All of a run, each once: of its checks, then of sessions and people in the order they looked."""
    found = [(name, stage, result.gate) for stage, result in results for name in result.pictures]
    for event in events:
        if event.kind in ("tool", LOOKED):
            by = str(event.data["name"] if event.kind == "tool" else event.data["by"])
            found += [(name, event.stage, by) for name in event.data.get("pictures", ())]
    first = {name: (stage, by) for name, stage, by in reversed(found)}
    order = dict.fromkeys(name for name, _, _ in found)
    return tuple(PictureView(sha256=name, stage=first[name][0], by=first[name][1]) for name in order)


async def person_looks(ground: "Ground", steps: Sequence[str], by: str) -> GateResult:
    """Take `steps` on a clean checkout of the run's files as they are, and write down what was seen and by whom. It
    decides nothing. Raises UsageError for what is no step."""
    from ..gates.environment import environment_digest
    from ..gates.look import look

    bench, workspace = ground.bench, await ground.workspace()
    tree = await workspace.tree()
    async with workspace.checkout(tree) as room:
        environment = await environment_digest(room, {})
        result = await look(room, steps, keep=bench.store.put_blob, tree=tree, environment=environment)
    told = {"by": by, "tree": tree, "steps": list(steps), "outcome": result.outcome.value, "reason": result.reason}
    with bench.store.transaction() as tx:
        data = {**told, "output": result.evidence.output, "pictures": list(result.pictures)}
        tx.event(ground.run.id, LOOKED, ground.position.stage, data)
    return result


def exit_code(result: GateResult) -> int:
    """10 when what was looked for is not there, 11 when nobody could tell, else 0."""
    return {Outcome.PASSED: 0, Outcome.FAILED: 10, Outcome.REFUSED: 11}[result.outcome]
