"""The tools of the built-in agent: what a session is offered, and what each does in the room."""

import json
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ...errors import DeniedError
from ...model.command import CommandLimits, Completed
from ...model.numbers import counted
from ...model.session import Task, ToolCall
from ...ports import Room
from .wire.answer import ToolSpec, clean

LONGEST_RESULT = 16_000
"""Characters of one tool result; the rest can be asked for."""
LONGEST_LINE = 400
MOST_MATCHES = 200
SHELL_SECONDS = 120.0
LONGEST_SHELL_SECONDS = 600.0
SEARCH_SECONDS = 60.0
MOST_REQUESTS = 50
LEFT_OUT_OF_SEARCH = (".git", "node_modules", ".venv", "venv", "__pycache__", ".setpoint")

TEXT = {"type": "string"}
WHOLE = {"type": "integer", "minimum": 1}


def _schema(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }


READ = ToolSpec(
    "read",
    "Read a text file, or `lines` lines of it from line `start` (first is 1).",
    _schema({"path": TEXT}, {"start": WHOLE, "lines": WHOLE}),
)
WRITE = ToolSpec("write", "Create or replace a file.", _schema({"path": TEXT, "content": TEXT}))
EDIT = ToolSpec(
    "edit",
    "Replace `old` by `new` in a file. `old` must be exact text that occurs once.",
    _schema({"path": TEXT, "old": TEXT, "new": TEXT}),
)
SEARCH = ToolSpec(
    "search",
    "Find lines matching a regular expression, in all files or below `path`.",
    _schema({"pattern": TEXT}, {"path": TEXT}),
)
SHELL = ToolSpec(
    "shell",
    f"Run a bash command in the repository's folder, sandboxed. `timeout`: seconds, {SHELL_SECONDS:g} if left out, at "
    f"most {LONGEST_SHELL_SECONDS:g}.",
    _schema({"command": TEXT}, {"timeout": {"type": "number"}}),
)
ASK = ToolSpec(
    "ask",
    "Ask a person what cannot be found out here; work stops until they answer.",
    _schema({"question": TEXT}, {"why": TEXT}),
)
ASK_LEAVE = ToolSpec(
    "ask",
    f"{ASK.description} `requests`: all you need to be allowed, one a line: `network HOST:PORT`, `dependency NAME`, "
    "`migration WHAT`, `edit PATH`.",
    _schema({"question": TEXT}, {"why": TEXT, "requests": TEXT}),
)
"""For a session that changes files."""


def submit_name(deliverable: str) -> str:
    """The one tool a session finishes with."""
    return f"submit_{deliverable}"


def offered(task: Task) -> tuple[ToolSpec, ...]:
    """The tools of a session."""
    return tools_for(task.deliverable, task.deliverable_schema, writes=task.writes)


def tools_for(deliverable: str, schema: dict[str, Any], *, writes: bool) -> tuple[ToolSpec, ...]:
    """The tools to hand in `deliverable` with; the ones that change files only where a session may."""
    changing = (WRITE, EDIT) if writes else ()
    submit = ToolSpec(submit_name(deliverable), "Hand in the finished work.", schema)
    return (READ, *changing, SEARCH, SHELL, ASK_LEAVE if writes else ASK, submit)


@dataclass(frozen=True, slots=True)
class Used:
    """What came of one call."""

    content: str
    failed: bool = False
    exit_code: int | None = None
    changed: tuple[str, ...] = ()
    touched: bool = False
    """Whether files may have changed."""
    denied: str = ""
    """Why a boundary refused it, where one did."""
    level: str = ""
    """The sandbox level a command ran in."""
    limit: str = ""
    """The limit that ended it, where one did."""
    pictures: tuple[str, ...] = ()
    """Pictures that were kept of it, by content."""
    seconds: float | None = None
    """How long it took, where it was done elsewhere."""


class More(Protocol):
    """Tools that are not the agent's own."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]: ...

    async def use(self, call: ToolCall, seconds: float) -> Used: ...


def as_it_is(value: Any) -> Any:
    """What takes nothing out."""
    return value


class _Refused(Exception):
    """The call cannot be carried out as given."""


class Toolbox:
    """Carries out the calls of one session in its room."""

    def __init__(
        self,
        task: Task,
        room: Room,
        limits: CommandLimits,
        redact: Callable[[Any], Any] = as_it_is,
        more: More | None = None,
    ) -> None:
        self._room = room
        self._redact = redact
        self._limits = limits
        self._more = more
        self.specs = (*offered(task), *(more.specs if more else ()))
        """All tools of the session."""
        self._specs = {spec.name: spec for spec in self.specs}
        self._run: dict[str, Callable[[dict[str, Any], float], Awaitable[Used]]] = {
            "read": self._read,
            "write": self._write,
            "edit": self._edit,
            "search": self._search,
            "shell": self._shell,
        }

    async def use(self, call: ToolCall, seconds_left: float) -> Used:
        """Carry out one call. What the model can mend (a wrong path, a refusal, bad arguments) is a failed result."""
        used = await self._carried_out(call, seconds_left)
        return replace(used, content=self._redact(used.content), denied=self._redact(used.denied))

    async def _carried_out(self, call: ToolCall, seconds_left: float) -> Used:
        try:
            self.check(call)
            if call.name in self._run:
                used = await self._run[call.name](call.arguments, max(1.0, seconds_left))
            else:
                assert self._more is not None
                used = await self._more.use(call, max(1.0, seconds_left))
        except _Refused as refusal:
            return Used(f"error: {refusal}", failed=True)
        except DeniedError as denied:
            return Used(clean(f"error: {denied}"), failed=True, denied=clean(str(denied)))
        except FileNotFoundError:
            return Used(f"error: no file `{call.arguments.get('path')}`", failed=True)
        except IsADirectoryError:
            return Used(f"error: `{call.arguments.get('path')}` is a folder; list it with shell", failed=True)
        except NotADirectoryError:
            return Used(f"error: a parent of `{call.arguments.get('path')}` is a file", failed=True)
        return used

    def check(self, call: ToolCall) -> None:
        """Raises when `call` is not one of the tools on offer, or its arguments are not what the tool takes."""
        spec = self._specs.get(call.name)
        if spec is None:
            raise _Refused(f"no tool `{call.name}`; there are: {', '.join(self._specs)}")
        if call.malformed:
            raise _Refused(
                f"the arguments of `{call.name}` are not a JSON object, so it was not run. They began: "
                f"{call.malformed[:200]}"
            )
        if call.name.startswith("submit_"):
            return
        # What a server's own tool takes, the server says: its schema is not ours to trust.
        own = call.name in self._run or call.name == ASK.name
        problem = _mismatch(spec.schema, call.arguments) if own else ""
        if problem:
            raise _Refused(f"`{call.name}` was not run: {problem}")

    def refusal(self, call: ToolCall) -> str:
        """Why `call` cannot be carried out; empty when it can."""
        try:
            self.check(call)
        except _Refused as refusal:
            return f"error: {refusal}"
        return ""

    def _path(self, arguments: dict[str, Any]) -> str:
        path = str(arguments["path"]).strip()
        for root in (self._room.inside, str(self._room.path)):
            path = path.removeprefix(root.rstrip("/") + "/")
        return path.removeprefix("./")

    def _text(self, path: str) -> str:
        content = self._room.read(path)
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise _Refused(f"`{path}` is not UTF-8 text ({len(content)} bytes)") from None

    async def _read(self, arguments: dict[str, Any], _: float) -> Used:
        path = self._path(arguments)
        lines = self._text(path).split("\n")
        if not lines[-1]:
            lines.pop()
        start = arguments.get("start", 1)
        wanted = lines[start - 1 :][: arguments.get("lines", len(lines))]
        if not lines:
            return Used(f"[`{path}` is empty]")
        if not wanted:
            return Used(f"[`{path}` has {counted(len(lines), 'lines')}; none from {start}]")
        kept: list[str] = []
        size = 0
        for line in wanted:
            size += len(line) + 1
            if size > LONGEST_RESULT and kept:
                break
            kept.append(line)
        end = start - 1 + len(kept)
        text = clean(shortened("\n".join(kept)))
        if start == 1 and end == len(lines):
            return Used(text)
        return Used(f"{text.rstrip()}\n[lines {start}-{end} of {len(lines)}]")

    async def _write(self, arguments: dict[str, Any], _: float) -> Used:
        path, content = self._path(arguments), str(arguments["content"])
        self._room.write(path, content.encode())
        return Used(f"wrote {counted(len(content.splitlines()), 'lines')} to {path}", changed=(path,), touched=True)

    async def _edit(self, arguments: dict[str, Any], _: float) -> Used:
        path, old, new = self._path(arguments), str(arguments["old"]), str(arguments["new"])
        text = self._text(path)
        if "\r\n" in text and "\r\n" not in old:
            old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
        found = text.count(old) if old else 0
        if found != 1:
            hint = "read the file and give its exact text" if found == 0 else "give more of the lines around it"
            raise _Refused(f"`old` occurs {found} times in {path}, not once; {hint}")
        if old == new:
            raise _Refused("`old` and `new` are the same")
        line = text[: text.index(old)].count("\n") + 1
        self._room.write(path, text.replace(old, new, 1).encode())
        return Used(f"edited {path} at line {line}", changed=(path,), touched=True)

    async def _search(self, arguments: dict[str, Any], left: float) -> Used:
        pattern, path = str(arguments["pattern"]), str(arguments.get("path") or ".")
        path = self._path({"path": path}) or "."
        left_out = [f"--exclude-dir={name}" for name in LEFT_OUT_OF_SEARCH]
        limits = self._limits.model_copy(update={"seconds": min(SEARCH_SECONDS, left)})
        for dialect in ("-P", "-E"):  # a grep without Perl's expressions says so with code 2
            argv = ["grep", "-rnI", dialect, *left_out, "-e", pattern, "--", path]
            done = await self._room.run(argv, limits=limits)
            if done.exit_code < 2 or done.timed_out:
                break
        if done.exit_code >= 2 and not done.stdout:
            failed = f"error: search failed: {done.stderr.strip()[:500] or f'code {done.exit_code}'}"
            return Used(clean(failed), failed=True, exit_code=done.exit_code, level=done.level, limit=done.killed)
        return Used(_matches(done.stdout), exit_code=done.exit_code, level=done.level, limit=done.killed)

    async def _shell(self, arguments: dict[str, Any], left: float) -> Used:
        seconds = min(float(arguments.get("timeout", SHELL_SECONDS)), LONGEST_SHELL_SECONDS, left)
        if seconds <= 0:
            raise _Refused("`timeout` must be more than 0")
        limits = self._limits.model_copy(update={"seconds": seconds})
        done = await self._room.run(["bash", "-c", str(arguments["command"])], limits=limits)
        return Used(
            _shown(done, seconds),
            failed=done.exit_code != 0,
            exit_code=done.exit_code,
            touched=True,
            level=done.level,
            limit=done.killed,
        )


def _mismatch(schema: dict[str, Any], arguments: dict[str, Any]) -> str:
    properties: dict[str, dict[str, Any]] = schema["properties"]
    missing = [name for name in schema["required"] if name not in arguments]
    if missing:
        return f"`{missing[0]}` is missing"
    for name, value in arguments.items():
        if name not in properties:
            return f"it has no argument `{name}`; it takes: {', '.join(properties)}"
        kind = properties[name]["type"]
        allowed: tuple[type, ...] = {"string": (str,), "integer": (int,), "number": (int, float)}[kind]
        if isinstance(value, bool) or not isinstance(value, allowed):
            return f"`{name}` must be a {kind}"
        if not isinstance(value, str) and value < properties[name].get("minimum", value):
            return f"`{name}` must be at least {properties[name]['minimum']}"
    return ""


def shortened(text: str) -> str:
    """`text` with its middle left out when it is too long for one result."""
    if len(text) <= LONGEST_RESULT:
        return text
    half = LONGEST_RESULT // 2
    gone = len(text) - 2 * half
    return (
        f"{text[:half]}\n[... {gone} characters left out; run again through head, tail or grep, or read the file in "
        f"pieces, to see them ...]\n{text[-half:]}"
    )


def _place(line: str) -> tuple[str, int]:
    path, _, rest = line.partition(":")
    number = rest.partition(":")[0]
    return path, int(number) if number.isdigit() else 0


def _matches(output: str) -> str:
    lines = sorted((line.removeprefix("./") for line in output.split("\n") if line), key=_place)
    if not lines:
        return "[no match]"
    shown = [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} [...]" for line in lines[:MOST_MATCHES]]
    if len(lines) > MOST_MATCHES:
        shown.append(f"[{len(lines) - MOST_MATCHES} more; search below a path or for less]")
    return clean(shortened("\n".join(shown)))


def _shown(done: Completed, seconds: float) -> str:
    parts = [done.stdout.rstrip(), done.stderr.rstrip()]
    text = shortened("\n".join(part for part in parts if part))
    notes = [f"exit code {done.exit_code}"]
    if done.timed_out:
        notes.append(f"stopped after {seconds:g} s; `timeout` may be up to {LONGEST_SHELL_SECONDS:g}")
    elif done.killed:
        notes.append(f"stopped: over its limit of {done.killed}")
    if done.truncated:
        notes.append("the output was longer than is kept")
    if done.services:
        notes.append(done.services)
    return clean(f"{text}\n[{'; '.join(notes)}]".lstrip())


def brief_arguments(call: ToolCall, longest: int = 2000) -> dict[str, Any]:
    """The arguments as the journal keeps them: long texts cut."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in call.arguments.items()
    }
    return {
        name: call.arguments[name] if len(text) <= longest else f"{text[:longest]} [...]"
        for name, text in texts.items()
    }


def requests(text: str) -> tuple[str, ...]:
    """The actions an `ask` wants allowed, `KIND:SUBJECT` each, as it wrote them."""
    found = []
    for line in text.splitlines()[:MOST_REQUESTS]:
        kind, _, subject = " ".join(line.replace("`", "").split()).lstrip("-* ").partition(" ")
        found.append(f"{kind.rstrip(':')}:{subject}"[:500] if subject else kind[:500])
    return tuple(line for line in found if line)


def words(call: ToolCall) -> str:
    """The call in one line, for messages to people."""
    shown = " ".join(shlex.quote(str(value)[:80]) for value in call.arguments.values())
    return f"{call.name} {shown}".strip()[:200]
