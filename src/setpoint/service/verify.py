"""`setpoint verify`: whether what a run was judged by is still what lies there, byte for byte."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import RepositoryError, SetpointError
from ..model.approval import CHANGE, Answer
from ..model.evidence import GateKind, GateResult
from ..model.record import Line, Record
from ..model.run import Run
from ..pipeline.approvals import change_subject
from ..pipeline.bench import Ground
from ..pipeline.counting import voices_of
from ..pipeline.judging import approved_files, judged_code, lab_of, sealed
from ..policy.approvals import forgeries

NAMED = 5
"""Most moved files that are named."""
_NOT_OF_THE_CHANGE = frozenset(("baseline", "tests"))
"""Stages whose results are of the base, alone or with the new tests over it."""


class Standing(Record):
    """Where the change lies now."""

    place: Line
    """`worktree`, `branch <name>`, `pull request` or `merge <commit>`."""
    tree: Line


class Piece(Record):
    """One thing the run rests on."""

    what: Line
    """`gate <name>`, `approved tests`, `review` or `approval of the change`."""
    tree: str
    """The tree it was given for; empty where it is of files alone."""
    green: bool
    """Whether it spoke for the change, when it was given."""
    stale: tuple[Line, ...] = ()
    """Why it speaks for the change no more; empty: it does."""
    renew: str = ""
    """What makes it fresh again."""


class Verified(Record):
    """What a run's evidence is worth now."""

    run: Line
    places: tuple[Standing, ...]
    pieces: tuple[Piece, ...]
    rerun: tuple[Line, ...] = ()
    """Gates that were run again just now."""

    @property
    def exit_code(self) -> int:
        """20 something is stale, 11 there is no evidence, 10 the evidence is red, 0 all of it holds."""
        if any(piece.stale for piece in self.pieces):
            return 20
        if not any(piece.what.startswith("gate ") for piece in self.pieces):
            return 11
        return 0 if all(piece.green for piece in self.pieces) else 10


async def verify(ground: Ground, *, rerun: bool = False) -> Verified:
    """What the evidence of a run is worth on what lies there now; with `rerun` stale gates are run on it first, those
    that still hold are not."""
    places = [place async for place in standing(ground)]
    pieces = await _pieces(ground, places)
    stale = [piece.what for piece in pieces if piece.stale and piece.what.startswith("gate ")]
    if not (rerun and stale and places):
        return Verified(run=ground.run.id, places=tuple(places), pieces=tuple(pieces))
    judged = await judged_code(ground, places[0].tree, {}, whole=True)
    with ground.bench.store.transaction() as tx:
        for result in judged.results:
            tx.result(ground.run.id, "verify", result)
    again = tuple(name for name in stale if name.removeprefix("gate ") in {r.gate for r in judged.results})
    return Verified(run=ground.run.id, places=tuple(places), pieces=tuple(await _pieces(ground, places)), rerun=again)


async def standing(ground: Ground) -> AsyncIterator[Standing]:
    """Everywhere the change lies: the worktree, its branch, the pull request, the merge."""
    run, trees = ground.run, ground.bench.trees
    if _has_worktree(run):
        yield Standing(place="worktree", tree=await (await ground.workspace()).tree())
    for place, revision in (
        (f"branch {run.branch}", f"refs/heads/{run.branch}"),
        ("pull request", await _offered(ground)),
        ("merge", await _merged(ground)),
    ):
        try:
            tree = await trees.tree(revision) if revision else ""
        except RepositoryError:
            continue
        if tree:
            yield Standing(place=f"{place} {revision[:12]}" if place == "merge" else place, tree=tree)


def _has_worktree(run: Run) -> bool:
    name = run.id if run.position.cycle == 1 else f"{run.id}-{run.position.cycle}"
    return Path(run.repository, ".setpoint", "worktrees", name).is_dir()


async def _offered(ground: Ground) -> str:
    """The pull request's head, its objects here; empty when there is none."""
    try:
        pull = await ground.bench.forge.find(ground.run.branch)
        return await ground.bench.workspaces.fetch(ground.run.branch) if pull and not pull.merged_sha else ""
    except SetpointError:
        return ""  # what cannot be reached is no place the change lies at


async def _merged(ground: Ground) -> str:
    """The merge commit, its objects here; empty when nothing was merged or it cannot be reached."""
    sha = str((ground.fact("merged") or {}).get("sha", ""))
    with suppress(SetpointError):
        if sha:
            await ground.bench.workspaces.fetch(ground.run.base_branch)
    return sha


async def _pieces(ground: Ground, places: Sequence[Standing]) -> list[Piece]:
    lab = lab_of(ground.bench)
    base = await ground.bench.trees.tree(ground.run.base)
    last = {
        result.gate: result
        for stage, result in ground.bench.store.results(ground.run.id)
        if stage not in _NOT_OF_THE_CHANGE and result.kind is not GateKind.TASK
    }
    gates = ground.config.gates
    environment = await lab.environment(base, gates) if gates else ""
    found = []
    for name, result in last.items():
        stale = [*await _moved(ground, result.evidence.tree, places), *_other(result, ground, environment)]
        optional = name in gates and not gates[name].required
        found.append(
            Piece(
                what=f"gate {name}",
                tree=result.evidence.tree,
                green=result.green or optional,
                stale=tuple(stale),
                renew=f"setpoint verify {ground.run.id} --rerun",
            )
        )
    missing = [name for name, gate in gates.items() if gate.required and name not in last] if last else []
    found += [_never_run(name, ground) for name in missing]
    return [*found, *[piece async for piece in _words_of_others(ground, places)]]


def _never_run(name: str, ground: Ground) -> Piece:
    why = ("it was never run on the whole change",)
    return Piece(what=f"gate {name}", tree="", green=False, stale=why, renew=f"setpoint verify {ground.run.id} --rerun")


def _other(result: GateResult, ground: Ground, environment: str) -> Iterator[str]:
    """What moved besides the tree."""
    evidence, gate = result.evidence, ground.config.gates.get(result.gate)
    if gate is not None and evidence.definition and evidence.definition != gate.digest():
        yield "its definition has changed"
    if gate is not None and environment and evidence.environment != environment:
        yield "the tools it ran with have changed"


async def _moved(ground: Ground, tree: str, places: Sequence[Standing]) -> list[str]:
    told = []
    for place in places:
        if place.tree == tree:
            continue
        try:
            entries = await ground.bench.trees.changed(tree, place.tree)
        except SetpointError:
            told.append(f"{place.place}: it is another tree")
            continue
        names = ", ".join(_shown(entry.path) for entry in entries[:NAMED]) + (", …" if len(entries) > NAMED else "")
        told.append(f"{place.place}: {names} moved since"[:500])
    return told


def _shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()


async def _words_of_others(ground: Ground, places: Sequence[Standing]) -> AsyncIterator[Piece]:
    """The approved tests, the review and the approval."""
    run, files = ground.run, approved_files(ground)
    if files:
        stale = [line for place in places for line in [await _other_tests(ground, place, files)] if line]
        yield Piece(what="approved tests", tree="", green=True, stale=tuple(stale), renew=f"setpoint retry {run.id}")
    reviewed = ground.fact("reviewed")
    if reviewed and ground.given("review"):
        tree = str(reviewed["tree"])
        stale = await _moved(ground, tree, places)
        yield Piece(
            what="review", tree=tree, green=True, stale=tuple(stale), renew=f"setpoint retry {run.id} --from review"
        )
    approvals = ground.bench.store.approvals(run.id, run.position.cycle, "change")
    granted = [approval for approval in approvals if approval.answer is Answer.GRANTED]
    if granted:
        last = granted[-1]
        stale = await _moved(ground, last.tree, places)
        if not stale and last.subject != change_subject(ground, last.tree):
            stale = ["base, review or criteria are no longer those that were approved"]
        stale += [fault.what for fault in forgeries(last, voices_of(ground, ground.config, CHANGE))]
        yield Piece(
            what=f"approval of the change by {last.by}"[:500],
            tree=last.tree,
            green=True,
            stale=tuple(stale),
            renew=f"setpoint approve {run.id}",
        )


async def _other_tests(ground: Ground, place: Standing, files: dict[str, bytes]) -> str:
    entries = await ground.bench.trees.entries(place.tree)
    there = {path: entries[path].name for path in files if path in entries}
    contents = await ground.bench.trees.blobs(list(there.values()))
    moved = [path for path, content in files.items() if path not in there or contents[there[path]] != content]
    names = ", ".join(_shown(path) for path in moved[:NAMED])
    return f"{place.place}: {names} not as sealed in {sealed(ground)['seal'][:12]}"[:500] if moved else ""
