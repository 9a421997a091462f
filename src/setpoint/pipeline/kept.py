"""A configuration as it may be kept and shown: without secrets, which come back from where they are configured."""

import re
from collections.abc import Mapping
from typing import Any

from ..model.settings import Config, Provider

_USER = re.compile(r"(?<=://)[^/@]*@")


def without_secrets(config: Config, mark: str = "") -> dict[str, Any]:
    """`config` as it may be kept and shown: header values, and whoever signs in within an address, are `mark`. Without
    a mark it can be read again, and an agent that nobody named stays unnamed."""
    content = config.model_dump(mode="json")
    if not mark and not config.agent.named:
        del content["agent"]["kind"]
    for provider in content["providers"].values():
        provider["headers"] = dict.fromkeys(provider["headers"], mark)
        provider["base_url"] = _anonymous(provider["base_url"], mark)
    content["database_url"] = _anonymous(content["database_url"], mark)
    return content


def _anonymous(address: str, mark: str) -> str:
    return _USER.sub(f"{mark}@" if mark else "", address)


def restored(kept: Mapping[str, Any], now: Config) -> Config:
    """The configuration `kept` with a run, with what is a secret read from the configuration as it is `now`. A header
    that is not there any more has no value: its provider cannot be reached until it has one."""
    config = Config.model_validate(kept)
    providers = {name: _with_secrets(provider, now.providers.get(name)) for name, provider in config.providers.items()}
    return config.model_copy(update={"providers": providers, "database_url": now.database_url})


def _with_secrets(kept: Provider, now: Provider | None) -> Provider:
    given = now.headers if now else {}
    address = now.base_url if now and _anonymous(now.base_url, "") == kept.base_url else kept.base_url
    headers = {name: given.get(name, "") for name in kept.headers}
    return kept.model_copy(update={"headers": headers, "base_url": address})
