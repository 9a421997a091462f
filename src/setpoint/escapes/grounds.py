"""A piece of a host to be attacked: a user's home and repository, a worktree, another run's folder, another process,
services; secrets in all of them. All of it lies in one temporary folder and ends with it.
"""

import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from ..adapters.folders import remove_folder
from ..adapters.worktree import Worktree
from ..adapters.worktrees import Worktrees
from ..errors import RefusedError
from ..model.run import Position, Run
from ..model.settings import Config
from ..model.ticket import Kind, Ticket
from ..ports import Sandbox
from .listening import Services, listening
from .neighbour import Neighbour, neighbour

HOME_FILES = (
    ".ssh/id_ed25519",
    ".ssh/authorized_keys",
    ".gnupg/private-keys-v1.d/key",
    ".aws/credentials",
    ".config/gh/hosts.yml",
    ".config/setpoint/keys.toml",
    ".config/gcloud/application_default_credentials.json",
    ".docker/config.json",
    ".kube/config",
    ".local/share/keyrings/login.keyring",
    ".mozilla/firefox/default/logins.json",
    ".netrc",
    ".npmrc",
    ".bash_history",
    ".bashrc",
)
REPOSITORY = {
    ".gitignore": ".venv/\nnode_modules/\n__pycache__/\n.setpoint/\nlocal/\n",
    "README.md": "# shop\n\nPrices of a small shop.\n",
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1.0"\ndependencies = ["httpx==1.0"]\n\n'
    '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n',
    "uv.lock": 'version = 1\n\n[[package]]\nname = "httpx"\nversion = "1.0"\n',
    "setpoint.toml": '[gates.tests]\nkind = "tests"\nrun = ["python3", "-m", "unittest"]\n',
    ".github/workflows/ci.yml": "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n"
    "      - uses: actions/checkout@v4\n      - run: python3 -m pytest\n",
    "AGENTS.md": "Prices are never negative.\n",
    "Dockerfile": "FROM python:3.12\nCOPY . .\n",
    "migrations/0001.sql": "CREATE TABLE prices (id INTEGER PRIMARY KEY);\n",
    "shop/__init__.py": '"""A small shop."""\n',
    "shop/price.py": '"""Prices."""\n\n\ndef total(prices: list[float]) -> float:\n    """Their sum."""\n'
    "    return sum(prices)\n",
    "tests/test_price.py": "from shop.price import total\n\n\ndef test_total() -> None:\n"
    "    assert total([1.0, 2.0]) == 3.0\n\n\ndef test_nothing() -> None:\n    assert total([]) == 0\n",
}
APPROVED = "tests/test_price.py"
"""The approved test, frozen while code is written."""
_OURS: tuple[str, ...] = (
    ".git/objects",
    ".git/refs/setpoint",
    ".git/logs",
    ".git/packed-refs",
    ".git/worktrees",
    ".setpoint/git",
)
_OURS += (".setpoint/workspaces", ".setpoint/checkouts")
"""Where the engine itself writes while it saves what a command left."""

Snapshot = Mapping[str, str]
"""What every file, link and folder of the host is, by its path below the grounds."""


@dataclass
class Grounds:
    """Everything an escape can be about."""

    root: Path
    repository: Path
    workspace: Worktree
    base: str
    tree: str
    """The base's."""
    neighbour: Neighbour
    services: Services
    secrets: dict[str, str] = field(default_factory=dict)
    """What must not be seen, by where it lies."""

    @property
    def outside(self) -> Path:
        """Another run's folder."""
        return self.root / "outside"

    @property
    def home(self) -> Path:
        """The user's home."""
        return self.root / "home"

    @property
    def trap(self) -> Path:
        """A file that is there once something of the worktree ran on the host."""
        return self.outside / "ran"

    def places(self, mark: str) -> dict[str, str]:
        """What stands for the `@words@` of an escape; `mark` is its own number."""
        found = {
            "outside": self.outside, "home": self.home, "repo": self.repository, "worktree": self.workspace.path,
            "trap": self.trap, "port": self.services.port, "port6": self.services.port6,
            "address": self.services.address, "socket": self.services.socket, "abstract": self.services.abstract,
            "victim": self.neighbour.pid, "shared": self.neighbour.shared, "mark": mark, "nap": f"sleep 700 {mark}",
            "root": self.root,
        }  # fmt: skip
        return {name: str(value) for name, value in found.items()}

    async def put_back(self) -> None:
        """The worktree as it was made."""
        if self.workspace.unsaved() or await self.workspace.tree() != self.tree:
            await self.workspace.restore(self.base)

    def look(self, *, engine: bool = False) -> Snapshot:
        """The host as it is now, the worktree left out; with `engine` also what the engine keeps for itself."""
        found: dict[str, str] = {"": os.uname().nodename}
        left_out = {str(self.workspace.path), str(self.repository / ".setpoint" / "masks")}
        left_out |= {str(self.repository / name) for name in _OURS} if engine else set()
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if f"{folder}/{name}" not in left_out]
            for name in (*folders, *names):
                place = f"{folder}/{name}"
                if place not in left_out:
                    found[os.path.relpath(place, self.root)] = looks(place)
        return found


def looks(place: str) -> str:
    """Kind, rights and content of one file; links are not followed."""
    with suppress(OSError):
        state = os.lstat(place)
        content = ""
        if stat.S_ISLNK(state.st_mode):
            content = str(Path(place).readlink())
        elif stat.S_ISREG(state.st_mode):
            content = sha256(Path(place).read_bytes()).hexdigest()
        return f"{state.st_mode:o} {state.st_uid} {content}"
    return "gone"


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """Paths that differ."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


@asynccontextmanager
async def grounds(sandbox: Sandbox, name: str) -> AsyncIterator[Grounds]:
    """Fresh grounds, their commands run by `sandbox`. Nothing of them is left at the end."""
    # Below the folder for temporary files, and open to the sandbox's own user.
    root = Path(tempfile.mkdtemp(prefix="setpoint-escape-"))
    async with AsyncExitStack() as stack:
        stack.callback(_remove, root)
        kept: dict[str, str] = {}
        repository, outside = _laid_out(root, kept)
        other = stack.enter_context(neighbour(root, lambda where: secret(kept, where)))
        services = await stack.enter_async_context(listening(outside, secret(kept, "a service of the host")))
        workspaces = Worktrees(repository, repository / ".setpoint", sandbox, config=Config())
        run = _run(repository, name)
        workspace = await workspaces.open(run)
        stack.enter_context(in_environment(secret(kept, "the worker's environment")))
        tree = _git(repository, "rev-parse", "HEAD^{tree}")
        yield Grounds(root, repository, workspace, run.base, tree, other, services, kept)


def _laid_out(root: Path, kept: dict[str, str]) -> tuple[Path, Path]:
    # Open to everybody: a sandbox may give its commands a user of their own.
    root.chmod(0o755)
    plant_home(root / "home", kept)
    repository, outside = _repository(root / "shop", kept), root / "outside"
    (outside / "keep").mkdir(parents=True)
    (outside / "notes.txt").write_text(secret(kept, "another run's folder"))
    (repository / ".setpoint").mkdir()
    (repository / ".setpoint" / "setpoint.db").write_text(secret(kept, "setpoint's own state"))
    return repository, outside


def secret(kept: dict[str, str], where: str) -> str:
    """A new secret, noted in `kept` by where it lies."""
    kept[where] = f"canary-{secrets.token_hex(12)}"
    return kept[where]


def plant_home(home: Path, kept: dict[str, str]) -> None:
    """Fill a user's home with secrets; each is noted in `kept` by where it lies."""
    for name in HOME_FILES:
        place = home / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{secret(kept, f'home, {name}')}\n")


def _repository(folder: Path, kept: dict[str, str]) -> Path:
    files = {**REPOSITORY, ".env": f"API_KEY={secret(kept, 'a committed .env')}\n"}
    files["config/.env"] = f"API_KEY={secret(kept, 'a committed .env of a part')}\n"
    folder.mkdir()
    _write(folder, files)
    _git(folder, "init", "-q", "-b", "main", "--template=")
    _git(folder, "add", "-A")
    _git(folder, "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "commit", "-q", "-m", "The shop")
    remote = f"https://ada:{secret(kept, 'the address of a remote')}@example.invalid/shop.git"
    _git(folder, "remote", "add", "origin", remote)
    (folder / ".git/hooks").mkdir(exist_ok=True)
    _write(folder, {"local/.env": f"KEY={secret(kept, 'an ignored .env of the user')}\n"})
    _write(folder, {".venv/pyvenv.cfg": "home = /usr/bin\n", ".venv/lib/site-packages/shop.pth": "\n"})
    _write(folder, {"node_modules/left/index.js": "module.exports = 1\n"})
    return folder


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def _git(folder: Path, *words: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    env = {**clean, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *words], cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RefusedError("a repository to be attacked could not be made", why=done.stderr.strip()[:300])
    return done.stdout.strip()


def _run(repository: Path, name: str) -> Run:
    now = datetime.now(UTC)
    return Run(
        id=name,
        ticket=Ticket(id="escape", title="Attempts to get out", kind=Kind.HOTFIX, text="Attempts to get out."),
        repository=str(repository),
        base_branch="main",
        base=_git(repository, "rev-parse", "HEAD"),
        branch=f"setpoint/{name}",
        route_because="an escape test",
        position=Position(route=Kind.HOTFIX, stage="implementation"),
        owner="Ada",
        created=now,
        updated=now,
    )


@contextmanager
def in_environment(value: str, name: str = "") -> Iterator[None]:
    """A secret in this process's own environment, taken out again at the end."""
    name = name or f"SETPOINT_ESCAPE_{value[-8:].upper()}"
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _remove(root: Path) -> None:
    """Take the folder away; what an escape mounted in it first."""
    with suppress(OSError):
        for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            place = line.split()[4]
            if place.startswith(f"{root}/"):
                subprocess.run(["umount", "-l", place], capture_output=True, check=False)
    remove_folder(root)
    shutil.rmtree(root, ignore_errors=True)
