"""Run as a process of its own: delivers a commit, or a release, and dies by SIGKILL before the write it is told."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from setpoint.adapters.deployers.command import CommandDeployer
from setpoint.adapters.forges.local import LocalForge
from setpoint.model.release import CiRun, CiState, Environment, Release


def dies_at(point: str) -> Callable[[str], None]:
    def checkpoint(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return checkpoint


async def deliver(bare: Path, repository: Path, sha: str, notes: Path, point: str) -> None:
    async def judge(commit: str, base: str) -> CiRun:
        with notes.open("a") as file:
            file.write(f"{commit}\n")
        return CiRun(sha=commit, state=CiState.GREEN)

    forge = LocalForge(bare, repository, judge, checkpoint=dies_at(point))
    await forge.ensure("main")
    await forge.push("setpoint/signup", sha)
    pull = await forge.open("setpoint/signup", "main", "Sign up", "What and why.")
    await forge.checks(pull)
    await forge.merge(pull, sha, "Sign up")


async def release(state: Path, bare: Path, environment: Path, wanted: Path, point: str) -> None:
    async def judge(commit: str, base: str) -> CiRun:
        return CiRun(sha=commit, state=CiState.GREEN)

    forge = LocalForge(bare, bare, judge)
    place = Environment.model_validate_json(environment.read_bytes())
    what = Release.model_validate_json(wanted.read_bytes())
    deployer = CommandDeployer(state, forge.checkout, NoSandbox(), environ=os.environ, checkpoint=dies_at(point))
    await deployer.deploy(place, what)
    await deployer.smoke(place, what)


class NoSandbox:
    level = "none"


if __name__ == "__main__":
    _, task, *words = sys.argv
    if task == "deliver":
        bare, repository, sha, notes, point = words
        asyncio.run(deliver(Path(bare), Path(repository), sha, Path(notes), point))
    else:
        state, bare, environment, wanted, point = words
        asyncio.run(release(Path(state), Path(bare), Path(environment), Path(wanted), point))
