"""What runs beside an agent in its sandbox: two small programs that copy bytes and decide nothing.

`BRIDGE` starts the agent, ties its standard input and output to the host's socket, and leads its own loopback to the
models' socket. `PIPE` is what the agent starts as its MCP server: it leads to the host's socket for handing in.
"""

from pathlib import Path

from ....model.command import Mount

BRIDGE, PIPE = "bridge.py", "pipe.py"
ACP, MODELS, HAND = "acp", "models", "hand"
"""The sockets of the folder that is shown inside."""
PLACE = "/run/setpoint/agent"
"""Where that folder is inside."""
HOME = "/run/setpoint/home"
"""Where the agent's home is inside."""
_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")

# What the agent said is passed on before what it asks: the host hears of a finished tool before the next request.
_BRIDGE = r"""
import json, os, selectors, socket, subprocess, sys, threading
folder, home, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
told, argv = sys.argv[4:4 + count], sys.argv[4 + count:]
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.listen(64)
here = "http://127.0.0.1:%d" % listener.getsockname()[1]

def filled(text):
    return text.replace("{here}", here).replace("{home}", home)

for words in told:
    name, _, value = words.partition("=")
    os.environ[name] = filled(value)
os.environ["HOME"] = home
for name in os.environ.pop("SETPOINT_FILES", "").split("\n"):
    if name:
        place = os.path.join(home, name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(os.path.join(folder, "files", name)) as source, open(place, "w") as target:
            target.write(filled(source.read()))
acp = socket.socket(socket.AF_UNIX)
acp.connect(folder + "/acp")
hello = {"cwd": os.getcwd(), "python": sys.executable, "folder": folder, "home": home}
acp.sendall(json.dumps(hello).encode() + b"\n")
try:
    agent = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
except OSError as error:
    sys.stderr.write("%s: cannot be run: %s\n" % (argv[0], error.strerror))
    sys.exit(127)

def to_agent():
    try:
        while True:
            piece = acp.recv(65536)
            if not piece:
                break
            agent.stdin.write(piece)
            agent.stdin.flush()
        agent.stdin.close()
    except OSError:
        pass

def back(far, near):
    try:
        while True:
            piece = far.recv(65536)
            if not piece:
                break
            near.sendall(piece)
    except OSError:
        pass
    try:
        near.shutdown(socket.SHUT_WR)
    except OSError:
        pass

out = agent.stdout.fileno()
os.set_blocking(out, False)

def spoken():
    # False at the end of what the agent says.
    while True:
        try:
            piece = os.read(out, 65536)
        except BlockingIOError:
            return True
        if not piece:
            return False
        acp.sendall(piece)

def ask(near, far):
    try:
        piece = near.recv(65536)
        if piece:
            far.sendall(piece)
            return True
        far.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    return False

threading.stack_size(262144)
threading.Thread(target=to_agent, daemon=True).start()
waiting = selectors.DefaultSelector()
waiting.register(out, selectors.EVENT_READ)
waiting.register(listener, selectors.EVENT_READ)
speaking = True
while speaking and agent.poll() is None:
    ready = waiting.select(0.5)
    try:
        speaking = spoken()
    except OSError:
        break
    for key, _ in ready:
        if key.fileobj is listener:
            near, far = listener.accept()[0], socket.socket(socket.AF_UNIX)
            try:
                far.connect(folder + "/models")
            except OSError:
                near.close()
                continue
            threading.Thread(target=back, args=(far, near), daemon=True).start()
            waiting.register(near, selectors.EVENT_READ, far)
        elif key.data is not None and not ask(key.fileobj, key.data):
            waiting.unregister(key.fileobj)
try:
    spoken()
except OSError:
    agent.kill()
acp.close()
try:
    code = agent.wait(2)
except subprocess.TimeoutExpired:
    agent.kill()
    code = agent.wait()
os._exit(code if code >= 0 else 128 - code)
"""
_PIPE = r"""
import os, socket, sys, threading
way = socket.socket(socket.AF_UNIX)
way.connect(sys.argv[1] + "/hand")

def out():
    while True:
        piece = os.read(0, 65536)
        if not piece:
            break
        way.sendall(piece)
    way.shutdown(socket.SHUT_WR)

threading.Thread(target=out, daemon=True).start()
while True:
    piece = way.recv(65536)
    if not piece:
        break
    view = memoryview(piece)
    while view:
        view = view[os.write(1, view):]
os._exit(0)
"""


def lay(folder: Path) -> None:
    """Put both programs into the folder that is shown inside."""
    (folder / BRIDGE).write_text(_BRIDGE)
    (folder / PIPE).write_text(_PIPE)


def bridged(argv: tuple[str, ...], env: dict[str, str]) -> list[str]:
    """The command that starts the agent `argv` behind the bridge; in values of `env` `{here}` is the relay, `{home}`
    its home."""
    python = next((there for there in _PYTHONS if Path(there).exists()), "python3")
    told = [f"{name}={value}" for name, value in env.items()]
    return [python, "-I", "-S", f"{PLACE}/{BRIDGE}", PLACE, HOME, str(len(told)), *told, *argv]


def shown(folder: Path, home: Path) -> tuple[Mount, ...]:
    """The two folders as the agent sees them."""
    return (Mount(host=str(folder), inside=PLACE), Mount(host=str(home), inside=HOME, writable=True))
