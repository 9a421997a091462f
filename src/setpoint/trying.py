"""What goes to a model, for a look without a run: the tools of a session, and one tiny request to each model."""

import json
import os
from collections.abc import Sequence
from typing import Any

from .errors import UsageError
from .model.settings import Config
from .model.trial import Trial
from .parts import endpoints
from .redacting import redactor


def tools_of(deliverable: str, schema: dict[str, Any], writes: bool) -> str:
    """The tools of a session of the built-in agent, as they go over the wire."""
    from .adapters.agents.tools import tools_for

    tools = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.schema}
        for tool in tools_for(deliverable, schema, writes=writes)
    ]
    return json.dumps(tools, separators=(",", ":"), ensure_ascii=False)


async def tried(config: Config, names: Sequence[str]) -> list[Trial]:
    """One tiny real request to each of `names`, or to all models that are configured; no key in what comes back."""
    from .adapters.agents.trial import try_models
    from .pipeline.models import ref
    from .service.models import model_lines

    lines = {line.model: line for line in model_lines(config)}
    if strange := [name for name in names if name not in lines]:
        known = ", ".join(lines) or "none"
        raise UsageError(f"no model `{strange[0]}` is configured", why=f"there are: {known}", fix="`setpoint models`")
    chosen = [lines[name] for name in names] or list(lines.values())
    priced = {ref(line.model): line.input_usd is not None for line in chosen}
    found = await try_models(list(priced), endpoints(config, os.environ), priced)
    clean = redactor(config, os.environ)
    return [Trial.model_validate(clean(trial.model_dump())) for trial in found]
