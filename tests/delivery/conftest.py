"""A user's repository with real git, and a local forge beside it."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from setpoint.adapters.deployers.command import CommandDeployer
from setpoint.adapters.forges.local import LocalForge
from setpoint.errors import SandboxError
from setpoint.model.command import Command, Completed, Layer
from setpoint.model.release import CiRun, CiState, Environment, Release

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": "Ada" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "ada@localhost" for role in ("AUTHOR", "COMMITTER")},
}


class Repository:
    """A git repository as its owner uses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def git(self, *words: str, stdin: str = "", **env: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.folder), *words],
            input=stdin,
            env={**ENVIRONMENT, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
        return done.stdout.rstrip("\n")

    def commit(self, files: Mapping[str, str], on: str = "", message: str = "Work", **env: str) -> str:
        """A commit on no branch that adds `files` to commit `on`."""
        lines = [
            "commit refs/scratch",
            "mark :1",
            "committer Ada <ada@localhost> 1767225600 +0000",
            f"data <<.\n{message}\n.",
        ]
        lines += [f"from {on}"] if on else []
        lines += [f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}" for path, text in files.items()]
        nothing = "0" * (64 if self.git("rev-parse", "--show-object-format") == "sha256" else 40)
        lines += ["", "get-mark :1", "reset refs/scratch", f"from {nothing}", ""]
        return self.git("fast-import", "--quiet", "--force", stdin="\n".join(lines), **env)

    def files(self, revision: str) -> dict[str, str]:
        names = self.git("ls-tree", "-r", "--name-only", revision).splitlines()
        return {name: self.git("show", f"{revision}:{name}") + "\n" for name in names}


def begun(folder: Path, *, names: str = "sha1") -> Repository:
    """A repository with one commit on `main`, checked out; objects are named by the hash `names`."""
    folder.mkdir()
    repository = Repository(folder)
    repository.git("init", "--quiet", "--initial-branch=main", f"--object-format={names}")
    repository.git("update-ref", "refs/heads/main", repository.commit({"README.md": "A service.\n"}, message="Begin"))
    repository.git("reset", "--quiet", "--hard")
    return repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit on `main`, checked out."""
    return begun(tmp_path / "service")


@pytest.fixture
async def sha256_bench(tmp_path: Path) -> "LocalForgeBench":
    """A forge beside a repository whose objects are named by SHA-256."""
    bench = LocalForgeBench(begun(tmp_path / "service", names="sha256"), tmp_path / "forge.git")
    await bench.forge.ensure("main")
    return bench


class LocalForgeBench:
    """The forge contract's hands on a local forge."""

    base = "main"

    def __init__(self, repository: Repository, bare: Path) -> None:
        self.verdict = CiState.GREEN
        self.judged: list[Mapping[str, str]] = []
        self.user = repository
        self.bare = Repository(bare)
        self.forge = LocalForge(bare, repository.folder, self.judge)

    async def judge(self, commit: str, base: str) -> CiRun:
        self.judged.append(self.bare.files(commit))
        return CiRun(sha=commit, state=self.verdict, log=f"judged by the rules of {base}")

    async def commit(self, files: Mapping[str, str], on: str = "") -> str:
        shared = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self.bare.folder / "objects")}
        return self.user.commit(files, on or self.bare.git("rev-parse", "main"), **shared)

    async def advance(self, files: Mapping[str, str]) -> str:
        sha = self.bare.commit(files, self.bare.git("rev-parse", "main"))
        self.bare.git("update-ref", "refs/heads/main", sha)
        return sha

    async def files(self) -> Mapping[str, str]:
        return self.bare.files("main")

    async def message(self, sha: str) -> str:
        return self.bare.git("log", "-1", "--format=%B", sha)


@pytest.fixture
async def forge_bench(repository: Repository, tmp_path: Path) -> LocalForgeBench:
    bench = LocalForgeBench(repository, tmp_path / "forge.git")
    await bench.forge.ensure("main")
    return bench


SCRIPT = """
set -eu
echo "$1 ${SETPOINT_SHA:-nothing}" >> "$SETPOINT_STATE/ran"
cat release.txt
test ! -e "$SETPOINT_STATE/fail-$1-$SETPOINT_SHA"
"""


class CommandDeployerBench:
    """The deployer contract's hands on real commands."""

    def __init__(self, state: Path, forge: LocalForgeBench, releases: dict[str, Release]) -> None:
        self.environment = Environment(
            name="staging",
            deploy=("sh", "step.sh", "deploy"),
            smoke=("sh", "step.sh", "smoke"),
            rollback=("sh", "step.sh", "rollback"),
            seconds=20.0,
        )
        self.releases = releases
        self.state = state / "environments" / "staging" / "files"
        self.forge = forge
        self.deployer = CommandDeployer(state, forge.forge.checkout, NoSandbox(), environ=os.environ)

    def fail(self, step: str, release: str) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        (self.state / f"fail-{step}-{self.releases[release].sha}").touch()

    def ran(self) -> list[str]:
        text = (self.state / "ran").read_text() if (self.state / "ran").is_file() else ""
        for name, release in self.releases.items():
            text = text.replace(release.sha, name)
        return text.splitlines()


class NoSandbox:
    """A sandbox that cannot be built; deploys on the host must not need one."""

    level = "none"

    async def run(self, command: Command) -> Completed:
        raise SandboxError("no sandbox here")

    def layers(self) -> tuple[Layer, ...]:
        return ()


@pytest.fixture
def make_bench(repository: Repository, tmp_path: Path) -> Callable[..., LocalForgeBench]:
    """A forge that is not there yet."""

    def make(user: Repository = repository, bare: Path = tmp_path / "forge.git") -> LocalForgeBench:
        return LocalForgeBench(user, bare)

    return make


@pytest.fixture
async def deployer_bench(
    repository: Repository, make_bench: Callable[..., LocalForgeBench], tmp_path: Path
) -> CommandDeployerBench:
    sha = repository.git("rev-parse", "main")
    shas = []
    for name in "ABC":
        sha = repository.commit({"release.txt": f"release {name}\n", "step.sh": SCRIPT}, on=sha)
        shas.append(sha)
    repository.git("update-ref", "refs/heads/main", sha)
    trees = repository.git("rev-parse", *(f"{sha}^{{tree}}" for sha in shas)).split()
    releases = {
        name: Release(sha=sha, tree=tree, ticket="signup") for name, sha, tree in zip("ABC", shas, trees, strict=True)
    }
    forge = make_bench()
    await forge.forge.ensure("main")
    return CommandDeployerBench(tmp_path / "state", forge, releases)
