"""What runs beside an agent in its sandbox: three small programs that copy bytes and decide nothing.

`BRIDGE` starts the agent, ties its standard input and output to the host's socket, and leads its own loopback to the
models' socket. `PIPE` is what the agent starts as its MCP server: it leads to the host's socket for handing in.
`TURNS` stands in the agent's place where it is started anew for each turn, or more than once until it has a session.
"""

from pathlib import Path

from ....model.command import Mount

BRIDGE, PIPE, TURNS = "bridge.py", "pipe.py", "turns.py"
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

# The agent writes to the bridge itself: what it says is there before what it asks its model. One line in says what to
# do; the line out that says how a start ended bears the mark that the host gave it.
_TURNS = r"""
import json, os, select, signal, subprocess, sys, threading
child = None

def told(**words):
    left = memoryview(b"\n" + json.dumps(words).encode() + b"\n")
    while left:
        try:
            left = left[os.write(1, left):]
        except BlockingIOError:
            select.select([], [1], [])

def awaited(process, mark):
    told(mark=mark, code=process.wait())

def started(line):
    try:
        process = subprocess.Popen(line["start"], stdin=subprocess.PIPE)
    except (OSError, ValueError) as error:
        sys.stderr.write("%s: cannot be run: %s\n" % (line["start"][0], error))
        sys.stderr.flush()
        told(mark=line["mark"], code=127)
        return None
    threading.Thread(target=awaited, args=(process, line["mark"]), daemon=True).start()
    return process

def version(argv):
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except (OSError, ValueError):
        return ""
    return done.stdout[:4000].decode("utf-8", "replace")

def ended():
    if child is None or child.poll() is not None:
        return
    try:
        child.stdin.close()
    except OSError:
        pass
    for wanted, seconds in ((None, 1.5), (signal.SIGTERM, 0.5)):
        if wanted is not None:
            child.send_signal(wanted)
        try:
            child.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            pass
    child.kill()

for words in sys.stdin.buffer:
    line = json.loads(words)
    try:
        if "start" in line:
            child = started(line)
        elif "version" in line:
            told(mark=line["mark"], version=version(line["version"]))
        elif "stop" in line and child is not None and child.poll() is None:
            child.send_signal(signal.SIGINT)
        if child is not None and "say" in line:
            child.stdin.write(line["say"].encode())
            child.stdin.flush()
        if child is not None and "last" in line:
            child.stdin.close()
    except OSError:
        pass
code = child.poll() if child is not None else 0
ended()
os._exit(0 if code is None else code if code >= 0 else 128 - code)
"""


def lay(folder: Path) -> None:
    """Put the programs into the folder that is shown inside."""
    for name, source in ((BRIDGE, _BRIDGE), (PIPE, _PIPE), (TURNS, _TURNS)):
        (folder / name).write_text(source)


def bridged(argv: tuple[str, ...], env: dict[str, str]) -> list[str]:
    """The command that starts the agent `argv` behind the bridge; in values of `env` `{here}` is the relay, `{home}`
    its home."""
    told = [f"{name}={value}" for name, value in env.items()]
    return [_python(), "-I", "-S", f"{PLACE}/{BRIDGE}", PLACE, HOME, str(len(told)), *told, *argv]


def turning() -> tuple[str, ...]:
    """The program that starts an agent as often as the host says."""
    return (_python(), "-I", "-S", f"{PLACE}/{TURNS}")


def _python() -> str:
    return next((there for there in _PYTHONS if Path(there).exists()), "python3")


def shown(folder: Path, home: Path) -> tuple[Mount, ...]:
    """The two folders as the agent sees them."""
    return (Mount(host=str(folder), inside=PLACE), Mount(host=str(home), inside=HOME, writable=True))
