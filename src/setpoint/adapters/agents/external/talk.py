"""One conversation over ACP: opened anew or gone back to, prompted, cancelled."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, cast

from acp import PROTOCOL_VERSION, Client, RequestError, text_block
from acp.client.connection import ClientSideConnection
from acp.schema import ClientCapabilities, FileSystemCapabilities, Implementation, McpServerStdio, PromptResponse

from .... import __version__
from ....errors import DeniedError, NotSignedInError, TransientError
from ....model.session import Message, Task, ToolCall
from ... import beneath
from ..tools import submit_name
from ..wire.answer import Stop, clean, scrubbed
from .client import Ears
from .doorway import Doorway, Inside, Start
from .handing import SERVER
from .homes import Home, Known
from .inside import PIPE
from .words import ASKED, HANDED, going_on, opening

_CANCEL_SECONDS = 3.0
_SIGN_IN = -32000
_STOPS: dict[str, Stop] = {"refusal": "refused", "max_tokens": "truncated"}


class Talk:
    """With one running agent."""

    def __init__(self, task: Task, start: Start, way: Doorway, ears: Ears, moved: Callable[[], None]) -> None:
        self._task, self._start, self._way, self._ears, self._moved = task, start, way, ears, moved
        self._talk = ClientSideConnection(cast(Client, ears), way.lines)
        self._prompt: asyncio.Task[PromptResponse] | None = None
        self._over = asyncio.create_task(self._until_gone())
        self.session = ""
        self.version = ""
        """The agent's own name and version."""
        self.resumed = False
        """Whether it went back to a conversation it knows."""
        self.told: dict[str, Any] = {}
        """What the next step's entry in the journal says of it."""
        self._known_to_it = False
        """Whether it has been told its task."""

    async def _until_gone(self) -> None:
        await self._way.lines.over.wait()
        self._moved()

    async def open(self, known: Known, inside: Inside) -> None:
        """A session: the one before, where the agent goes back to it and remembers nothing that was undone, else a new
        one. Raises TransientError, NotSignedInError."""
        try:
            async with asyncio.timeout(self._start.program.start_seconds):
                await self._open(known, inside)
        except TimeoutError as error:
            raise await self._way.fault("did not open a session in time") from error
        except RequestError as error:
            raise self._refused(error) from error
        except ConnectionError as error:
            raise await self._way.fault("ended before it had a session") from error

    async def _open(self, known: Known, inside: Inside) -> None:
        served = self._start.program.served
        files = FileSystemCapabilities(read_text_file="read" in served, write_text_file="write" in served)
        hello = await self._talk.initialize(
            protocol_version=PROTOCOL_VERSION,
            client_capabilities=ClientCapabilities(fs=files, terminal=False),
            client_info=Implementation(name="setpoint", version=__version__),
        )
        about = hello.agent_info
        self.version = clean(f"{self._start.name} {about.version if about else '?'}")[:200]
        self._ears.cwd = inside.cwd
        servers: list[Any] = []
        if self._start.program.hand_in == "mcp":
            arguments = ["-I", "-S", f"{inside.folder}/{PIPE}", inside.folder]
            servers.append(McpServerStdio(name=SERVER, command=inside.python, args=arguments, env=[]))
        able = hello.agent_capabilities is not None and hello.agent_capabilities.load_session
        back = known.acp and not known.ahead and able and await self._went_back(known.acp, inside.cwd, servers)
        if not back:
            self.session = (await self._talk.new_session(cwd=inside.cwd, mcp_servers=servers)).session_id
        if self._start.program.mode:
            await self._talk.set_session_mode(session_id=self.session, mode_id=self._start.program.mode)

    async def _went_back(self, session: str, cwd: str, servers: list[Any]) -> bool:
        self._ears.deaf = True
        try:
            await self._talk.load_session(cwd=cwd, session_id=session, mcp_servers=servers)
        except RequestError:
            return False  # it forgot, which is its right: it is told what was
        finally:
            self._ears.deaf = False
        self.session, self.resumed, self._known_to_it = session, True, True
        return True

    # -- turns ------------------------------------------------------------------------------------------------------

    async def prompt(self, messages: Sequence[Message]) -> None:
        """Let it work on what `messages` end with."""
        if self._known_to_it:
            text = going_on(self._task, messages)
        else:
            home = self._way.inside.home if self._start.program.hand_in == "file" else ""
            text = opening(self._task, messages, by_file=home)
        self._known_to_it = True
        self._prompt = asyncio.create_task(self._talk.prompt(session_id=self.session, prompt=[text_block(text)]))
        self._prompt.add_done_callback(lambda _: self._moved())

    @property
    def going(self) -> bool:
        """Whether it works on a prompt."""
        return self._prompt is not None and not self._prompt.done()

    @property
    def ended(self) -> bool:
        """Whether it ended its turn of itself."""
        done = self._prompt is not None and self._prompt.done() and not self._prompt.cancelled()
        return done and self._prompt is not None and self._prompt.exception() is None

    @property
    def stop(self) -> Stop:
        """Why it ended its turn."""
        reason = self._prompt.result().stop_reason if self._prompt is not None and self.ended else ""
        return _STOPS.get(reason, "done")

    async def lives(self, failures: int) -> None:
        """Raises TransientError when it is gone or gave its turn up."""
        trouble = self._prompt.exception() if self._prompt is not None and self._prompt.done() else None
        if isinstance(trouble, RequestError):
            raise self._refused(trouble, failures)
        if self._way.gone or trouble is not None:
            raise await self._way.fault("ended in the middle of its work")

    async def cancel(self) -> None:
        """End its turn; it may still write down what it knows."""
        assert self._prompt is not None
        if not self._way.gone:
            try:
                await self._talk.cancel(session_id=self.session)
            except ConnectionError:
                return
            await asyncio.wait([self._prompt, self._over], timeout=_CANCEL_SECONDS, return_when="FIRST_COMPLETED")

    async def close(self) -> None:
        """Say no more."""
        for task in (self._over, self._prompt):
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in (self._over, self._prompt) if task), return_exceptions=True)
        await self._talk.close()

    def by_file(self, home: Home) -> ToolCall | None:
        """What it handed in or asked by a file, where it does so; the file is gone then."""
        if self._start.program.hand_in != "file":
            return None
        for name, tool in ((HANDED, submit_name(self._task.deliverable)), (ASKED, "ask")):
            try:
                content = scrubbed(json.loads(beneath.read(home.path, name)))
                beneath.delete(home.path, name)
            except (OSError, ValueError, RecursionError, DeniedError):
                continue  # none, or none of the form: it is told to go on
            if isinstance(content, dict) and (tool != "ask" or isinstance(content.get("question"), str)):
                return ToolCall(id=name, name=tool, arguments=content)
        return None

    def _refused(self, error: RequestError, failures: int = 0) -> TransientError | NotSignedInError:
        name, said = self._start.name, f"{error} {error.data or ''}".strip()[:800]
        if error.code == _SIGN_IN:
            return NotSignedInError(
                f"agent `{name}` wants to be signed in", why=said, fix="docs/agents.md says how it is signed in here"
            )
        why = f"{said}; {failures} model requests before had no reply" if failures else said
        return TransientError(f"agent `{name}` gave up", why=why, fix="`setpoint log` shows what it did before")
