"""Keeps a stack's services running inside its sandbox, and tells how they do; it judges nothing.

It is run there as a program of its own, by whatever Python 3.9 or newer is there, and may import nothing of ours. It
reads what to run as JSON, speaks through the socket `control` beside the doors, and ends everything when that closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

HOSTS = ("127.0.0.1", "::1")
LOOK = 0.05
READY = 10.0
"""Seconds that one look whether a service is ready may take."""
ENDING = 5.0
"""Seconds a service has to end when it is asked to."""
TEARDOWN = 30.0
"""Seconds one command of the teardown may take."""
SAID = 4000
HOLE = re.compile(r"\{(port_\d+|database|data)\}")

Told = dict[str, Any]


class TroubleError(Exception):
    """Something did not come up."""

    def __init__(self, what: str, said: str = "") -> None:
        super().__init__(what)
        self.said = said


class Running:
    """One service."""

    def __init__(self, asked: Told, names: dict[str, str], log: Path, until: float) -> None:
        self.asked = asked
        self.name: str = asked["name"]
        self.log = log
        self.env = {name: filled(value, names) for name, value in asked["env"].items()}
        for argv in asked["prepare"]:
            done(words(argv, names), f"service {self.name}", self.env, until)
        with log.open("ab") as output:
            self.process = started(words(asked["run"], names), output, self.env, f"service {self.name}")

    def await_ready(self, names: dict[str, str], port: int, until: float) -> None:
        """Wait until it can be used. Raises TroubleError."""
        while True:
            if self.process.poll() is not None:
                raise TroubleError(
                    f"service {self.name} ended with {self.process.returncode} at its start", self.said()
                )
            if self.is_ready(names, port):
                return
            if time.monotonic() > until:
                raise TroubleError(f"service {self.name} was not ready in time", self.said())
            time.sleep(LOOK)

    def is_ready(self, names: dict[str, str], port: int) -> bool:
        """One look."""
        if not self.asked["ready"]:
            return not port or takes(port)
        try:
            looked = subprocess.run(
                words(self.asked["ready"], names),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **self.env},
                timeout=READY,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        except OSError as error:
            raise TroubleError(
                f"service {self.name}: {self.asked['ready'][0]} cannot be run: {error.strerror}"
            ) from error
        return looked.returncode == 0

    def said(self) -> str:
        """The end of what it said."""
        return self.log.read_bytes()[-SAID:].decode("utf-8", "replace").strip()

    def stop(self) -> None:
        """Ask it to end, and make it."""
        signalled(self.process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(ENDING)
        signalled(self.process, signal.SIGKILL)
        self.process.wait()


def filled(text: str, names: dict[str, str]) -> str:
    """`text` with what its holes stand for."""
    return HOLE.sub(lambda hole: names.get(hole[1], hole[0]), text)


def words(argv: list[str], names: dict[str, str]) -> list[str]:
    """An argument list with what its holes stand for."""
    return [filled(word, names) for word in argv]


def started(argv: list[str], output: Any, env: dict[str, str], what: str) -> subprocess.Popen[bytes]:
    """A command in a process group of its own. Raises TroubleError."""
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **env},
        )
    except OSError as error:
        raise TroubleError(f"{what}: {argv[0]} cannot be run: {error.strerror}") from error


def done(argv: list[str], what: str, env: dict[str, str], until: float) -> None:
    """Run a command to its end. Raises TroubleError when it does not exit with 0, or not in time."""
    process = started(argv, subprocess.PIPE, env, what)
    late = threading.Timer(max(0.1, until - time.monotonic()), signalled, (process, signal.SIGKILL))
    late.start()
    output = process.communicate()[0]
    in_time = late.is_alive()
    late.cancel()
    signalled(process, signal.SIGKILL)
    if process.returncode:
        how = f"exited with {process.returncode}" if in_time else "was not done in time"
        told = output[-SAID:].decode("utf-8", "replace").strip()
        raise TroubleError(f"{what}: `{' '.join(argv)[:200]}` {how}", told)


def signalled(process: subprocess.Popen[bytes], number: int) -> None:
    """Its whole group hears it."""
    try:
        os.killpg(process.pid, number)
    except OSError:
        return


def takes(port: int) -> bool:
    """Whether the loopback's `port` takes a connection."""
    for host in HOSTS:
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1.0):
            return True
    return False


class Doors:
    """Sockets that lead to ports of the loopback, carried by a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def open(self, place: Path, port: int) -> None:
        """A socket at `place` that leads to `port`."""
        standing = asyncio.start_unix_server(lambda reader, writer: served(reader, writer, port), place, backlog=1024)
        asyncio.run_coroutine_threadsafe(standing, self._loop).result()


async def served(near_reader: asyncio.StreamReader, near: asyncio.StreamWriter, port: int) -> None:
    """One connection through a door."""
    for host in HOSTS:
        with contextlib.suppress(OSError):
            far_reader, far = await asyncio.open_connection(host, port)
            await asyncio.gather(copy(near_reader, far), copy(far_reader, near), return_exceptions=True)
            far.close()
            break
    near.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All that comes, until its end."""
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.write_eof()


def came_up(asked: Told, names: dict[str, str], running: list[Running]) -> None:
    """Start all, in order, and set them up. Raises TroubleError."""
    until, doors = time.monotonic() + asked["seconds"], Doors()
    for door in asked["doors"]:
        while not takes(door["at"]):
            if time.monotonic() > until:
                raise TroubleError(f"service {door['name']} does not listen at port {door['at']}")
            time.sleep(LOOK)
        doors.open(Path(os.environ["SETPOINT_DOORS"], str(door["door"])), door["at"])
    for service in asked["services"]:
        log = Path(names["data"], f"{service['name']}.log")
        running.append(Running(service, names, log, until))
        running[-1].await_ready(names, service["at"], until)
        if service["at"]:
            doors.open(Path(os.environ["SETPOINT_DOORS"], str(service["door"])), service["at"])
    for argv in asked["setup"]:
        done(words(argv, names), "set-up", {}, until)


def watched(control: socket.socket, running: list[Running]) -> None:
    """Until it is told to end: say when a service ends by itself, and on request (`?`) how all are."""
    gone: set[str] = set()
    while True:
        asked = control.recv(64) if select.select([control], [], [], LOOK)[0] else None
        if asked is not None and (not asked or b"." in asked):
            return
        for service in running:
            if service.name not in gone and service.process.poll() is not None:
                gone.add(service.name)
                code = service.process.returncode
                tell(control, up=False, what=f"service {service.name} ended with {code}", said=service.said())
        for _ in asked or b"":
            tell(control, up=not gone, answer=True)


def parted(control: socket.socket, asked: Told) -> None:
    """Containers leave before the loopback that they joined goes; whoever ends them says when they are gone."""
    if asked["joined"]:
        with contextlib.suppress(OSError):
            tell(control, up=True, answer=True)
            while control.recv(64):
                pass


def tell(control: socket.socket, **told: Any) -> None:
    """A line to who started this."""
    control.sendall(json.dumps(told).encode() + b"\n")


def main() -> int:
    """Start what standard input asks for, keep it, end it."""
    asked = json.load(sys.stdin)
    names = {**asked["names"], "data": os.environ["SETPOINT_DATA"]}
    control = socket.socket(socket.AF_UNIX)
    control.connect(str(Path(os.environ["SETPOINT_DOORS"], "control")))
    running: list[Running] = []
    # Containers join this loopback now that it is there; whoever brings them up says when they are.
    if asked["joined"] and control.recv(1) != b"!":
        return 0
    try:
        came_up(asked, names, running)
        tell(control, up=True)
        watched(control, running)
        for argv in asked["teardown"]:
            done(words(argv, names), "teardown", {}, time.monotonic() + TEARDOWN)
        parted(control, asked)
    except TroubleError as error:
        tell(control, up=False, what=str(error), said=error.said)
    except OSError:
        return 1
    finally:
        for service in reversed(running):
            service.stop()
    return 0


if __name__ == "__main__":
    # The thread of the doors ends with it.
    code = main()
    sys.stdout.flush()
    os._exit(code)
