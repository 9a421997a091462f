"""Building a package as it would be published, in a room without a network: what is in it, what imports from it."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import dirname

from ..model.evidence import GateKind
from ..model.gate import Gate
from ..ports import Room
from .change_set import Read, as_text
from .grounds import Said, run_as

SECONDS = 240.0
_BUILD = """
import importlib, json, os, sys, tempfile, zipfile
backend, paths, wanted = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
sys.path[:0] = [os.path.abspath(path) for path in paths]
told = {}
try:
    name, _, inner = backend.partition(":")
    hook = importlib.import_module(name)
    for part in filter(None, inner.split(".")):
        hook = getattr(hook, part)
    folder = tempfile.mkdtemp()
    wheel = os.path.join(folder, hook.build_wheel(folder))
    with zipfile.ZipFile(wheel) as packed:
        told["files"] = sorted(one for one in packed.namelist() if not one.endswith("/"))
        packed.extractall(os.path.join(folder, "site"))
    told["site"] = os.path.join(folder, "site")
except BaseException as trouble:
    told["why"] = f"{type(trouble).__name__}: {trouble}"[:400]
if "site" in told:
    import subprocess
    asked = [sys.executable, "-I", "-c", sys.argv[4], told["site"], json.dumps(wanted)]
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, timeout=120)
    told["imports"] = json.loads(done.stdout.rpartition("\\n===")[2] or "{}")
with open(os.path.join(os.environ["SETPOINT_REPORTS"], "told.json"), "w") as file:
    json.dump(told, file)
"""
_IMPORT = """
import importlib, json, os, sys
site, wanted = sys.argv[1], json.loads(sys.argv[2])
sys.path.insert(0, site)
told = {}
for path, name in wanted.items():
    if not os.path.exists(os.path.join(site, path)):
        continue
    try:
        importlib.import_module(name)
    except BaseException as trouble:
        told[path] = [type(trouble).__name__, str(trouble)[:300], str(getattr(trouble, "name", "") or "")]
sys.stdout.write("\\n===" + json.dumps(told))
"""


@dataclass(frozen=True)
class Package:
    """A folder that is published as a package."""

    where: str
    node: bool = False
    backend: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Packed:
    """What a build gave."""

    files: frozenset[str] = frozenset()
    """As the package names them."""
    trouble: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Files that do not import from the package alone: kind of error, its words, the module it names."""
    why: str = ""
    """Why there is no package; empty when there is one."""


def package_at(where: str, read: Read) -> Package | None:
    """The package of a folder; None when nothing there says that it is one."""
    below = "" if where == "." else f"{where}/"
    try:
        told = tomllib.loads(as_text(read(f"{below}pyproject.toml")))
        system = told.get("build-system", {})
        if "build-backend" in system:
            return Package(where, False, str(system["build-backend"]), tuple(map(str, system.get("backend-path", ()))))
        node = json.loads(as_text(read(f"{below}package.json")) or "{}")
    except (ValueError, RecursionError, AttributeError, TypeError):
        return None
    named = isinstance(node, dict) and node.get("name") and node.get("version") and not node.get("private")
    return Package(where, node=True) if named else None


async def packed(package: Package, room: Room, python: Sequence[str], modules: Mapping[str, str]) -> Packed:
    """Build `package` in its folder of `room` and import `modules` (path in the package, name) from it alone."""
    gate = Gate(kind=GateKind.OTHER, run=("true",), timeout=SECONDS, where=package.where)
    if package.node:
        return _npm(await run_as(gate, room, ("npm", "pack", "--dry-run", "--json", "--ignore-scripts", "--offline")))
    told = (package.backend, json.dumps(package.paths), json.dumps(dict(modules)), _IMPORT)
    said = await run_as(gate, room, (*python, "-I", "-c", _BUILD, *told), reports=("told.json",))
    try:
        heard = json.loads(said.reports["told.json"])
        if "files" not in heard:
            return Packed(why=str(heard["why"]))
        return Packed(frozenset(map(str, heard["files"])), dict(heard.get("imports") or {}))
    except (KeyError, ValueError, TypeError):
        return Packed(why=said.last_words)


def _npm(said: Said) -> Packed:
    if said.done.exit_code != 0:
        return Packed(why=said.last_words)
    try:
        (told,) = json.loads(said.done.stdout)
        return Packed(frozenset(str(entry["path"]) for entry in told["files"]))
    except (ValueError, KeyError, TypeError):
        return Packed(why="npm told no list of files")


def module_name(path: str) -> str:
    """The module of a file in a package; empty for what is none, or is not there to be imported."""
    stem = path.removesuffix(".py").removesuffix("/__init__")
    plain = path.endswith(".py") and re.fullmatch(r"(?:[A-Za-z_]\w*/)*[A-Za-z_]\w*", stem)
    apart = re.search(r"(?:^|/)(?:__main__|conftest|test_\w+|setup)$", stem)
    return stem.replace("/", ".") if plain and not apart else ""


def placed(files: Sequence[str], tree: Sequence[str], where: str) -> dict[str, str]:
    """Where in the tree the files of a package come from: path in the tree by path in the package."""
    below = "" if where == "." else f"{where}/"
    ends: dict[str, list[str]] = {}
    for path in tree:
        if path.startswith(below):
            ends.setdefault(path.rpartition("/")[2], []).append(path)
    found = {}
    for file in files:
        named = ends.get(file.rpartition("/")[2], ())
        fitting = [path for path in named if path == below + file or path.endswith(f"/{file}")]
        if fitting:
            found[file] = min(fitting, key=len)
    return found


def folders(paths: Sequence[str]) -> frozenset[str]:
    """The folders that the files lie in."""
    return frozenset(dirname(path) for path in paths)
