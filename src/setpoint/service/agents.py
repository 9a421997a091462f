"""Agents of other makers on this machine, each with what it can do; offline, and none is started unless it is here."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import NotSignedInError
from ..model.agent_settings import AgentProgram, programs
from ..model.settings import PHASES, Config
from ..model.sign_in import SIGN_INS, SignedIn, SignInKind, lends, sign_in_of
from .doctor import Check

Version = Callable[[str], str]
"""What a program says when it is asked for its version; empty when it says nothing of use."""
_SECONDS = 20.0


def agents(
    config: Config,
    version: Version,
    keys: Mapping[str, bool],
    sign_ins: Mapping[str, SignedIn | NotSignedInError] | None = None,
) -> list[Check]:
    """One line for each agent that is here, that the configuration lets work, or that is signed in where no provider is
    configured. `keys`: whether each provider has what it is asked with; `sign_ins`: what was found of agents' own."""
    wanted = {config.agent.kind, *(config.settings(phase).agent for phase in PHASES)} - {""}
    found = []
    for name, program in programs(config.agents).items():
        place = shutil.which(program.command[0]) if program.command else None
        signed = (sign_ins or {}).get(sign_in_of(name) or "")
        if place is not None:
            words = version(" ".join([place, *program.command[1:2]]))
            found.append(_here(name, program, config, words, keys, signed))
        elif name in wanted or (name in SIGN_INS and signed is not None and not config.providers):
            found.append(_missing(name, program, signed))
    return found


def _missing(name: str, program: AgentProgram, signed: SignedIn | NotSignedInError | None) -> Check:
    told = f"`{program.command[0]}` is not on PATH" if program.command else "it has no command"
    kind = _kind(name)
    install = f"{kind.installed_by} (docs/agents.md)" if kind else "install it (docs/agents.md)"
    fix = f"{install}, or name its command under [agents.{name}]"
    words = f"{told}; {_signed(signed)}" if signed is not None else told
    return Check(name=f"agent {name}"[:80], state="bad", found=words[:480], fix=fix)


def _here(
    name: str,
    program: AgentProgram,
    config: Config,
    version: str,
    keys: Mapping[str, bool],
    signed: SignedIn | NotSignedInError | None,
) -> Check:
    fit = {key: p for key, p in config.providers.items() if p.api in program.speaks and lends(p.sign_in, name)}
    asked = [key for key in fit if keys.get(key)]
    own = any(provider.sign_in is not None for provider in fit.values())
    told = [version or "of unknown version", ", ".join(program.can) or "no more than ACP asks"]
    broken = own and isinstance(signed, NotSignedInError)
    told += [f"asks models of {', '.join(asked)}"] if asked else [] if broken else ["no provider it could ask"]
    if _kind(name) is not None:
        told.append(_signed(signed) + ("" if own or signed is None else _left(config)))
    line = Check(name=f"agent {name}"[:80], state="ok", found="; ".join(told)[:480])
    if asked:
        return line
    fix = f"configure a provider that speaks {' or '.join(program.speaks)}, with its key"
    if isinstance(signed, SignedIn):
        fix = f'{fix}, or with `sign_in = "{signed.agent}"`'
    elif kind := _kind(name):
        fix = f"run {kind.renewed_by}; or {fix}"
    return line.model_copy(update={"state": "bad" if broken else "warn", "fix": fix})


def _kind(name: str) -> SignInKind | None:
    """How an agent is signed in here; None for one that setpoint cannot work with so."""
    known = sign_in_of(name)
    return SIGN_INS[known] if known else None


def _signed(found: SignedIn | NotSignedInError | None) -> str:
    if found is None:
        return "not signed in here"
    return f"{found.what}: {found.why}" if isinstance(found, NotSignedInError) else found.told


def _left(config: Config) -> str:
    """Why a sign-in that is there is not used."""
    if not config.providers:
        return ", not used: [agent] names another, or a base URL in the environment leads elsewhere"
    other = next((provider.sign_in for provider in config.providers.values() if provider.sign_in), None)
    return f", not used: `{other}` is" if other else ", not used: a provider is configured or has a key"


def version_of(words: str) -> str:
    """What the first of `words` says of its version, in an environment of nothing but PATH; one line."""
    first, *others = words.split(" ")
    argv = [first, *(word for word in others if Path(word).is_file()), "--version"]
    try:
        done = subprocess.run(
            argv,
            env={"PATH": f"{Path(first).parent}:/usr/bin:/bin", "HOME": "/nonexistent"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = done.stdout.strip().splitlines()
    return said[-1][:80] if done.returncode == 0 and said else ""
