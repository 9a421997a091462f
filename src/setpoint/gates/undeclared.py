"""Imports that nothing declares: they work where the package happens to be, and nowhere else.

What a package is called is asked of the environment that gates run in; where it does not know, nobody is accused.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import dirname

from ..model.evidence import GateKind
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.objection import Deviation, Objection, Severity
from .change_set import ChangeSet, as_text
from .grounds import Grounds, interpreter, nothing, run_as, verdict
from .imports_of import Imported, new_imports
from .measured import minded
from .package import UnreadableError, canonical
from .package_files import reader_of
from .package_locks import LOCKS
from .words import words

NAME = "environment"
UNIT = "new imports"
READ = 80
"""Most files that are read for what they declare."""
_KNOWN_AS = {
    "yaml": "pyyaml", "PIL": "pillow", "cv2": "opencv-python", "sklearn": "scikit-learn", "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil", "dotenv": "python-dotenv", "jwt": "pyjwt", "attr": "attrs", "OpenSSL": "pyopenssl",
    "Crypto": "pycryptodome", "serial": "pyserial", "git": "gitpython", "jose": "python-jose", "magic": "python-magic",
    "MySQLdb": "mysqlclient", "usb": "pyusb", "zmq": "pyzmq", "win32api": "pywin32", "slugify": "python-slugify",
    "multipart": "python-multipart", "socks": "pysocks", "fitz": "pymupdf", "docx": "python-docx",
}  # fmt: skip
"""Packages of another name than their module, where the environment does not have them to ask."""
_ASK = """
import importlib.metadata as m, json, os, re, sys
modules, declared = json.loads(sys.argv[1]), set(json.loads(sys.argv[2]))
def name(text):
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", text.strip(), maxsplit=1)[0]).lower()
needs = {}
for found in m.distributions():
    needs[name(found.metadata["Name"] or "")] = {name(need) for need in found.requires or () if "extra ==" not in need}
reached, waiting = set(), list(declared)
while waiting:
    for need in needs.get(waiting.pop(), ()):
        if need not in reached:
            reached.add(need)
            waiting.append(need)
provides = m.packages_distributions()
told = {
    "standard": [one for one in modules if one in sys.stdlib_module_names],
    "brought": {one: sorted({name(each) for each in provides.get(one, ())}) for one in modules},
    "installed": sorted(declared & needs.keys()),
    "reached": sorted(reached),
}
with open(os.path.join(os.environ["SETPOINT_REPORTS"], "told.json"), "w") as file:
    json.dump(told, file)
"""


@dataclass(frozen=True)
class _Declared:
    """What the manifests around a file declare."""

    names: frozenset[str]
    own: frozenset[str] = frozenset()
    """Names of the projects themselves."""
    unsure: bool = False
    """They may declare more than can be read."""


@dataclass(frozen=True)
class _Here:
    """What the environment says of modules and packages."""

    standard: frozenset[str] = frozenset()
    brought: Mapping[str, Sequence[str]] = field(default_factory=dict)
    installed: frozenset[str] = frozenset()
    reached: frozenset[str] = frozenset()
    """What declared packages bring along."""


async def check_imports(grounds: Grounds) -> Measured:
    """An objection for each package that shipped code begins to import and no manifest declares: of weight where it is
    known that nothing declared brings it, else a note."""
    fresh = new_imports(grounds.change)
    declared = {path: _around(path, grounds.change) for path in {entry.path for entry in fresh}}
    open_ = [entry for entry in fresh if (told := declared[entry.path]) and not _says(told, entry)]
    if not fresh:
        return nothing(NAME, grounds=grounds, unit=UNIT)
    python = [entry for entry in open_ if entry.path.endswith(".py")]
    names = frozenset(name for entry in python if (told := declared[entry.path]) for name in told.names)
    here = await _asked(grounds, python, names) if python else None
    found: list[Objection] = []
    for entry in open_:
        told = declared[entry.path]
        assert told is not None
        found += _of_python(entry, told, here) if entry in python else _of_javascript(entry, told)
    reason = f"{len(fresh)} new imports, {len(found)} that no manifest declares"
    return verdict(NAME, found, grounds=grounds, examined=len(fresh), unit=UNIT, reason=reason)


# -- what is declared ------------------------------------------------------------------------------------------------


def _around(path: str, change: ChangeSet) -> _Declared | None:
    """What is declared in the file's folder and those around it; None where nothing is declared at all."""
    around = {""}
    folder = dirname(path)
    while folder:
        around.add(folder)
        folder = dirname(folder)
    python = path.endswith(".py")
    manifests = [
        name
        for name in sorted(change.head_files)
        if _is_manifest(name, python=python) and (dirname(name) in around or dirname(name) == "requirements")
    ][:READ]
    if not manifests:
        return None
    names: set[str] = set()
    own: set[str] = set()
    unsure = False
    for name in manifests:
        text = as_text(change.read_head(name))
        unsure |= name.endswith("setup.py") or bool(re.search(r"^dynamic\s*=.*\bdependencies\b", text, re.MULTILINE))
        names |= {canonical(text) for text in re.findall(r"[\"']([A-Za-z][\w.\-]+)", text)} if _spoken(name) else set()
        names |= _listed(name, text)
        own |= _called(name, text)
    unsure |= not python and _aliased(change)
    return _Declared(frozenset(names), frozenset(own), unsure)


def _is_manifest(name: str, *, python: bool) -> bool:
    last = name.rpartition("/")[2]
    if not python:
        return last == "package.json"
    return last == "setup.py" or (last != "package.json" and last not in LOCKS and reader_of(name) is not None)


def _spoken(name: str) -> bool:
    """A program that declares: whatever it names may be a dependency."""
    return name.endswith("setup.py")


def _listed(name: str, text: str) -> set[str]:
    reader = reader_of(name)
    try:
        return {package.name for package in reader(text).packages} if reader else set()
    except UnreadableError:
        return set()


def _called(name: str, text: str) -> set[str]:
    """The name of the project that a manifest is of."""
    if name.endswith("package.json"):
        found = re.search(r"[{,]\s*\"name\"\s*:\s*\"([^\"]+)\"", text)
        return {found[1]} if found else set()
    found = re.search(r"^name\s*=\s*[\"']?([\w.\-]+)", text, re.MULTILINE)
    return {canonical(found[1])} if found else set()


def _aliased(change: ChangeSet) -> bool:
    """Whether an import may stand for something else: by an alias of the compiler or the bundler."""
    shapes = re.compile(
        r"(?:^|/)(?:[tj]sconfig[\w.\-]*\.json|[\w.\-]+\.config\.[cm]?[jt]s|deno\.jsonc?|\.babelrc[\w.]*)$"
    )
    places = sorted(path for path in change.head_files if shapes.search(path))[:READ]
    said = re.compile(r"\"(?:paths|baseUrl|imports)\"\s*:|\balias\b|moduleNameMapper|externals")
    return any(said.search(as_text(change.read_head(path))) for path in places)


def _says(told: _Declared, entry: Imported) -> bool:
    if not entry.path.endswith(".py"):
        typed = f"@types/{entry.module.removeprefix('@').replace('/', '__')}"
        return bool({entry.module, typed} & (told.names | told.own))
    return bool(
        {canonical(entry.module), _KNOWN_AS.get(entry.module, canonical(entry.module))} & (told.names | told.own)
    )


# -- what is there ---------------------------------------------------------------------------------------------------


async def _asked(grounds: Grounds, entries: Sequence[Imported], declared: Iterable[str]) -> _Here | None:
    """The environment's word; None when it gives none."""
    gate = next((gate for gate in grounds.tests if words(gate.run).tool in ("pytest", "unittest", "django test")), None)
    python = interpreter(gate) if gate else ("python",)
    asking = Gate(kind=GateKind.OTHER, run=python, timeout=60.0, where=gate.where if gate else ".")
    told = (json.dumps(sorted({entry.module for entry in entries})), json.dumps(sorted(declared)))
    async with grounds.checkout(grounds.head, None) as room:
        said = await run_as(asking, room, (*python, "-I", "-c", _ASK, *told), reports=("told.json",))
    try:
        heard = json.loads(said.reports["told.json"])
        return _Here(
            frozenset(heard["standard"]),
            dict(heard["brought"]),
            frozenset(heard["installed"]),
            frozenset(heard["reached"]),
        )
    except (KeyError, ValueError, TypeError):
        return None


def _of_python(entry: Imported, told: _Declared, here: _Here | None) -> Iterator[Objection]:
    if here is None:
        yield _mind(entry, "what it belongs to could not be asked", Severity.LOW)
        return
    brought = set(here.brought.get(entry.module, ()))
    if entry.module in here.standard or brought & (told.names | told.own):
        return
    shown = ", ".join(sorted(brought))
    sure = entry.sure and not told.unsure
    if brought & here.reached:
        yield _mind(entry, f"{shown} is there only because another package needs it", Severity.LOW)
    elif brought:
        why = f"it works here, where {shown} happens to be installed, and fails elsewhere"
        yield _mind(entry, why, Severity.MEDIUM if sure else Severity.LOW)
    else:
        whole = told.names <= here.installed  # then each module that is declared is known by its name
        why = "it is not installed here, and nothing that is declared brings it"
        yield _mind(entry, why, Severity.MEDIUM if sure and whole else Severity.LOW)


def _of_javascript(entry: Imported, told: _Declared) -> Iterator[Objection]:
    sure = entry.sure and not told.unsure
    why = "it works only where another package happens to bring it"
    yield _mind(entry, why, Severity.MEDIUM if sure else Severity.LOW)


def _mind(entry: Imported, why: str, severity: Severity) -> Objection:
    return minded(
        f"{NAME}/undeclared-import",
        f"{entry.module} is imported and no manifest declares it",
        entry.path,
        line_=entry.line,
        cause=f"{why}; declare it (a new dependency is a person's decision), or do without",
        deviation=Deviation.ARCHITECTURE,
        severity=severity,
    )
