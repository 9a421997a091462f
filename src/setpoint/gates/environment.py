"""What a result depends on besides the tree: versions of tools, lock files, the sandbox's level."""

import time
from collections.abc import Mapping

from ..errors import DeniedError
from ..model.command import CommandLimits
from ..model.gate import Gate
from ..model.record import digest_of
from ..ports import Room
from .protected import LOCK_FILES
from .tools import TOOLS
from .words import words

SECONDS_KEPT = 600.0
"""How long versions are believed without asking again."""
_KEPT: dict[str, tuple[float, str]] = {}
_NODE = frozenset(
    (
        *("node", "node --test", "vitest", "jest", "mocha", "ava", "eslint", "tsc", "npm", "pnpm", "yarn", "bun"),
        *("biome", "prettier"),
    )
)
_PYTHON = frozenset((*(TOOLS.keys() - _NODE), "ruff", "python", "python3"))
_INSTALLED = (
    "import sys,importlib.metadata as m\n"
    "print(sys.version, sys.platform)\n"
    "print(*sorted({f'{d.name}=={d.version}' for d in m.distributions()}), sep='\\n')"
)
_ASK = """
echo "$SETPOINT_STACK"
for tool in "$@"; do
  case $tool in
    python) python -c "$PROBE" ;;
    node) node --version; cat node_modules/.package-lock.json ;;
    *) command -v -- "$tool" && "$tool" --version </dev/null ;;
  esac
done 2>&1
"""


async def environment_digest(room: Room, gates: Mapping[str, Gate]) -> str:
    """Digest of the installed tools that `gates` use, the room's lock files and its sandbox level. One short command,
    asked again after ten minutes or when a lock file moved."""
    locks = _locks(room, {gate.where for gate in gates.values()})
    asked = sorted({_asked(gate) for gate in gates.values()})
    inputs = digest_of({"inside": room.inside, "kind": type(room).__name__, "locks": locks, "asked": asked})
    kept = _KEPT.get(inputs)
    if kept is None or time.monotonic() - kept[0] > SECONDS_KEPT:
        _KEPT[inputs] = kept = (time.monotonic(), await _versions(room, asked, locks))
    return kept[1]


def forget() -> None:
    """Ask anew at the next call, after tools were installed."""
    _KEPT.clear()


def _asked(gate: Gate) -> str:
    tool = words(gate.run).tool
    if tool in _PYTHON or tool.startswith("django "):
        return "python"
    return "node" if tool in _NODE else tool


async def _versions(room: Room, asked: list[str], locks: dict[str, str]) -> str:
    limits = CommandLimits(seconds=60.0, output_bytes=1_048_576)
    done = await room.run(("sh", "-c", _ASK, "sh", *asked), limits=limits, env={"PROBE": _INSTALLED})
    return digest_of({"versions": done.stdout, "level": done.contained, "locks": locks})


def _locks(room: Room, folders: set[str]) -> dict[str, str]:
    found = {}
    for folder in sorted(folders):
        for name in LOCK_FILES:
            path = name if folder == "." else f"{folder}/{name}"
            try:
                found[path] = digest_of(room.read(path).hex())
            except (FileNotFoundError, DeniedError, IsADirectoryError):
                continue
    return found
