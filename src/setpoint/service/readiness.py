"""What the doctor says of the way to production, and of the way from a clean checkout to running gates."""

from collections.abc import Mapping
from pathlib import Path

from ..gates.bootstrap import Setup, failed, found_setup, missing_tools
from ..model.gate import Gate
from ..model.settings import Config
from ..ports import Workspaces
from .doctor import Check

NOT_READY = "not production-ready"


def production(config: Config, ci: Mapping[str, Gate]) -> list[Check]:
    """How far a change can go, and what is missing before it may go to production. `ci` are the gates of the base's own
    configuration: CI runs those."""
    places = config.environment
    found = []
    if places:
        found.append(Check(name="deploy", state="ok", found=" → ".join(place.name for place in places)[:480]))
    if not any(gate.required for gate in ci.values()):
        fix = "`setpoint init`, then commit setpoint.toml on the base: CI runs the gates it finds there"
        found.append(Check(name="ci", state="bad", found=f"{NOT_READY}: CI runs no gate", fix=fix))
    elif not any(gate.required and gate.kind.runs_tests for gate in ci.values()):
        fix = "add [gates.tests] to setpoint.toml on the base"
        found.append(Check(name="ci", state="bad", found=f"{NOT_READY}: no gate of CI runs tests", fix=fix))
    if not places:
        told = f"no environment: a run ends with its merge; {NOT_READY}"
        fix = "add [[environment]] with deploy, smoke and rollback; the first for acceptance, before production"
        found.append(Check(name="deploy", state="warn", found=told, fix=fix))
    for place in places:
        left = [step for step, argv in (("smoke", place.smoke), ("rollback", place.rollback)) if not argv]
        if left:
            told = f"{NOT_READY}: environment {place.name} has no {' and no '.join(left)} command"
            fix = f"in [[environment]] {place.name} write {' and '.join(f'{step} = [...]' for step in left)}"
            found.append(Check(name="deploy", state="bad", found=told[:480], fix=fix))
    return found


async def bootstrap(workspaces: Workspaces, config: Config, base: str) -> list[Check]:
    """Whether a clean checkout of the base is made ready by `worktree.setup`, else by what the repository calls its
    set-up, run in the sandbox; and whether the gates find their tools there."""
    own = config.worktree.setup
    async with workspaces.checkout(base) as room:
        setup = Setup(own, "worktree.setup") if own else found_setup(Path(room.path))
        trouble = await failed(setup, room) if setup else ""
        missing = await missing_tools(config.gates, room)
    if missing:
        told = f"not found on a clean checkout: {', '.join(missing)}{f'; {trouble}' if trouble else ''}"
        fix = "install them where the sandbox sees them (.venv, node_modules), or in [worktree] setup"
        return [Check(name="bootstrap", state="bad", found=told[:480], fix=fix)]
    there = "the gates' tools are there" if config.gates else "no gate asks for a tool"
    if setup is None:
        return [Check(name="bootstrap", state="ok", found=f"no set-up is needed or known; {there}")]
    shown = ", ".join(" ".join(argv) for argv in setup.commands)
    if not trouble:
        return [Check(name="bootstrap", state="ok", found=f"{shown} ({setup.because}) runs; {there}"[:480])]
    if own:
        fix = "mend [worktree] setup in setpoint.toml; it runs in the sandbox, without a network"
        return [Check(name="bootstrap", state="bad", found=f"worktree.setup fails: {trouble}"[:480], fix=fix)]
    told = f"{setup.because}: {trouble}; {there} all the same"
    fix = "none needed while the shared environment (.venv, node_modules) is kept current; gates have no network"
    return [Check(name="bootstrap", state="warn", found=told[:480], fix=fix)]
