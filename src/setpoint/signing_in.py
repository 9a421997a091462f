"""Sign-ins of agents as a run, a plan and the doctor see them: read when one of these needs them, told without a
secret."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .config import signed_in_here
from .errors import ConfigError, NotSignedInError
from .model.session import Role
from .model.settings import PHASES, Config
from .model.sign_in import SIGN_INS, SignedIn, SignInName, lends
from .parts import endpoints
from .pipeline.bench import PERSON
from .pipeline.models import agent_of, choose_models

if TYPE_CHECKING:
    from .service.doctor import Check


def read(name: SignInName, environ: Mapping[str, str]) -> SignedIn:
    """The sign-in of the agent `name` as it is now. Raises NotSignedInError."""
    from .adapters.agents.sign_ins import read_sign_in

    return read_sign_in(name, environ, datetime.now(UTC))


def used(config: Config, environ: Mapping[str, str]) -> dict[str, SignedIn]:
    """The sign-ins that `config` works with, by provider. Raises NotSignedInError for one that cannot be used,
    ConfigError where a phase would work with another agent's."""
    found: dict[str, SignedIn] = {}
    if all(provider.sign_in is None for provider in config.providers.values()):
        return found
    for phase in PHASES:
        if agent_of(config, phase) in (PERSON, "replay"):
            continue
        for model in choose_models(config, phase, Role.REVIEWER if phase == "review" else Role.PRODUCER).models:
            provider = config.providers.get(model.provider)
            if provider is None or provider.sign_in is None:
                continue
            if not lends(provider.sign_in, agent := agent_of(config, phase)):
                raise ConfigError(
                    f"{phase} would ask {model} with the sign-in of `{provider.sign_in}`, and `{agent}` works there",
                    why="a sign-in is its own agent's alone",
                    fix=f'set `agent = "{provider.sign_in}"` under [phase.{phase}], or name another model there',
                )
            found[model.provider] = found.get(model.provider) or read(provider.sign_in, environ)
    return found


def billed(config: Config, found: Mapping[str, SignedIn]) -> Config:
    """`config` with the providers of sign-ins billed as these are: an API key by the token, all else as covered."""
    billing = {name: one.billing for name, one in found.items()}
    changed = {
        name: provider.model_copy(update={"billing": billing[name]}) if name in billing else provider
        for name, provider in config.providers.items()
    }
    return config.model_copy(update={"providers": changed})


def told(found: Mapping[str, SignedIn]) -> list[str]:
    """What a person must know of the sign-ins a run works with."""
    return [f"agent {one.agent} asks models with {one.told}" for one in found.values()]


def agents_here(config: Config) -> "list[Check]":
    """The doctor's look at agents of other makers."""
    from .service.agents import agents, version_of

    sign_ins = {str(name): _looked_at(name) for name in SIGN_INS if signed_in_here(name, os.environ)}
    keys = {}
    for name, end in endpoints(config, os.environ).items():
        signed = config.providers[name].sign_in
        keys[name] = isinstance(sign_ins.get(signed), SignedIn) if signed else end.key != ""
    return agents(config, version_of, keys, sign_ins)


def _looked_at(name: SignInName) -> SignedIn | NotSignedInError:
    try:
        return read(name, os.environ)
    except NotSignedInError as error:
        return error
