"""A policy file for one command: it can only narrow what the sandbox's settings give."""

import tomllib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from ..errors import ConfigError
from ..inputs import read_text
from ..model.boundary import Boundaries
from ..model.command import CommandLimits
from ..model.record import Record
from ..model.sandbox_settings import SandboxSettings
from .action import Action, ActionKind
from .decide import Policy, decide
from .guard import insist

_FORM = "a policy is a TOML file that may hold [boundaries] and [limits]"


class CommandPolicy(Record):
    """What a policy file may say of a command."""

    boundaries: Boundaries = Boundaries()
    limits: CommandLimits = CommandLimits(
        seconds=86_400, memory_mib=1_048_576, processes=100_000, output_bytes=2**30, disk_mib=2**20, files=10_000_000
    )


def narrowed(settings: SandboxSettings, policy: Path, argv: Sequence[str]) -> tuple[SandboxSettings, tuple[str, ...]]:
    """`settings` within `policy`, and the hosts it opens. Raises ConfigError for a policy that cannot be read,
    DeniedError for a command it does not allow."""
    read = _read(policy)
    name = PurePosixPath(argv[0]).name if argv else ""
    action = Action(kind=ActionKind.SHELL, subject=name, detail=" ".join(argv)[:2000])
    insist(action, decide(Policy(boundaries=read.boundaries), action))
    ours, theirs = settings.limits.model_dump(), read.limits.model_dump()
    limits = CommandLimits.model_validate({key: min(ours[key], theirs[key]) for key in ours})
    return settings.model_copy(update={"limits": limits}), read.boundaries.network


def _read(policy: Path) -> CommandPolicy:
    text = read_text(policy, called=f"the policy {policy}", wrong=ConfigError, fix=_FORM)
    try:
        return CommandPolicy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{policy}: not TOML: {error}", fix="mend it at the place named") from error
    except ValidationError as error:
        said = "\n".join(f"{'.'.join(str(part) for part in p['loc'])}: {p['msg']}" for p in error.errors()[:10])
        raise ConfigError(f"{policy}: {said}", fix=_FORM) from error
