"""What goes to a model, for a look without a run: the tools of a session, and one tiny request to each model."""

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .errors import ConfigError, UsageError
from .model.boundary import Boundaries
from .model.settings import Config
from .model.trial import Trial
from .parts import endpoints
from .redacting import redactor

if TYPE_CHECKING:
    from .pipeline.bench import Bench


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


async def servers_tried(bench: "Bench", base: str, accept: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Each server of tools that a list names, started in the sandbox as for a session: its tools, their tokens, and
    the phases that are offered some of it; or why it is of no use. What those of `accept` offer now is what they are
    known for from then on. Raises ConfigError, UsageError."""
    from .pipeline.policies import layers_here
    from .pipeline.tool_pins import KeptPins
    from .pipeline.tool_servers import everything, globs
    from .policy.guard import GuardedRoom
    from .policy.rules import effective

    try:
        from .adapters.agents.tools import shortened
        from .adapters.tool_servers.hands import Hands
        from .adapters.tool_servers.session import servers_up
    except ImportError as error:
        raise ConfigError(
            "the library for MCP is not installed", why=str(error), fix="pip install 'setpoint[mcp]'"
        ) from error
    hands = Hands(
        secret=os.environ.get,
        keep=bench.store.put_blob,
        redact=bench.redact,
        shorten=shortened,
        limits=bench.config.sandbox.limits,
        pins=KeptPins(bench.store),
    )
    # A person looks: nothing is kept from them.
    offered = [one.model_copy(update={"changed": "say"}) for one in await everything(bench, base)]
    if strange := [name for name in accept if name not in {one.name for one in offered}]:
        known = ", ".join(one.name for one in offered) or "none"
        raise UsageError(f"no phase is offered a server `{strange[0]}`", why=f"there are: {known}")
    rules = effective(await layers_here(bench, base))
    async with bench.workspaces.checkout(base) as room:
        guarded = GuardedRoom(room, Boundaries(), rules=rules, writes=False)
        async with servers_up(offered, guarded, hands) as up:
            for name in (name for name in accept if name in up.lists):
                hands.pins.keep(name, up.lists[name])
            phases = bench.config.mcp.phase.items()
            return [
                {**note, "phases": [phase for phase, tools in phases if globs(tools, str(note["server"]))]}
                for note in up.notes
            ]
