"""Commands in the sandbox, run by hand: exactly as an agent's would run, with the models that they may ask."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .config import load
from .errors import ConfigError
from .model.command import Completed
from .model.session import ModelRef, Usage
from .model.settings import Config
from .parts import contain, endpoints, sandbox_at
from .policy.containment import level_named, require_level


async def sandbox_exec(
    folder: Path,
    argv: Sequence[str],
    level: str,
    policy: Path | None,
    models: Sequence[str] = (),
    usd: float | None = None,
) -> tuple[Completed, Usage | None]:
    """Run `argv` in `folder` exactly as an agent's command would run there; `level`, where it is named, stands in for
    the configured one. With `models` it finds these, and no key, behind a relay on its loopback, for at most `usd`
    dollars; what they used is told then. Raises ConfigError for a level weaker than is demanded, and for `none` that
    only the folder's own configuration names."""
    from .adapters.rooms import exec_here
    from .policy.narrowing import narrowed

    config = await _laid(load(folder), folder)
    settings, network = narrowed(config.sandbox, policy, argv) if policy is not None else (config.sandbox, ())
    chosen = level_named(level) if level else config.sandbox.level
    if chosen == "none" and not level:
        raise ConfigError(
            'the folder\'s own configuration says level = "none"; nothing was run',
            why="a folder that is not yours would let its commands out by saying so",
            fix="where you trust it: `setpoint sandbox exec --level none -- …`",
        )
    require_level(config.sandbox, chosen)
    sandbox = sandbox_at(chosen, config.sandbox)
    told: dict[str, Any] = {"settings": settings, "network": network, "stack": config.stack, "contain": contain}
    if not models:
        return await exec_here(sandbox, folder, argv, **told), None
    from .adapters.agents.http import new_client
    from .adapters.agents.metering import Allowance
    from .adapters.agents.relay import WithModels, relay

    meter, known = Allowance(usd), endpoints(config, os.environ)
    async with new_client() as client, relay(_reached(models, known), meter, client) as way:
        reaching = WithModels(sandbox, way)
        done = await exec_here(reaching, folder, argv, **told)
    return done, meter.spent


async def _laid(config: Config, folder: Path) -> Config:
    """With the compose file of the base branch, where there is one."""
    if not config.stack.compose:
        return config
    from .adapters.repository import UserRepository
    from .service.composing import on_base

    return await on_base(config, await UserRepository.around(folder))


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
