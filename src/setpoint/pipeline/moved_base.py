"""The base moved: it is merged into the run's branch, and what rested on the old base is measured anew.

Steps that find the base moved send the run to review, and review begins here, in as many short jobs as it takes: merge,
then seal the approved tests on the new base, then let what conflicts be mended. docs/decisions/0009 says why.
"""

from collections.abc import Sequence
from typing import Any

from ..errors import NeedsPersonError
from ..gates.baseline import require_green
from ..model.merge import Conflict, Merged
from ..model.numbers import counted
from ..model.objection import Objection
from ..model.record import digest_of
from ..model.settings import Config
from ..ports import Transaction, Workspace
from .bench import Ground
from .conflicts import objection_about
from .judging import lab_of
from .kept import without_secrets
from .messages import commit_message, hand_message
from .outcomes import HandedOver, Stale
from .rounds import Done, Write, hand_over_packet, history


async def moved(ground: Ground, head: str) -> str:
    """The forge's commit of the base branch, when the run does not stand on it; empty when it does, or when the branch
    is merged already. Raises NeedsPersonError when the base lost the commit that the run stands on."""
    run, workspaces = ground.run, ground.bench.workspaces
    if await ground.bench.forge.ensure(run.base_branch) == run.base:
        return ""
    tip = await workspaces.fetch(run.base_branch)
    if tip == run.base or await workspaces.contains(tip, head):
        return ""
    if not await workspaces.contains(tip, run.base):
        raise NeedsPersonError(
            f"{run.base_branch} was rewritten: it no longer holds {run.base[:12]}, where this run stands",
            why="what came of an abandoned history cannot be told from this change",
            fix=f"put {run.base[:12]} back into {run.base_branch}, or `setpoint cancel {run.id}` and start again",
        )
    return tip


def told(ground: Ground, tip: str) -> str:
    """Why the run goes to review again."""
    return f"{ground.run.base_branch} moved to {tip[:12]}: what was judged stands on an older one"


async def bring_in(ground: Ground, workspace: Workspace) -> Done | None:
    """Merge the moved base into the branch; None when there is nothing to merge, or a merge waits for its mending."""
    run, workspaces = ground.run, ground.bench.workspaces
    head = await workspace.head()
    if not await workspaces.contains(head, run.base):
        return None
    begun = ground.fact("joining") or {}
    tip = begun["tip"] if begun.get("mark") == _begun(ground, head) else ""
    if not tip:
        tip = await moved(ground, head)
        if not tip:
            return None
        if _times(ground) > ground.config.loop.base_moves:
            return _too_often(ground)
    config = await _configured(ground, workspace, tip)
    if begun.get("mark") != _begun(ground, head):
        head = await workspace.commit(hand_message(ground, "a person"))
        with ground.bench.store.transaction() as tx:
            fact = {"tip": tip, "mark": _begun(ground, head)}
            tx.remember(run.id, f"joining:{ground.position.cycle}", fact)
    # From here to the end nobody else changes a file: what a crash leaves is the way from `head` to the merge.
    merge = await workspaces.merged(head, tip)
    same = await _same_patch(ground, workspace, tip, merge.tree)
    await workspace.restore(merge.tree)
    if not merge.conflicts:
        subject, body = f"merge {run.base_branch} at {tip[:12]}", "The base moved; both sides stand."
        await workspace.commit(commit_message(ground, subject, body), tip)
    return Done(Stale(), _writes(ground, merge, config, same), note=_note(ground, merge))


def _begun(ground: Ground, head: str) -> list[object]:
    """Marks a merge under way: the same for its repeat after a crash, another once a person worked in the workspace."""
    return [ground.run.base, head, *_mark(ground)]


def _note(ground: Ground, merge: Merged) -> str:
    into = f"{ground.run.base_branch} moved to {merge.theirs[:12]}"
    if merge.conflicts:
        count = len(merge.conflicts)
        return f"{into}: {count} of its files {'conflicts' if count == 1 else 'conflict'} with the change"
    return f"{into} and was merged in; the change is judged and decided again"


def _writes(ground: Ground, merge: Merged, config: Config, same: bool) -> list[Write]:
    run, cycle = ground.run, ground.position.cycle
    fact = {
        "before": run.base,
        "mark": _mark(ground),
        "times": _times(ground),
        "same_patch": same,
        "by_hand": "",
        **merge.model_dump(mode="json"),
    }
    names = [conflict.path for conflict in merge.conflicts]
    entry = {"base": merge.theirs, "before": run.base, "head": merge.ours, "conflicts": names, "same_patch": same}
    loop = ground.loop_of("review")
    # The controller counts from here: an error that the base brought in is not the loop's own turning back.
    rounds = {"rounds": len(history(ground, loop))}

    def write(tx: Transaction) -> None:
        tx.rebase(run, merge.theirs, run.branch)
        tx.remember(run.id, f"joined:{cycle}", fact)
        tx.remember(run.id, f"base:{cycle}:{loop}", rounds)
        tx.event(run.id, "joined", "review", entry)

    return [write, *_config_writes(ground, config)]


def _config_writes(ground: Ground, config: Config) -> list[Write]:
    if config == ground.config:
        return []
    content = without_secrets(config)

    def write(tx: Transaction) -> None:
        tx.remember(ground.run.id, "config", content)
        tx.event(ground.run.id, "configured", "review", {"config": digest_of(content)})

    return [write]


async def _configured(ground: Ground, workspace: Workspace, tip: str) -> Config:
    """The run's configuration with the gates and boundaries that the base was given meanwhile."""
    was = await _settings(ground, workspace, ground.run.base)
    now = await _settings(ground, workspace, tip)
    changed = {name: getattr(now, name) for name in ("gates", "boundaries") if getattr(now, name) != getattr(was, name)}
    return ground.config.model_copy(update=changed)


async def _settings(ground: Ground, workspace: Workspace, commit: str) -> Config:
    for name in ("setpoint.toml", "pyproject.toml"):
        text = await workspace.show(commit, name)
        if text is not None:
            return ground.bench.parse(text.decode("utf-8", "replace"), name)
    return Config()


async def _same_patch(ground: Ground, workspace: Workspace, tip: str, tree: str) -> bool:
    """Whether the change is, line for line, what was judged last: only the base below it moved."""
    last = ground.fact("reviewed")
    if last is None:
        return False
    before = await workspace.diff(ground.run.base, last["tree"])
    return _patch(before) == _patch(await workspace.diff(tip, tree))


def _patch(diff: str) -> list[str]:
    return [line for line in diff.splitlines() if line[:1] in "+-" or line.startswith("diff ")]


def _mark(ground: Ground) -> list[object]:
    """Changes whenever a person has had a word."""
    store, run, cycle = ground.bench.store, ground.run, ground.position.cycle
    given = store.recall(run.id, "given") or {}
    restart = store.recall(run.id, f"restart:{cycle}:{ground.loop_of('review')}") or {}
    return [len(store.approvals(run.id, cycle)), given.get("serial", 0), restart.get("serial", 0)]


def _times(ground: Ground) -> int:
    """How often in a row, this time counted, the base moved without a person's word between."""
    last = ground.fact("joined")
    return int(last["times"]) + 1 if last and last["mark"] == _mark(ground) else 1


def _too_often(ground: Ground) -> Done:
    times = ground.config.loop.base_moves
    return handed_over(
        ground, f"{ground.run.base_branch} moved {counted(times, 'times')} before the change could be merged", ()
    )


def handed_over(ground: Ground, cause: str, open_: Sequence[Objection]) -> Done:
    """Call a person, with what is open."""
    packet = hand_over_packet(ground, "review", cause, history(ground, ground.loop_of("review")))
    packet = packet.model_copy(update={"open": tuple(open_)})
    return Done(
        HandedOver(), (lambda tx: tx.hand_over(ground.run.id, ground.position.cycle, packet),), note=packet.cause
    )


async def require_green_base(ground: Ground, workspace: Workspace) -> None:
    """Raises BaselineRedError when a gate that is red on the change is red on the base that was merged in: somebody
    else's fault is not mended here."""
    joined = ground.fact("joined")
    if joined is None or joined["theirs"] != ground.run.base:
        return
    gates = ground.config.gates
    lab = lab_of(ground.bench)
    tree = await lab.trees.tree(ground.run.base)
    environment = await lab.environment(tree, gates)
    require_green(await lab.results(tree, gates, environment=environment), gates=gates)


# -- what conflicts -------------------------------------------------------------------------------------------------


async def pending(ground: Ground, workspace: Workspace) -> dict[str, Any] | None:
    """The merge that waits for its mending: its fact, until the branch holds the base."""
    joined = ground.fact("joined")
    if not joined or not joined["conflicts"] or joined["theirs"] != ground.run.base:
        return None
    return None if await ground.bench.workspaces.contains(await workspace.head(), ground.run.base) else joined


async def conflicts(ground: Ground, workspace: Workspace, *, mended: bool = False) -> tuple[Objection, ...]:
    """An objection for each file that conflicts; once somebody has `mended` them, for those with git's marks left."""
    joined = await pending(ground, workspace)
    if joined is None:
        return ()
    mended = mended or bool(joined["by_hand"])
    names, base = (joined["ours"], joined["theirs"]), ground.run.base_branch
    found = [
        await objection_about(Conflict.model_validate(each), names, workspace, base, only_marks=mended)
        for each in joined["conflicts"]
    ]
    return tuple(objection for objection in found if objection is not None)


def mended_by_hand(ground: Ground, by: str) -> list[Write]:
    """A person who hands the workspace back has looked at what conflicts: their files stand, but for marks left."""
    joined = ground.fact("joined")
    if not joined or not joined["conflicts"]:
        return []
    fact = {**joined, "by_hand": by}
    return [lambda tx: tx.remember(ground.run.id, f"joined:{ground.position.cycle}", fact)]
