"""A repository's folder in the real sandbox with servers of tools beside it, and what came of them."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..adapters.agents.tools import shortened
from ..adapters.rooms import SandboxRoom, surroundings
from ..adapters.sandboxes.bubblewrap import Bubblewrap
from ..adapters.tool_servers.hands import Hands
from ..adapters.tool_servers.pins import Pins, Unpinned
from ..adapters.tool_servers.session import ServersUp, servers_up
from ..gates.redaction import redact
from ..model.boundary import Boundaries
from ..model.command import CommandLimits
from ..model.sandbox_settings import SandboxSettings
from ..model.session import ToolCall
from ..model.tool_servers import Offered, ToolServer
from ..policy.action import Action
from ..policy.decide import Decision
from ..policy.guard import GuardedRoom
from ..policy.rules import Rules
from .tool_server import a_tool, command


class ToolGround:
    """Starts servers in the sandbox around a folder."""

    def __init__(
        self,
        folder: Path,
        *,
        shown: Sequence[Path] = (),
        secrets: Mapping[str, str] | None = None,
        environment: Path | None = None,
        pins: Pins | None = None,
    ) -> None:
        """`environment`: of Python, shared as the repository's own; `pins`: what servers offered before."""
        self.folder = folder / "repository"
        self.shown = folder / "servers"
        self.folder.mkdir()
        self.shown.mkdir()
        if environment is not None:
            (self.folder / ".venv").symlink_to(environment)
        self.kept: dict[str, bytes] = {}
        """Pictures by their names."""
        self.decided: list[tuple[str, str, str]] = []
        """Kind, subject and verdict of each action."""
        self.pins: Pins = pins or Unpinned()
        self._secrets = dict(secrets or {})
        settings = SandboxSettings(readonly=tuple(map(str, (self.shown, *shown))))
        around = surroundings(Bubblewrap(), self.folder, folder / "masks", settings)
        self.room = SandboxRoom(self.folder, around)

    def server(
        self, *tools: str | Mapping[str, Any], name: str = "s", allowed: Sequence[Sequence[str]] = (("*",),), **how: Any
    ) -> Offered:
        """A scripted server with these tools; `how` is what the configuration says of it, or its script."""
        settings = {key: how.pop(key) for key in [*ToolServer.model_fields, "heavy_tokens", "changed"] if key in how}
        listed = [a_tool(tool) if isinstance(tool, str) else tool for tool in tools]
        told = {"name": name, "allowed": allowed, "command": command(self.shown, listed, **how), "seconds": 20}
        return Offered.model_validate({**told, **settings})

    def guarded(self, rules: Rules | None = None) -> GuardedRoom:
        """The room behind its broker."""
        return GuardedRoom(self.room, Boundaries(), writes=True, rules=rules or Rules(), on_action=self._saw)

    @asynccontextmanager
    async def up(self, *offered: Offered, rules: Rules | None = None) -> AsyncIterator[ServersUp]:
        """The servers as long as it is held."""
        hands = Hands(
            secret=self._secrets.get,
            keep=self.keep,
            redact=lambda text: redact(text, tuple(self._secrets.values())),
            shorten=shortened,
            limits=CommandLimits(seconds=120),
            pins=self.pins,
        )
        async with servers_up(offered, self.guarded(rules), hands) as up:
            yield up

    def keep(self, content: bytes) -> str:
        """Keep a picture by its content."""
        name = hashlib.sha256(content).hexdigest()
        self.kept[name] = content
        return name

    def _saw(self, action: Action, decision: Decision) -> None:
        self.decided.append((action.kind.value, action.subject, decision.verdict))


def call(tool: str, **arguments: Any) -> ToolCall:
    """A call of a tool."""
    return ToolCall(id="c1", name=tool, arguments=arguments)
