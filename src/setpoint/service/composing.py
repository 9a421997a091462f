"""The compose file that counts: the one of the base branch, never what a session or an unsaved edit made of it."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from ..errors import ConfigError, RepositoryError
from ..gates.composed import aside, composed
from ..model.compose import NAMES
from ..model.settings import Config

Show = Callable[[str], Awaitable[str | bytes | None]]
"""The base's file at a path; None without one."""


async def with_compose(config: Config, show: Show) -> Config:
    """`config` with its compose file's text as the base has it; empty where it has none."""
    if not config.stack.compose:
        return config
    found = await show(config.stack.compose) or ""
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else found
    return config.model_copy(update={"stack": config.stack.model_copy(update={"composed": text})})


class Repository(Protocol):
    """The user's own repository, as far as a compose file's text needs it."""

    async def base(self, configured: str) -> tuple[str, str]:
        """Branch and commit a run starts from. Raises RepositoryError."""
        ...

    async def show(self, commit: str, path: str) -> str | None:
        """A file's text at a commit; None when it is not there."""
        ...


async def on_base(config: Config, repository: Repository) -> Config:
    """The same for the base that a run would start from now; a repository without one has no text."""
    if not config.stack.compose:
        return config
    try:
        _, base = await repository.base(config.project.base)
    except RepositoryError:
        return config
    return await with_compose(config, lambda path: repository.show(base, path))


async def proposed(config: Config, show: Show) -> Config:
    """`config` with the compose file that the base has, where no services are configured."""
    for name in () if config.stack.serves else NAMES:
        if await show(name):
            stack = config.stack.model_copy(update={"compose": name})
            return await with_compose(config.model_copy(update={"stack": stack}), show)
    return config


def stack_lines(config: Config) -> list[str]:
    """Where commands find the services of a compose file, and what of it is not run. Raises ConfigError."""
    told = "{} {} at 127.0.0.1:$SETPOINT_PORT_{}"
    ports = [told.format(one.name, door.at, door.number) for one in composed(config.stack) for door in one.doors]
    return [*ports, *aside(config.stack)]


def refused(config: Config) -> str:
    """Why the compose file is not run as it is written, with the way out; empty: it is."""
    try:
        composed(config.stack)
    except ConfigError as error:
        return "; ".join(filter(None, (error.what, error.why, error.fix)))
    return ""
