"""A run in open formats."""

import os
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..model.run import Run
from ..pipeline.bench import Ground
from ..pipeline.change_record import FACT
from ..ports import Store
from .approvals import bundle
from .progress import progress
from .queries import view

FORMS = ("progress", "run", "approvals")


async def export(ground: Ground, form: str) -> dict[str, Any]:
    """The run as `form` says."""
    if form == "progress":
        return progress(ground.bench.store, ground.run).model_dump(mode="json", exclude_none=True)
    if form == "run":
        store, run = ground.bench.store, ground.run
        deliverables = [
            {"cycle": cycle, "name": name, "sha256": digest, "content": content}
            for cycle, name, digest, content in store.deliverables(run.id)
        ]
        records = [store.recall(run.id, f"{FACT}:{cycle}") for cycle in range(1, run.position.cycle + 1)]
        return {
            "ticket": run.ticket.model_dump(mode="json"),
            "run": view(ground).model_dump(mode="json"),
            "deliverables": deliverables,
            "change_records": [record for record in records if record],
            "approvals": (await bundle(ground)).model_dump(mode="json"),
        }
    if form == "approvals":
        return (await bundle(ground)).model_dump(mode="json")
    raise UsageError(f"there is no format `{form}`", fix=f"one of: {', '.join(FORMS)}")


def write_progress(store: Store, run: Run, folder: Path) -> None:
    """Bring `folder`/progress.json up to date; another process may do the same at the same time."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"progress.json.{os.getpid()}"
    fresh.write_text(progress(store, run).model_dump_json(indent=2, exclude_none=True), encoding="utf-8")
    fresh.replace(folder / "progress.json")
