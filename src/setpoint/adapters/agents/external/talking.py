"""One conversation with a running agent, whichever way it is spoken to: opened anew or gone back to, prompted,
cancelled."""

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from ....errors import DeniedError, NotSignedInError, TransientError
from ....model.session import Message, Task, ToolCall
from ... import beneath
from ..tools import submit_name
from ..wire.answer import Stop, scrubbed
from .client import Ears
from .doorway import Doorway, Inside, Start
from .homes import Home, Known
from .words import ASKED, HANDED, going_on, opening

_CANCEL_SECONDS = 3.0


class GaveUpError(Exception):
    """The agent lives, and says that it does not go on."""

    def __init__(self, words: str, *, sign_in: bool = False) -> None:
        super().__init__(words)
        self.sign_in = sign_in
        """Whether it wants to be signed in."""


class Talk(ABC):
    """With one running agent."""

    def __init__(self, task: Task, start: Start, way: Doorway, ears: Ears, moved: Callable[[], None]) -> None:
        self._task, self._start, self._way, self._ears, self._moved = task, start, way, ears, moved
        self._prompt: asyncio.Task[Stop] | None = None
        self._over = asyncio.create_task(self._until_gone())
        self.session = ""
        """The agent's own name of the conversation; empty until it has told one."""
        self.version = ""
        """The agent's own name and version."""
        self.resumed = False
        """Whether it went back to a conversation it knows."""
        self.told: dict[str, Any] = {}
        """What the next step's entry in the journal says of it."""
        self._known_to_it = False
        """Whether it has been told its task."""

    # -- what each way does -----------------------------------------------------------------------------------------

    @abstractmethod
    async def _open(self, known: Known, inside: Inside) -> None:
        """Have a conversation: the one before, where it can be gone back to, else a new one. Raises GaveUpError,
        ConnectionError."""

    @abstractmethod
    async def _say(self, messages: Sequence[Message]) -> Stop:
        """Let it work on what `messages` end with, to the end of its turn. Raises GaveUpError, ConnectionError."""

    @abstractmethod
    async def _interrupt(self) -> None:
        """Ask it to end its turn. Raises ConnectionError."""

    @abstractmethod
    async def _hang_up(self) -> None:
        """Say no more."""

    # -- what the session asks --------------------------------------------------------------------------------------

    async def _until_gone(self) -> None:
        await self._way.lines.over.wait()
        self._moved()

    async def open(self, known: Known, inside: Inside) -> None:
        """A session: the one before, where the agent goes back to it and remembers nothing that was undone, else a new
        one. Raises TransientError, NotSignedInError."""
        self._ears.cwd = inside.cwd
        try:
            async with asyncio.timeout(self._start.program.start_seconds):
                await self._open(Known() if known.ahead else known, inside)
        except TimeoutError as error:
            raise await self._way.fault("did not open a session in time") from error
        except GaveUpError as error:
            raise self._refused(error) from error
        except ConnectionError as error:
            raise await self._way.fault("ended before it had a session") from error

    async def prompt(self, messages: Sequence[Message]) -> None:
        """Let it work on what `messages` end with."""
        self._prompt = asyncio.create_task(self._say(messages))
        self._prompt.add_done_callback(lambda _: self._moved())

    def _words(self, messages: Sequence[Message]) -> str:
        """What it is told: all that there is, where it knows nothing yet."""
        if self._known_to_it:
            return going_on(self._task, messages)
        self._known_to_it = True
        home = self._way.inside.home if self._start.program.hand_in == "file" else ""
        return opening(self._task, messages, by_file=home)

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
        return self._prompt.result() if self._prompt is not None and self.ended else "done"

    async def lives(self, failures: int) -> None:
        """Raises TransientError when it is gone or gave its turn up."""
        trouble = self._prompt.exception() if self._prompt is not None and self._prompt.done() else None
        if isinstance(trouble, GaveUpError):
            raise self._refused(trouble, failures)
        if self._way.gone or trouble is not None:
            raise await self._way.fault("ended in the middle of its work")

    async def cancel(self) -> None:
        """End its turn; it may still write down what it knows."""
        assert self._prompt is not None
        if not self._way.gone:
            with contextlib.suppress(ConnectionError):
                await self._interrupt()
                await asyncio.wait([self._prompt, self._over], timeout=_CANCEL_SECONDS, return_when="FIRST_COMPLETED")

    async def close(self) -> None:
        """Say no more."""
        for task in (self._over, self._prompt):
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in (self._over, self._prompt) if task), return_exceptions=True)
        await self._hang_up()

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

    def _refused(self, error: GaveUpError, failures: int = 0) -> TransientError | NotSignedInError:
        name, said = self._start.name, str(error).strip()[:800]
        if error.sign_in:
            return NotSignedInError(
                f"agent `{name}` wants to be signed in", why=said, fix="docs/agents.md says how it is signed in here"
            )
        why = f"{said}; {failures} model requests before had no reply" if failures else said
        return TransientError(f"agent `{name}` gave up", why=why, fix="`setpoint log` shows what it did before")
