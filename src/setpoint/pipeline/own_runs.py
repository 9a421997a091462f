"""What a session that writes code should have run by itself before it hands in, and which hand-ins came without."""

import shlex
from collections.abc import Sequence

from ..gates.checks import task_gates
from ..model.evidence import GateKind
from ..model.gate import Gate
from ..model.plan import PlanTask
from ..model.session import Deciding
from .bench import Ground

_KINDS = frozenset((GateKind.TESTS, GateKind.INTEGRATION, GateKind.TASK))
_LONGEST = 400
_PAGE = 1000


def own_runs(ground: Ground, task: PlanTask | None = None) -> tuple[Deciding, ...]:
    """The commands that decide about the present work: the checks of its task, and the gates that run tests. A gate
    that reaches hosts is not for a session to run. None where the settings ask for none."""
    if not ground.config.checks.own_run:
        return ()
    gates = {**(task_gates(task) if task else {}), **ground.config.gates}
    found = ((name, gate) for name, gate in gates.items() if gate.kind in _KINDS and gate.run and not gate.network)
    return tuple(_deciding(name, gate) for name, gate in found)


def handed_in_unrun(ground: Ground) -> Sequence[str]:
    """The hand-ins of this run that rest on no run of their session's own, each in a line."""
    found, after = list[str](), 0
    while events := ground.bench.store.events(ground.run.id, after, _PAGE):
        after = events[-1].seq
        found += [f"{event.stage}: {event.data['why']}" for event in events if event.kind == "unrun"]
    return found


def _deciding(name: str, gate: Gate) -> Deciding:
    """Without what only its report needs: all from the word that names it, and the option that it belongs to."""
    end = next((at for at, word in enumerate(gate.run) if "{report}" in word), len(gate.run))
    if end < len(gate.run) and gate.run[end] == "{report}" and gate.run[end - 1].startswith("-"):
        end -= 1
    command = shlex.join(gate.run[:end])[:_LONGEST]
    place = "" if gate.where == "." else f"cd {shlex.quote(gate.where)} && "
    begins = command if end > 1 else ""
    return Deciding(name=name[:100], command=f"{place}{command}"[:500] or name[:100], begins=begins)
