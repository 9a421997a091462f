"""Containers that are plain processes of this machine: they keep what the seam promises, and wall nothing in."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..adapters.sandboxes.bare import Bare
from ..errors import StackError
from ..model.compose import Contained
from ..ports import Sandbox

_PATH = "/usr/local/bin:/usr/bin:/bin"
_SAID = 65_536


class ProcessContainers:
    """Keeps the promises of `stacks.containers.Containers`; an image is a name that it was made with."""

    level = "none"

    def __init__(self, images: Collection[str], *, why: str = "") -> None:
        """`why`: what no engine here says of itself; empty: one works."""
        self._images = frozenset(images)
        self._why = why
        self._folder = Path(tempfile.mkdtemp(prefix="setpoint-containers-"))
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._closed = False

    def holder(self) -> Sandbox:
        """Everything is at the host's loopback."""
        if self._why:
            raise StackError(f"no container engine works here: {self._why}", fix="[[stack.service]]")
        return Bare()

    def start(self, one: Contained) -> None:
        """Its words as a process group of its own."""
        if self._closed:
            raise StackError("the containers were ended")
        if one.image not in self._images:
            raise StackError(f"service {one.name}: its image {one.image} is not on this machine", fix="pull it")
        words = [*(one.entrypoint or ()), *(one.command or ())]
        with (self._folder / one.name).open("wb") as said:
            self._running[one.name] = subprocess.Popen(
                words,
                env={"PATH": _PATH, **one.env},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def passes(self, name: str, argv: Sequence[str]) -> bool:
        """The command, beside it."""
        if name not in self._running or self._running[name].poll() is not None:
            return False
        try:
            done = subprocess.run(argv, cwd=self._folder, env={"PATH": _PATH}, capture_output=True, check=False)
        except OSError:
            return False
        return done.returncode == 0

    def ended(self) -> Mapping[str, int]:
        """As the kernel tells."""
        codes = {name: process.poll() for name, process in self._running.items()}
        return {name: code if code >= 0 else 128 - code for name, code in codes.items() if code is not None}

    def said(self, name: str) -> str:
        """From its file."""
        place = self._folder / name
        return place.read_bytes()[-_SAID:].decode("utf-8", "replace").strip() if place.exists() else ""

    def close(self) -> None:
        """Kill all groups."""
        self._closed = True
        for process in self._running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
