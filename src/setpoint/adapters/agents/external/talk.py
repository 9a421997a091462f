"""One conversation over ACP: opened anew or gone back to, prompted, cancelled."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from acp import PROTOCOL_VERSION, Client, RequestError, text_block
from acp.client.connection import ClientSideConnection
from acp.schema import ClientCapabilities, FileSystemCapabilities, Implementation, McpServerStdio

from .... import __version__
from ....model.session import Message, Task
from ..wire.answer import Stop, clean
from .client import Ears
from .doorway import Doorway, Inside, Start
from .handing import SERVER
from .homes import Known
from .talking import GaveUpError, Talk

_SIGN_IN = -32000
_STOPS: dict[str, Stop] = {"refusal": "refused", "max_tokens": "truncated"}


class AcpTalk(Talk):
    """With one running agent."""

    def __init__(self, task: Task, start: Start, way: Doorway, ears: Ears, moved: Callable[[], None]) -> None:
        super().__init__(task, start, way, ears, moved)
        self._talk = ClientSideConnection(cast(Client, ears), way.lines)

    async def _open(self, known: Known, inside: Inside) -> None:
        try:
            await self._opened(known, inside)
        except RequestError as error:
            raise _gave_up(error) from error

    async def _opened(self, known: Known, inside: Inside) -> None:
        served = self._start.program.served
        files = FileSystemCapabilities(read_text_file="read" in served, write_text_file="write" in served)
        hello = await self._talk.initialize(
            protocol_version=PROTOCOL_VERSION,
            client_capabilities=ClientCapabilities(fs=files, terminal=False),
            client_info=Implementation(name="setpoint", version=__version__),
        )
        about = hello.agent_info
        self.version = clean(f"{self._start.name} {about.version if about else '?'}")[:200]
        servers: list[Any] = []
        if self._start.program.hand_in == "mcp":
            command, *arguments = inside.hand_in
            servers.append(McpServerStdio(name=SERVER, command=command, args=arguments, env=[]))
        able = hello.agent_capabilities is not None and hello.agent_capabilities.load_session
        back = known.acp and able and await self._went_back(known.acp, inside.cwd, servers)
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

    async def _say(self, messages: Sequence[Message]) -> Stop:
        try:
            done = await self._talk.prompt(session_id=self.session, prompt=[text_block(self._words(messages))])
        except RequestError as error:
            raise _gave_up(error) from error
        return _STOPS.get(done.stop_reason, "done")

    async def _interrupt(self) -> None:
        await self._talk.cancel(session_id=self.session)

    async def _hang_up(self) -> None:
        await self._talk.close()


def _gave_up(error: RequestError) -> GaveUpError:
    return GaveUpError(f"{error} {error.data or ''}", sign_in=error.code == _SIGN_IN)
