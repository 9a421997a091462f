"""A door to the host in a sandbox without a network: a listener on its own loopback, forwarded to a unix socket.

Nothing is decided inside: what stands behind the socket decides.
"""

from collections.abc import Mapping
from pathlib import Path

from ..model.command import Command, Mount

_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")
COPY = r"""
def copy(source, target):
    try:
        while True:
            piece = source.recv(65536)
            if not piece:
                break
            target.sendall(piece)
    except OSError:
        pass
    try:
        target.shutdown(_socket.SHUT_WR)
    except OSError:
        pass
"""
"""One direction of a connection, for a program inside that has `_socket`."""
# It becomes the command; its child stays behind and forwards until the sandbox ends. The command does not wait for what
# only the child imports: meanwhile the kernel keeps its connections.
_FORWARD = (
    r"""
import _socket, os, sys
place, count = sys.argv[1], int(sys.argv[2])
told, argv = sys.argv[3:3 + count], sys.argv[3 + count:]
listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.listen(64)
here = "http://127.0.0.1:%d" % listener.getsockname()[1]
for words in told:
    name, _, value = words.partition("=")
    os.environ[name] = value.replace("{here}", here)

"""
    + COPY
    + r"""
def serve(near):
    far = socket.socket(_socket.AF_UNIX)
    with near, far:
        try:
            far.connect(place)
        except OSError:
            return
        back = threading.Thread(target=copy, args=(far, near))
        back.start()
        copy(near, far)
        back.join()

if os.fork() == 0:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    import socket, threading
    listener = socket.socket(fileno=listener.detach())
    threading.stack_size(262144)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
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
)


def forwarded(command: Command, folder: Path, socket: str, place: str, env: Mapping[str, str]) -> Command:
    """`command` with a listener that leads to `socket` of the host's `folder`, which is shown inside as `place`. In the
    values of `env`, which the command is told, `{here}` is the listener's URL. Inside it needs a python3."""
    python = next((there for there in _PYTHONS if Path(there).exists()), "python3")
    told = [f"{name}={value}" for name, value in env.items()]
    argv = (python, "-I", "-S", "-c", _FORWARD, f"{place}/{socket}", str(len(told)), *told, *command.argv)
    mount = Mount(host=str(folder), inside=place)
    return command.model_copy(update={"argv": argv, "mounts": (*command.mounts, mount)})
