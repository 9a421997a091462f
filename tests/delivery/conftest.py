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

    def commit(self, files: Mapping[str, str], on: str = "", message: str = "Work") -> str:
        """A commit on no branch that adds `files` to commit `on`."""
        index = str(self.folder.parent / "test-index")
        self.git("read-tree", *([on] if on else ["--empty"]), GIT_INDEX_FILE=index)
        for path, text in files.items():
            blob = self.git("hash-object", "-w", "--stdin", stdin=text)
            self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", GIT_INDEX_FILE=index)
        tree = self.git("write-tree", GIT_INDEX_FILE=index)
        return self.git("commit-tree", tree, *(["-p", on] if on else []), "-m", message)

    def files(self, revision: str) -> dict[str, str]:
        names = self.git("ls-tree", "-r", "--name-only", revision).splitlines()
        return {name: self.git("show", f"{revision}:{name}") + "\n" for name in names}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit on `main`, checked out."""
    folder = tmp_path / "service"
    folder.mkdir()
    repository = Repository(folder)
    repository.git("init", "--quiet", "--initial-branch=main")
    repository.git("update-ref", "refs/heads/main", repository.commit({"README.md": "A service.\n"}, message="Begin"))
    repository.git("reset", "--quiet", "--hard")
    return repository


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
        self.user.git("fetch", "--quiet", str(self.bare.folder), "+refs/heads/*:refs/forge/*")
        return self.user.commit(files, on or self.user.git("rev-parse", "refs/forge/main"))

    async def advance(self, files: Mapping[str, str]) -> str:
        sha = await self.commit(files)
        self.user.git("push", "--quiet", str(self.bare.folder), f"{sha}:refs/heads/main")
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
async def deployer_bench(forge_bench: LocalForgeBench, tmp_path: Path) -> CommandDeployerBench:
    releases = {}
    for name in "ABC":
        sha = await forge_bench.advance({"release.txt": f"release {name}\n", "step.sh": SCRIPT})
        tree = forge_bench.bare.git("rev-parse", f"{sha}^{{tree}}")
        releases[name] = Release(sha=sha, tree=tree, ticket="signup")
    return CommandDeployerBench(tmp_path / "state", forge_bench, releases)


@pytest.fixture
def make_bench(repository: Repository, tmp_path: Path) -> Callable[..., LocalForgeBench]:
    """A forge that is not there yet."""

    def make(user: Repository = repository, bare: Path = tmp_path / "forge.git") -> LocalForgeBench:
        return LocalForgeBench(user, bare)

    return make
