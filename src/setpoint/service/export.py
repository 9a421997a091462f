"""A run in open formats."""

from typing import Any

from ..errors import UsageError
from ..pipeline.bench import Ground
from .queries import progress, view

FORMS = ("progress", "run")


def export(ground: Ground, form: str) -> dict[str, Any]:
    """The run as `form` says."""
    if form == "progress":
        return progress(ground.bench.store, ground.run)
    if form == "run":
        store, run = ground.bench.store, ground.run
        deliverables = [
            {"cycle": cycle, "name": name, "sha256": digest, "content": content}
            for cycle, name, digest, content in store.deliverables(run.id)
        ]
        shown = view(ground).model_dump(mode="json")
        return {"ticket": run.ticket.model_dump(mode="json"), "run": shown, "deliverables": deliverables}
    raise UsageError(f"there is no format `{form}`", fix=f"one of: {', '.join(FORMS)}")
