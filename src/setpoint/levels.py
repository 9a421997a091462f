"""The sandbox levels of this machine: what the doctor, a run's header and `setpoint sandbox` say of them, and do."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .config import load
from .errors import SetpointError
from .model.sandbox_settings import STRENGTH, Level, SandboxSettings
from .model.settings import Config
from .parts import part, sandbox_at, sandbox_of
from .policy.containment import level_named, require_contained

if TYPE_CHECKING:
    from .model.command import Layer
    from .service.doctor import Check
    from .service.levels import Found, LevelView


def levels_here(settings: SandboxSettings, wanted: Sequence[Level] = STRENGTH) -> "Found":
    """The layers of each of these levels on this machine, or why it cannot be had."""
    found: dict[Level, Sequence[Layer] | SetpointError] = {}
    for level in wanted:
        try:
            found[level] = sandbox_at(level, settings).layers()
        except SetpointError as error:
            found[level] = error
    return found


def layers_missing(config: Config) -> "Sequence[str]":
    """Layers of the configured level that are not in force here."""
    from .service.levels import missing

    try:
        return missing(sandbox_of(config).layers())
    except SetpointError as error:
        return [f"anything: {error.what}"]


def clear_sandboxes(config: Config) -> None:
    """End what dead workers left behind. Only containers are not their worker's own children, and each has a guard that
    ends it; this is for a guard that was killed too."""
    if config.sandbox.level == "container" or config.stack.compose:
        part("sandbox", "container").of(config.sandbox).clear()


def sandboxed(config: Config) -> "list[Check]":
    """The doctor's look at the sandbox, and at the levels that are not configured."""
    from .service import doctor
    from .service.levels import checks

    found = checks(config.sandbox.level, levels_here(config.sandbox))
    try:
        require_contained(config)
    except SetpointError as error:
        found.append(doctor.trouble("containment", error))
    return found


def sandbox_levels(folder: Path, level: str) -> "Sequence[LevelView]":
    """The levels of this machine, or the one that is named."""
    from .service.levels import levels

    settings = load(folder).sandbox
    wanted = (level_named(level),) if level else STRENGTH
    return levels(levels_here(settings, wanted))
