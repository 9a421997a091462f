"""Agents of other makers on this machine, each with what it can do; offline, and none is started unless it is here."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from ..model.agent_settings import AgentProgram, programs
from ..model.settings import PHASES, Config
from .doctor import Check

Version = Callable[[str], str]
"""What a program says when it is asked for its version; empty when it says nothing of use."""
_SECONDS = 20.0


def agents(config: Config, version: Version, keys: Mapping[str, bool]) -> list[Check]:
    """One line for each agent that is here or that the configuration lets work. `keys`: whether each provider has what
    it is asked with, which is all the signing in there is: an agent gets none of it."""
    wanted = {config.agent.kind, *(config.settings(phase).agent for phase in PHASES)} - {""}
    found = []
    for name, program in programs(config.agents).items():
        place = shutil.which(program.command[0]) if program.command else None
        if place is None and name in wanted:
            told = f"`{program.command[0]}` is not on PATH" if program.command else "it has no command"
            fix = f"install it (docs/agents.md), or name its command under [agents.{name}]"
            found.append(Check(name=f"agent {name}"[:80], state="bad", found=told, fix=fix))
        elif place is not None:
            found.append(_here(name, program, config, version(" ".join([place, *program.command[1:2]])), keys))
    return found


def _here(name: str, program: AgentProgram, config: Config, version: str, keys: Mapping[str, bool]) -> Check:
    asked = [key for key, provider in config.providers.items() if provider.api in program.speaks]
    signed = [key for key in asked if keys.get(key)]
    can = ", ".join(program.can) or "no more than ACP asks"
    told = f"{version or 'of unknown version'}; {can}"
    if signed:
        return Check(name=f"agent {name}"[:80], state="ok", found=f"{told}; asks models of {', '.join(signed)}"[:480])
    fix = f"configure a provider that speaks {' or '.join(program.speaks)}, with its key"
    return Check(name=f"agent {name}"[:80], state="warn", found=f"{told}; no provider it could ask"[:480], fix=fix)


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
