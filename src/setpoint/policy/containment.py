"""How strongly commands must be contained: what is demanded is never answered by something weaker."""

from ..errors import ConfigError
from ..model.sandbox_settings import STRENGTH, Level, SandboxSettings
from ..model.settings import Config
from ..model.ticket import Kind


def level_named(name: str) -> Level:
    """The sandbox level called `name`. Raises ConfigError with the levels there are."""
    for level in STRENGTH:
        if level == name:
            return level
    raise ConfigError(f"there is no sandbox `{name}`", fix=f"one of: {', '.join(STRENGTH)}")


def at_least(level: Level, wanted: Level) -> bool:
    """Whether `level` is as strong as `wanted`."""
    return STRENGTH.index(level) >= STRENGTH.index(wanted)


def require_level(settings: SandboxSettings, level: Level, kind: Kind | None = None) -> None:
    """Raises ConfigError when `level` is weaker than is demanded: of all commands, and of runs of `kind`."""
    demanded = {"minimum": settings.minimum}
    if kind is not None and kind in settings.minimum_for:
        demanded[f"minimum_for.{kind.value}"] = settings.minimum_for[kind]
    for name, wanted in demanded.items():
        if not at_least(level, wanted):
            raise ConfigError(
                f"sandbox level {level} is weaker than {wanted}, which [sandbox] {name} demands",
                why=f"the weakest first: {', '.join(STRENGTH)}",
                fix=f'level = "{wanted}" in [sandbox] of setpoint.toml, or a lower {name}; '
                "`setpoint sandbox levels` says what this machine has",
            )


def require_contained(config: Config, kind: Kind | None = None) -> None:
    """Raises ConfigError for a run that may not go on as it is configured: below the demanded level, or without a
    sandbox where nobody is asked."""
    require_level(config.sandbox, config.sandbox.level, kind)
    if config.sandbox.level == "none" and config.autonomy == "full":
        raise ConfigError(
            'autonomy "full" needs a sandbox; [sandbox] level is "none"',
            why="nobody would look at a command before it runs, and nothing would hold it",
            fix='level = "bubblewrap" in [sandbox] of setpoint.toml, or autonomy = "plan+merge"',
        )
