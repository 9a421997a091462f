"""The proxy's end inside a sandbox: a listener on its own loopback that hands each connection to the socket."""

from pathlib import Path

from ...model.command import Command, Mount
from .proxy import SOCKET, Egress

PLACE = "/run/setpoint/egress"
"""Where the socket's folder is shown."""
_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")

# It becomes the command; its child stays behind and forwards until the sandbox ends. Nothing is decided here.
_FORWARD = r"""
import os, socket, sys, threading
place, argv = sys.argv[1], sys.argv[2:]
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
proxy = "http://127.0.0.1:%d" % listener.getsockname()[1]
for name in ("http_proxy", "https_proxy", "all_proxy"):
    os.environ[name] = os.environ[name.upper()] = proxy
os.environ.update(npm_config_proxy=proxy, npm_config_https_proxy=proxy, NODE_USE_ENV_PROXY="1")
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "localhost,127.0.0.1,::1"

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
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass

def serve(near):
    far = socket.socket(socket.AF_UNIX)
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


def with_way_out(command: Command, way: Egress) -> Command:
    """`command` with `way` as its proxy. Inside it needs a python3."""
    python = next((place for place in _PYTHONS if Path(place).exists()), "python3")
    argv = (python, "-I", "-S", "-c", _FORWARD, f"{PLACE}/{SOCKET}", *command.argv)
    mount = Mount(host=str(way.folder), inside=PLACE)
    return command.model_copy(update={"argv": argv, "mounts": (*command.mounts, mount)})
