"""Tells through a command of the user's choice, which gets the message as JSON on its standard input."""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence

from ...model.run import Run
from ..children import ended, started


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
            process = await started(
                self._argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=self._env,
            )
        except (OSError, ValueError):
            return
        try:
            async with asyncio.timeout(self._seconds):
                await process.communicate(json.dumps(message).encode())
        except (TimeoutError, OSError):
            return
        finally:
            await ended(process)
