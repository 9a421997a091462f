"""Tells through a command of the user's choice, which gets the message as JSON on its standard input."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping, Sequence

from ...model.run import Run


class CommandNotifier:
    """Notifier by command. Whatever becomes of the command, the run goes on."""

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, seconds: float = 10.0) -> None:
        self._argv = tuple(argv)
        self._env = dict(env or {"PATH": os.defpath})
        self._seconds = seconds

    async def tell(self, run: Run, subject: str, text: str) -> None:
        message = {
            "run": run.id,
            "ticket": run.ticket.id,
            "title": run.ticket.title,
            "stage": run.position.stage,
            "state": run.position.state.value,
            "waits": run.position.waits.value,
            "subject": subject,
            "text": text,
        }
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=self._env,
                start_new_session=True,
            )
        except (OSError, ValueError):
            return
        try:
            async with asyncio.timeout(self._seconds):
                await process.communicate(json.dumps(message).encode())
        except (TimeoutError, OSError):
            return
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
