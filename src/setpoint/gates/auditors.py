"""Who looks the packages of a lock file up among known vulnerabilities, and whom that asks."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import ConfigError
from ..model.evidence import GateKind
from ..model.gate import Candidate, Gate
from ..model.network import HTTPS, destination
from ..ports import Room
from .commands import in_shell
from .package import UnreadableError
from .package_locks import LOCKS
from .project import Project
from .projects import nested
from .words import words

REASON = 'unaudited = "…" under [checks]'
"""Where the decision to look nothing up stands."""
NOT_AUDITED = "packages are not looked up among known vulnerabilities"
_NPM, _OSV, _PYPI = "registry.npmjs.org", "api.osv.dev", "pypi.org"
_PYTHON = frozenset(("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock"))
_REQUIREMENTS = "requirements.txt"
_ALL = frozenset((*LOCKS, _REQUIREMENTS))
_READS: Mapping[str, frozenset[str]] = {
    "npm audit": frozenset(("package-lock.json", "npm-shrinkwrap.json")),
    "pnpm audit": frozenset(("pnpm-lock.yaml",)),
    "yarn npm audit": frozenset(("yarn.lock",)),
    "uv audit": frozenset(("uv.lock",)),
    "pip-audit": _PYTHON | {_REQUIREMENTS},
    "osv-scanner": _ALL,
}
"""What each auditor reads. pip-audit asks about an environment, which is one of the lock files' making."""
_OWN_ENTRY: Mapping[str, str] = {
    "uv.lock": r'source = \{ (?:virtual|editable) = "\." \}',
    **dict.fromkeys(("package-lock.json", "npm-shrinkwrap.json"), r'"packages":\s*\{\s*"":'),
}
"""How a lock file lists the project that it belongs to."""


Hosts = tuple[str, ...]


def _registry(project: Project) -> Hosts:
    """The registry that npm and pnpm ask, by `.npmrc`."""
    return (_host(project.text(".npmrc"), r"^registry\s*=\s*(\S+)", _NPM),)


def _berry(project: Project) -> Hosts:
    """The registry that yarn asks, by `.yarnrc.yml`."""
    told = project.text(".yarnrc.yml")
    usual = _host(told, r"^npmRegistryServer:\s*[\"']?([^\s\"']+)", "registry.yarnpkg.com")
    return (_host(told, r"^npmAuditRegistry:\s*[\"']?([^\s\"']+)", usual),)


def _indexes(project: Project) -> Hosts:
    """uv asks the advisories, and each index that its lock names what became of the projects."""
    named = sorted(set(re.findall(r"registry = \"(https?://[^\"]+)\"", project.text("uv.lock"))))
    return tuple(dict.fromkeys((_OSV, *(_host(each, r"(.*)", _PYPI) for each in named[:4] or ("",)))))


def _host(text: str, pattern: str, usual: str) -> str:
    """The host that `text` names where the pattern finds an address; `usual` where it names none that a gate can."""
    found = re.search(pattern, text, re.MULTILINE)
    try:
        at = urlsplit(found[1]) if found else urlsplit("")
        port = at.port or {"http": 80}.get(at.scheme, HTTPS)
        named = (at.hostname or "") if port == HTTPS else f"{at.hostname}:{port}"
        return named if destination(named) else usual
    except ValueError:
        return usual


@dataclass(frozen=True)
class _Auditor:
    """How one kind of lock file is audited."""

    lock: str
    run: tuple[str, ...]
    hosts: Callable[[Project], Hosts]
    fits: Callable[[Project], bool] = lambda _project: True
    """Whether it can read the lock file that is there."""


def _pinned(project: Project) -> bool:
    """Whether requirements name exactly one version each, and so say what is installed."""
    lines = [line.split("#")[0].strip() for line in project.text(_REQUIREMENTS).replace("\\\n", " ").splitlines()]
    wanted = [line for line in lines if line and not line.startswith("--hash")]
    return bool(wanted) and all(re.match(r"[\w.\-\[\], ]+==", line) for line in wanted)


def _is_berry(project: Project) -> bool:
    """The first yarn's own audit prints what nothing here reads."""
    return project.has(".yarnrc.yml") or "__metadata:" in project.text("yarn.lock")


def _osv(_project: Project) -> Hosts:
    return (_OSV,)


def _pypi(_project: Project) -> Hosts:
    return (_PYPI,)


_AUDITORS = (
    _Auditor("package-lock.json", ("npm", "audit"), _registry),
    _Auditor("npm-shrinkwrap.json", ("npm", "audit"), _registry),
    _Auditor("pnpm-lock.yaml", ("pnpm", "audit"), _registry),
    _Auditor("yarn.lock", ("yarn", "npm", "audit", "--all", "--recursive"), _berry, _is_berry),
    _Auditor("uv.lock", ("uv", "audit", "--frozen"), _indexes),
    _Auditor(
        _REQUIREMENTS,
        ("pip-audit", "--disable-pip", "--no-deps", "-r", _REQUIREMENTS),
        _pypi,
        _pinned,
    ),
    *(
        _Auditor(name, ("osv-scanner", f"--lockfile={name}"), _osv)
        for name in ("yarn.lock", *sorted(_PYTHON - {"uv.lock"}))
    ),
)
"""The first that fits a lock file reads it."""

_ASKED: Mapping[str, Callable[[Project], Hosts]] = {
    **{"npm audit": _registry, "pnpm audit": _registry, "yarn npm audit": _berry},
    **{"uv audit": _indexes, "pip-audit": _pypi, "osv-scanner": _osv},
}


def audits(argv: Sequence[str]) -> bool:
    """Whether a command looks packages up among known vulnerabilities."""
    return any(re.search(r"(?:^|[/-])(?:audit|osv-scanner)$", word) for word in argv)


def unread(gates: Iterable[Gate], root: Path) -> tuple[str, ...]:
    """Lock files, relative to the repository, that no gate looks up: at its root, and where its gates run."""
    gates = tuple(gates)
    reading = [gate for gate in gates if audits(gate.run)]
    found = []
    for where in sorted({".", *(gate.where for gate in gates)}):
        project = Project(root, where)
        for name in _locks(project):
            if not any(_reads(gate, where, name) for gate in reading):
                found.append(project.at(name))
    return tuple(found)


def _locks(project: Project) -> list[str]:
    """Files of the folder that say which packages are installed, and that some auditor reads."""
    return list(dict.fromkeys(each.lock for each in _AUDITORS if _there(each, project)))


def _there(auditor: _Auditor, project: Project) -> bool:
    return project.has(auditor.lock) and auditor.fits(project) and not _alone(project, auditor.lock)


def _alone(project: Project, name: str) -> bool:
    """Whether a lock file lists its own project and no package: an auditor would examine nothing."""
    text = project.text(name)
    if name not in _OWN_ENTRY or not re.search(_OWN_ENTRY[name], text):
        return False
    try:
        return not LOCKS[name](text).packages
    except UnreadableError:
        return False


def _reads(gate: Gate, where: str, name: str) -> bool:
    tool = words(gate.run).tool
    if tool not in _READS:  # a target or a script of that name: what it reads is its own business
        return True
    below = tool == "osv-scanner" and not any("-lockfile" in word or word == "-L" for word in gate.run)
    return name in _READS[tool] and (gate.where == where or (below and gate.where == "."))


def apart(root: Path, candidates: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """`candidates` without those that audit, and audits with the hosts they ask: the repository's own first, then one
    for each lock file that is left. Nothing is asked here."""
    own = [one for one in candidates if words(one.gate.run).tool in _READS]
    found = [_asking(one, Project(root, one.gate.where)) for one in own]
    below, _ = nested(Project(root))
    for project in (Project(root), *below.values()):
        for name in _locks(project):
            if any(_reads(one.gate, project.where, name) for one in found):
                continue
            auditor = next(each for each in _AUDITORS if each.lock == name and _there(each, project))
            found.append(_proposal(auditor, project, {one.name for one in (*candidates, *found)}))
    return tuple(one for one in candidates if one not in own), tuple(found)


def _proposal(auditor: _Auditor, project: Project, taken: set[str]) -> Candidate:
    name = "audit" if project.where == "." else f"{project.where.replace('/', '-')}-audit"
    name = name if name not in taken else f"{name}-{auditor.lock.partition('.')[0]}"
    made = project.candidate(name, GateKind.SECURITY, auditor.run, project.at(auditor.lock))
    return made.model_copy(update={"gate": made.gate.model_copy(update={"network": auditor.hosts(project)})})


def _asking(candidate: Candidate, project: Project) -> Candidate:
    """`candidate` with the host of its tool's advisories, where it names none."""
    if candidate.gate.network or "--offline" in candidate.gate.run:
        return candidate
    hosts = _ASKED[words(candidate.gate.run).tool](project)
    return candidate.model_copy(update={"gate": candidate.gate.model_copy(update={"network": hosts})})


async def there(room: Room, gate: Gate) -> bool:
    """Whether the sandbox has the gate's program, as the gate would find it."""
    asked = gate.model_copy(update={"run": ("sh", "-c", 'command -v "$1"', "sh", gate.run[0])})
    return (await room.run(in_shell(asked))).exit_code == 0


def _programs(locks: Iterable[str], root: Path) -> str:
    """The programs that would audit these lock files."""
    found = dict.fromkeys(
        each.run[0]
        for lock in map(Path, locks)
        for each in [
            one for one in _AUDITORS if one.lock == lock.name and _there(one, Project(root, str(lock.parent)))
        ][:1]
    )
    return " and ".join(found)


def require_decided(gates: Iterable[Gate], unaudited: str, root: Path) -> str:
    """Why lock files that no gate looks up may stay so; empty when there is none. Raises ConfigError when nobody has
    said."""
    left = unread(gates, root)
    if left and not unaudited:
        raise ConfigError(
            f"nothing looks the packages of {', '.join(left[:4])} up among known vulnerabilities",
            why="to leave that out is a decision, and nobody has taken it",
            fix=f"install {_programs(left, root)} where the sandbox looks, and `setpoint init --yes` writes the gate; "
            f"or say in setpoint.toml why not: {REASON}",
        )
    return unaudited if left else ""
