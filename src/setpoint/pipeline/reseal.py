"""The approved tests on a base that moved: joined with what it brought, and shown again to fail there."""

import hashlib
from typing import Any

from ..errors import DeniedError
from ..gates.environment import environment_digest
from ..gates.redproof import RedProof, red_proof
from ..gates.tests_gate import tests_gate
from ..model.change import TestClaim
from ..model.merge import Conflict, Merged
from ..ports import Transaction, Workspace
from .bench import Ground
from .conflicts import objection_about
from .judging import sealed, write_results
from .moved_base import handed_over, pending
from .outcomes import Stale
from .rounds import Done


async def reseal(ground: Ground, workspace: Workspace) -> Done | None:
    """Seal the approved tests on the run's present base; None when they stand on it. A person is called when they
    conflict with it, or prove nothing there: no session may change them."""
    seal, run, workspaces = sealed(ground), ground.run, ground.bench.workspaces
    if not seal["files"] or await workspaces.contains(seal["commit"], run.base):
        return None
    merge = await workspaces.merged(seal["commit"], run.base)
    # Once a merge stands on the branch, or a person handed theirs back, the files in the workspace are the answer.
    waits = await pending(ground, workspace)
    torn = merge.conflicts if waits and not waits["by_hand"] else ()
    files = await _files(ground, workspace, merge)
    if torn or len(files) < len(seal["files"]):
        return await _call_person(ground, workspace, merge, [path for path in seal["files"] if path not in files])
    proof = await _red_again(ground, workspace, files) if seal["claims"] else None
    if proof and proof.objections:
        cause = f"the approved tests do not fail on {run.base_branch} at {run.base[:12]} any more as they must"
        done = handed_over(ground, cause, proof.objections)
        return Done(done.outcome, (write_results(ground, [proof.result]), *done.writes), note=done.note)
    return await _sealed_again(ground, workspace, merge, files, proof)


async def _files(ground: Ground, workspace: Workspace, merge: Merged) -> dict[str, bytes]:
    """The approved test files as they are on the new base; those in conflict as the person left them."""
    torn, found = {conflict.path for conflict in merge.conflicts}, {}
    for path in sealed(ground)["files"]:
        content = _read(workspace, path) if path in torn else await workspace.show(merge.tree, path)
        if content is not None:
            found[path] = content
    return found


def _read(workspace: Workspace, path: str) -> bytes | None:
    try:
        return workspace.read(path)
    except (OSError, DeniedError):
        return None


async def _call_person(ground: Ground, workspace: Workspace, merge: Merged, gone: list[str]) -> Done:
    names, base = (merge.ours, merge.theirs), ground.run.base_branch
    lost = [Conflict(path=path, before="gone", ours="gone") for path in gone]
    found = [
        await objection_about(conflict, names, workspace, base, only_marks=False)
        for conflict in {each.path: each for each in (*merge.conflicts, *lost)}.values()
    ]
    cause = f"{base} and the approved tests conflict; they are frozen for every session"
    return handed_over(ground, cause, [objection for objection in found if objection is not None])


async def _red_again(ground: Ground, workspace: Workspace, files: dict[str, bytes]) -> RedProof:
    _, gate = tests_gate(ground.config.gates)
    claims = [TestClaim.model_validate(claim) for claim in sealed(ground)["claims"]]
    overlay: dict[str, bytes | None] = dict(files)
    async with workspace.checkout(ground.run.base, overlay) as room:
        environment = await environment_digest(room, ground.config.gates)
        return await red_proof(
            claims,
            sorted(files),
            gate,
            room,
            tree=await workspace.tree(),
            environment=environment,
            keep=ground.bench.keep,
        )


async def _sealed_again(
    ground: Ground, workspace: Workspace, merge: Merged, files: dict[str, bytes], proof: RedProof | None
) -> Done:
    run, store, torn = ground.run, ground.bench.store, {conflict.path for conflict in merge.conflicts}
    overlay = {path: content for path, content in files.items() if path in torn}
    message = f"the approved tests on {run.base_branch} at {run.base[:12]}\n"
    commit, tree = await workspace.keep(merge.tree, overlay, (run.base, merge.ours), message)
    blobs = {path: store.put_blob(content) for path, content in files.items()}
    seal = hashlib.sha256("".join(f"{p}{b}" for p, b in sorted(blobs.items())).encode()).hexdigest()
    fact: dict[str, Any] = {**sealed(ground), "files": blobs, "commit": commit, "tree": tree, "seal": seal}

    def write(tx: Transaction) -> None:
        tx.remember(run.id, f"sealed:{ground.position.cycle}", fact)
        named = [claim["id"] for claim in fact["claims"]]
        tx.event(run.id, "sealed", "review", {"files": sorted(blobs), "seal": seal, "tests": named})

    results = [write_results(ground, [proof.result])] if proof else []
    return Done(
        Stale(), (*results, write), note=f"the approved tests fail on {run.base[:12]} too, and are sealed there"
    )
