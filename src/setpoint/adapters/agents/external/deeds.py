"""What an agent says it does, as the journal's tool calls: ACP's kinds in our words, places below the repository."""

import re
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from acp.schema import ContentToolCallContent, FileEditToolCallContent, TextContentBlock, ToolCallUpdate

from ....model.session import ToolCall
from ..tools import Used, shortened
from ..wire.answer import clean, scrubbed

_NAMES = {"execute": "shell", "edit": "edit", "delete": "edit", "move": "edit", "read": "read", "search": "search"}
_HARMLESS = frozenset(("read", "search", "fetch", "think"))
_PATHS = ("file_path", "filePath", "abs_path", "path", "notebook_path")
_CODES = ("exit_code", "exitCode", "exit")
_SHELLS = frozenset(("sh", "bash", "zsh", "dash"))
CLOSED = ("completed", "failed")
# mcp__server__tool, mcp.server.tool, server_tool, server/tool, server: tool
_SERVERS_TOOL = re.compile(r"(?:mcp(?:__|\.)|Tool: )?(?P<server>[A-Za-z0-9-]+)(?:__?|[./]|: )(?P<tool>[A-Za-z0-9_-]+)")


@dataclass
class Deed:
    """One tool call of the agent, as its updates tell of it."""

    id: str
    kind: str = "other"
    title: str = ""
    status: str = "pending"
    raw_input: Any = None
    raw_output: Any = None
    places: tuple[str, ...] = ()
    text: str = ""
    exit_code: int | None = None
    asked: bool = False
    """Whether it asked leave first."""
    denied: str = ""
    """Why a boundary refused it, where one did."""
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def learn(self, update: ToolCallUpdate) -> None:
        """Take over what `update` says."""
        self.kind = update.kind or self.kind
        self.title = update.title or self.title
        self.raw_input = self.raw_input if update.raw_input in (None, {}) else update.raw_input
        self.raw_output = self.raw_output if update.raw_output is None else update.raw_output
        self.places = tuple(place.path for place in update.locations or ()) or self.places
        told = "\n".join(_texts(update))
        self.text = told or self.text
        self.status = update.status or self.status
        self.exit_code = _exit_code(update.field_meta) if self.exit_code is None else self.exit_code
        if self.closed:
            self.seconds = time.monotonic() - self.began

    @property
    def names(self) -> tuple[str, ...]:
        """What the model may have called it: some agents put the tool's name before that."""
        return self.id, self.id.partition("__")[2]

    @property
    def closed(self) -> bool:
        """Whether it has an end."""
        return self.status in CLOSED

    def is_one_of(self, tools: tuple[str, ...], server: str) -> bool:
        """Whether it is a call of our own server's, which is noted where it arrives: by its whole title, in the ways
        that agents write a server's tool, or by its id. A command line or a file that names both is none."""
        if self.places or (isinstance(self.raw_input, Mapping) and "command" in self.raw_input):
            return False
        # mcp_server_tool__id, where the title holds the arguments alone
        if self.kind != "execute" and self.id.startswith(tuple(f"mcp_{server}_{tool}__" for tool in tools)):
            return True
        found = _SERVERS_TOOL.fullmatch(self.title.strip())
        return found is not None and found["server"] == server and found["tool"] in tools

    def call(self, cwd: str) -> ToolCall:
        """In our words."""
        name = _NAMES.get(self.kind, self.kind)
        if name == "shell":
            arguments: dict[str, Any] = {"command": self.command}
        elif name in ("read", "edit"):
            arguments = {"path": ", ".join(self.paths(cwd)) or self.title}
        else:
            arguments = {"what": self.title, **_brief(self.raw_input)}
        return ToolCall(id=self.id, name=name, arguments=scrubbed(arguments))

    def used(self, cwd: str) -> Used:
        """What came of it."""
        text = self.text or (self.raw_output if isinstance(self.raw_output, str) else "")
        text = text if self.closed else self.denied
        code = _exit_code(self.raw_output) if self.exit_code is None else self.exit_code
        return Used(
            clean(shortened(text)) or f"[{self.status}]",
            failed=self.status == "failed" or bool(self.denied) or bool(code),
            exit_code=code,
            changed=tuple(self.paths(cwd)) if self.kind in ("edit", "delete", "move") and not self.denied else (),
            touched=self.kind not in _HARMLESS,
            denied=self.denied,
            seconds=self.seconds,
        )

    @property
    def command(self) -> str:
        """The command line, where it runs one."""
        told = self.raw_input.get("command") if isinstance(self.raw_input, Mapping) else None
        if isinstance(told, list):
            words = [str(word) for word in told]
            in_shell = len(words) > 2 and PurePosixPath(words[0]).name in _SHELLS
            return words[-1] if in_shell else shlex.join(words)
        return str(told or self.title.strip("`"))

    def paths(self, cwd: str) -> list[str]:
        """The files it is about, below the repository where they lie there."""
        given = self.raw_input if isinstance(self.raw_input, Mapping) else {}
        named = self.places or tuple(str(given[key]) for key in _PATHS if given.get(key))
        return list(dict.fromkeys(below(path, cwd) for path in named))


def named(told: str) -> str:
    """An id of the agent's, as it is kept."""
    return clean(told).strip()[:200] or "call"


def below(path: str, cwd: str) -> str:
    """`path` as the repository knows it; as it is where it lies outside."""
    return path.removeprefix(cwd.rstrip("/") + "/").removeprefix("./")


def _texts(update: ToolCallUpdate) -> Iterator[str]:
    for item in update.content or ():
        if isinstance(item, ContentToolCallContent) and isinstance(item.content, TextContentBlock):
            yield item.content.text
        elif isinstance(item, FileEditToolCallContent):
            yield f"[changed {item.path}]"


def _brief(told: Any) -> dict[str, Any]:
    if not isinstance(told, Mapping):
        return {}
    return {str(key)[:100]: str(value)[:1000] for key, value in list(told.items())[:20]}


def _exit_code(told: Any, depth: int = 2) -> int | None:
    if not isinstance(told, Mapping):
        return None
    for key in _CODES:
        if isinstance(told.get(key), int):
            return int(told[key])
    inner = (_exit_code(value, depth - 1) for value in told.values()) if depth else ()
    return next((code for code in inner if code is not None), None)
