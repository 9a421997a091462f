"""What must not be told: the secrets that this process and its repository know, taken out of whatever leaves."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .model.settings import Config
from .model.tool_servers import BY_REFERENCE

_TELLING = re.compile(r"(?i)auth|key|token|secret|cookie|pass|credential")
"""Headers whose value is taken for a secret."""


def secret_names(config: Config) -> set[str]:
    """The variables that hold secrets, as far as the configuration names them."""
    names = {provider.key_env for provider in config.providers.values() if provider.key_env}
    names |= {name for provider in config.providers.values() for name in provider.header_env.values()}
    names |= {name for environment in config.environment for name in environment.env}
    told = [value for server in config.mcp.servers.values() for value in server.env.values()]
    return names | {value.removeprefix(BY_REFERENCE) for value in told if value.startswith(BY_REFERENCE)}


def redactor(config: Config, environ: Mapping[str, str], root: Path | None = None) -> Callable[[Any], Any]:
    """Takes this process's keys, what the `.env` files at `root` hold, and whatever has a secret's shape, out of all
    that is written down or sent to a model."""
    from .adapters.secrets import secrets_in, secrets_of
    from .gates.redaction import redact

    names = secret_names(config)
    headers = [(k, v) for provider in config.providers.values() for k, v in provider.headers.items()]
    known = tuple(value for name in sorted(names) if (value := environ.get(name)))
    known += tuple(value for name, value in headers if value and _TELLING.search(name))
    known += secrets_of(environ) + (secrets_in(root) if root else ())

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return redact(value, known)
        if isinstance(value, dict):
            return {clean(key): clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [clean(item) for item in value]
        return value

    return clean
