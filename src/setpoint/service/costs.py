"""What was spent, read from the saved sessions."""

from collections.abc import Sequence
from typing import Any

from ..model.run import Run
from ..model.session import Usage
from ..ports import Store


def costs(store: Store, runs: Sequence[Run]) -> dict[str, Any]:
    """A row for each run, phase, role and model, and the sum. Unknown money stays unknown."""
    rows: dict[tuple[str, str, str, str], Usage] = {}
    for run in runs:
        for event in _models(store, run.id):
            data = event.data
            session = str(data.get("session", "")).split(":")
            role = next((part for part in session if part in ("producer", "validator", "reviewer")), "")
            key = (run.id, event.stage or _phase(session), role, str(data.get("model", "")))
            rows[key] = rows.get(key, Usage()).plus(_usage(data))
    total = Usage()
    for run in runs:
        total = total.plus(run.cost)
    listed = [
        {"run": run, "phase": phase, "role": role, "model": model, **usage.model_dump(mode="json")}
        for (run, phase, role, model), usage in rows.items()
    ]
    return {"rows": listed, "usd": total.usd, "requests": total.requests}


def _phase(session: Sequence[str]) -> str:
    return session[2] if len(session) > 2 else ""


def _models(store: Store, run_id: str) -> Sequence[Any]:
    found, seen = [], 0
    while events := store.events(run_id, seen):
        seen = events[-1].seq
        found += [event for event in events if event.kind == "model"]
    return found


def _usage(data: dict[str, Any]) -> Usage:
    return Usage(
        requests=1,
        input_tokens=int(data.get("input_tokens", 0)),
        output_tokens=int(data.get("output_tokens", 0)),
        cached_tokens=int(data.get("cached_tokens", 0)),
        usd=data.get("usd"),
        seconds=float(data.get("ms", 0)) / 1000,
    )
