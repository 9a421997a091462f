"""Commands in the sandbox, run by hand: exactly as an agent's would run, with the models that they may ask."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .config import load
from .errors import ConfigError
from .model.command import Completed, Layer
from .model.session import ModelRef, Usage
from .parts import endpoints, part


async def sandbox_exec(
    folder: Path,
    argv: Sequence[str],
    level: str,
    policy: Path | None,
    models: Sequence[str] = (),
    usd: float | None = None,
) -> tuple[Completed, Usage | None]:
    """Run `argv` in `folder` exactly as an agent's command would run there. With `models` it finds these, and no key,
    behind a relay on its loopback, for at most `usd` dollars; what they used is told then."""
    from .adapters.rooms import exec_here
    from .policy.narrowing import narrowed

    config = load(folder)
    settings, network = narrowed(config.sandbox, policy, argv) if policy is not None else (config.sandbox, ())
    sandbox = part("sandbox", level)()
    if not models:
        return await exec_here(sandbox, folder, argv, settings=settings, network=network), None
    from .adapters.agents.http import new_client
    from .adapters.agents.metering import Allowance
    from .adapters.agents.relay import WithModels, relay

    meter, known = Allowance(usd), endpoints(config, os.environ)
    async with new_client() as client, relay(_reached(models, known), meter, client) as way:
        done = await exec_here(WithModels(sandbox, way), folder, argv, settings=settings, network=network)
    return done, meter.spent


def _reached(models: Sequence[str], known: Mapping[str, Any]) -> dict[ModelRef, Any]:
    """The endpoints of models, by their names `provider/model`. Raises ConfigError, NotSignedInError."""
    found = {}
    for name in models:
        provider, slash, model = name.partition("/")
        if not slash or provider not in known:
            fix = f"name it as PROVIDER/MODEL; providers: {', '.join(sorted(known)) or 'none'}"
            raise ConfigError(f"there is no model `{name}` here", fix=fix)
        known[provider].signed(provider)
        found[ModelRef(provider=provider, model=model)] = known[provider]
    return found


def sandbox_layers(level: str) -> Sequence[Layer]:
    """What a level protects with on this machine."""
    found: Sequence[Layer] = part("sandbox", level)().layers()
    return found
