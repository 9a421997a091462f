"""Going back to an earlier stage: what was built after it leaves the branch, and stays reachable."""

from ..ports import Workspace
from .bench import Ground


async def from_clean_ground(ground: Ground, workspace: Workspace, commit: str) -> None:
    """Once the stage is entered anew, because the plan was at fault or a person went back, files and branch start from
    `commit`. It happens once an epoch: what was made since then stands."""
    position, store = ground.position, ground.bench.store
    if position.epoch == 1:
        return
    key = f"clean:{position.cycle}:{position.stage}"
    last = store.recall(ground.run.id, key)
    if last and last["epoch"] == position.epoch:
        return
    left = await workspace.head()
    await workspace.restart(commit)
    fact = {"epoch": position.epoch, "left": left, "commit": commit}
    with store.transaction() as tx:
        tx.remember(ground.run.id, key, fact)
        tx.event(ground.run.id, "restarted", position.stage, fact)
