"""Doors to the host in a sandbox without a network: listeners on its own loopback, forwarded to unix sockets.

Nothing is decided inside: what stands behind the socket decides.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..model.command import Command, Mount

_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")
# It becomes the command; its child stays behind and forwards until the sandbox ends. The command does not wait for what
# only the child imports, and only where somebody connects: meanwhile the kernel keeps the connections.
_FORWARD = r"""
import _socket, os, sys
argv = sys.argv[1:]
doors = [argv.pop(0) for _ in range(int(argv.pop(0)))]
told = [argv.pop(0) for _ in range(int(argv.pop(0)))]
listeners = []
for door in doors:
    port, _, place = door.partition("=")
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(1024)
    listeners.append((listener, place))
here = "http://127.0.0.1:%d" % listeners[0][0].getsockname()[1]
for words in told:
    name, _, value = words.partition("=")
    os.environ[name] = value.replace("{here}", here)

async def copy(reader, writer):
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.write_eof()

async def serve(place, near_reader, near):
    try:
        far_reader, far = await asyncio.open_unix_connection(place)
    except OSError:
        near.close()
        return
    await asyncio.gather(copy(near_reader, far), copy(far_reader, near), return_exceptions=True)
    far.close()
    near.close()

async def stand():
    for listener, place in listeners:
        own = socket.socket(fileno=listener.detach())
        await asyncio.start_server(functools.partial(serve, place), sock=own)
    await asyncio.Event().wait()

if os.fork() == 0:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    import select
    select.select([listener for listener, _ in listeners], [], [])
    import asyncio, functools, socket
    asyncio.run(stand())
for listener, _ in listeners:
    listener.close()
try:
    os.execvp(argv[0], argv)
except FileNotFoundError:
    code = 127
except OSError:
    code = 126
sys.stderr.write("%s: cannot be run\n" % argv[0])
sys.exit(code)
"""


def forwarded(command: Command, folder: Path, socket: str, place: str, env: Mapping[str, str]) -> Command:
    """`command` with a listener that leads to `socket` of the host's `folder`, which is shown inside as `place`. In the
    values of `env`, which the command is told, `{here}` is the listener's URL. Inside it needs a python3."""
    return _with_doors(command, folder, place, [f"0={place}/{socket}"], env)


def at_ports(command: Command, folder: Path, place: str, ports: Sequence[int]) -> Command:
    """`command` with a listener at each of `ports`, which leads to the socket of that name in the host's `folder`."""
    return _with_doors(command, folder, place, [f"{port}={place}/{port}" for port in ports], {})


def _with_doors(command: Command, folder: Path, place: str, doors: Sequence[str], env: Mapping[str, str]) -> Command:
    python = next((there for there in _PYTHONS if Path(there).exists()), "python3")
    told = [f"{name}={value}" for name, value in env.items()]
    words = (str(len(doors)), *doors, str(len(told)), *told, *command.argv)
    argv = (python, "-I", "-S", "-c", _FORWARD, *words)
    mount = Mount(host=str(folder), inside=place)
    return command.model_copy(update={"argv": argv, "mounts": (*command.mounts, mount)})
