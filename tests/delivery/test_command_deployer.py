"""Deploys by command: what commands are told, what contains them, and what a crash leaves."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from setpoint.adapters.deployers.command import FILES_INSIDE, RELEASE_INSIDE, CommandDeployer
from setpoint.adapters.forges.bare import BareRepository
from setpoint.adapters.host import run_on_host
from setpoint.errors import ConfigError, SandboxError
from setpoint.model.command import Command, Completed, Layer
from setpoint.model.release import Environment

CHILD = Path(__file__).with_name("child.py")
PATH = {"PATH": os.environ["PATH"]}
WRITES = ("begins", "runs", "ends", "published")


@pytest.mark.parametrize("step", ["deploy", "smoke"])
@pytest.mark.parametrize("write", WRITES)
async def test_a_release_killed_before_any_write_comes_out_equal(
    deployer_bench, tmp_path: Path, step: str, write: str
) -> None:
    release = deployer_bench.releases["A"]
    environment, wanted = tmp_path / "environment.json", tmp_path / "release.json"
    environment.write_text(deployer_bench.environment.model_dump_json())
    wanted.write_text(release.model_dump_json())
    words = ("release", tmp_path / "state", deployer_bench.forge.bare.folder, environment, wanted, f"{step} {write}")
    process = await asyncio.create_subprocess_exec(sys.executable, str(CHILD), *map(str, words))
    assert await process.wait() == -signal.SIGKILL

    assert (await deployer_bench.deployer.deploy(deployer_bench.environment, release)).ok
    assert (await deployer_bench.deployer.smoke(deployer_bench.environment, release)).ok
    assert await deployer_bench.deployer.current(deployer_bench.environment) == release
    assert json.loads((deployer_bench.state.parent / "current.json").read_text())["sha"] == release.sha
    # Only a command whose result was never written down runs a second time.
    assert deployer_bench.ran().count(f"{step} A") == (2 if write == "ends" else 1)


async def test_a_torn_last_line_of_the_journal_never_happened(deployer_bench) -> None:
    release = deployer_bench.releases["A"]
    first = await deployer_bench.deployer.deploy(deployer_bench.environment, release)
    with (deployer_bench.state.parent / "steps.jsonl").open("a") as file:
        file.write('{"step":"rollback","rele')
    assert await deployer_bench.deployer.deploy(deployer_bench.environment, release) == first
    assert (await deployer_bench.deployer.smoke(deployer_bench.environment, release)).ok
    assert await deployer_bench.deployer.current(deployer_bench.environment) == release


async def test_two_who_deploy_at_once_run_it_once(deployer_bench) -> None:
    release = deployer_bench.releases["A"]
    steps = (deployer_bench.deployer.deploy(deployer_bench.environment, release) for _ in range(3))
    first, *others = await asyncio.gather(*steps)
    assert others == [first, first]
    assert deployer_bench.ran() == ["deploy A"]


async def test_commands_run_on_the_release_with_a_cleared_environment(deployer_bench) -> None:
    environment = Environment(
        name="told", deploy=("sh", "-c", "env; ls -A; cat release.txt"), smoke=("true",), rollback=("true",)
    )
    result = await deployer_bench.deployer.deploy(environment, deployer_bench.releases["B"])
    release = deployer_bench.releases["B"]
    for line in (
        f"SETPOINT_SHA={release.sha}",
        f"SETPOINT_TREE={release.tree}",
        "SETPOINT_ENVIRONMENT=told",
        "SETPOINT_PREVIOUS=",
        "release B",
    ):
        assert line in result.output.splitlines()
    assert ".git" not in result.output.splitlines()
    names = {line.partition("=")[0] for line in result.output.splitlines() if "=" in line}
    assert names <= {"PATH", "HOME", "LC_ALL", "PWD", "SHLVL", "_", "OLDPWD"} | {
        f"SETPOINT_{name}" for name in ("SHA", "TREE", "ENVIRONMENT", "STATE", "PREVIOUS")
    }


async def test_the_last_good_release_is_told(deployer_bench) -> None:
    await deployer_bench.deployer.deploy(deployer_bench.environment, deployer_bench.releases["A"])
    await deployer_bench.deployer.smoke(deployer_bench.environment, deployer_bench.releases["A"])
    told = deployer_bench.environment.model_copy(update={"deploy": ("sh", "-c", "echo was $SETPOINT_PREVIOUS")})
    result = await deployer_bench.deployer.deploy(told, deployer_bench.releases["B"])
    assert result.output == f"was {deployer_bench.releases['A'].sha}\n"


async def test_named_variables_are_passed_and_their_values_never_kept(deployer_bench, tmp_path) -> None:
    environ = {**os.environ, "DEPLOY_TOKEN": "hunter2-hunter2", "OTHER": "unseen"}
    deployer = CommandDeployer(tmp_path / "more", deployer_bench.forge.forge.checkout, NoSandbox(), environ=environ)
    environment = Environment(
        name="staging",
        deploy=("sh", "-c", "echo token $DEPLOY_TOKEN other $OTHER"),
        smoke=("true",),
        rollback=("true",),
        env=("DEPLOY_TOKEN", "ABSENT"),
    )
    result = await deployer.deploy(environment, deployer_bench.releases["A"])
    assert result.output == "token [DEPLOY_TOKEN] other\n"
    assert "hunter2" not in (tmp_path / "more" / "environments" / "staging" / "steps.jsonl").read_text()


async def test_a_command_past_its_time_is_stopped_with_its_children(deployer_bench, tmp_path: Path) -> None:
    script = f"(sleep 60 & echo $! > {tmp_path}/pid; wait)"
    environment = deployer_bench.environment.model_copy(update={"deploy": ("sh", "-c", script), "seconds": 0.3})
    result = await deployer_bench.deployer.deploy(environment, deployer_bench.releases["A"])
    assert (result.ok, result.exit_code) == (False, 124)
    status = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("steps", range(8))
async def test_a_command_that_is_cancelled_at_its_very_start_is_gone(tmp_path: Path, steps: int) -> None:
    argv = ["sh", "-c", f"echo $$ > {tmp_path}/pid; exec cat {tmp_path}/never"]
    os.mkfifo(tmp_path / "never")
    running = asyncio.create_task(run_on_host(argv, tmp_path, {"PATH": os.defpath}, seconds=60, output_bytes=1000))
    for _ in range(steps):
        await asyncio.sleep(0)
    running.cancel()
    async with asyncio.timeout(30):
        with pytest.raises(asyncio.CancelledError):
            await running
    if (tmp_path / "pid").exists() and (pid := (tmp_path / "pid").read_text().strip()):
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


async def test_a_missing_command_is_an_answer(deployer_bench) -> None:
    environment = deployer_bench.environment.model_copy(update={"deploy": ("no-such-command-here",)})
    result = await deployer_bench.deployer.deploy(environment, deployer_bench.releases["A"])
    assert (result.ok, result.exit_code) == (False, 127)
    assert "no-such-command-here" in result.output


async def test_going_back_before_anything_was_deployed_does_nothing(deployer_bench) -> None:
    assert (await deployer_bench.deployer.rollback(deployer_bench.environment, None)).ok
    assert deployer_bench.ran() == []


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a b", "../../etc"])
async def test_environment_names_stay_below_the_state_folder(tmp_path: Path, name: str) -> None:
    environment = Environment(name=name, deploy=("true",), smoke=("true",), rollback=("true",))
    bare = BareRepository(tmp_path / "forge.git")
    with pytest.raises(ConfigError):
        await CommandDeployer(tmp_path, bare.checkout, NoSandbox()).rollback(environment, None)


async def test_output_at_the_cap_is_whole_and_one_byte_more_is_said(tmp_path: Path) -> None:
    for size, whole in ((1000, True), (1001, False)):
        argv = (sys.executable, "-c", f"print('a' * {size}, end='')")
        done = await run_on_host(argv, tmp_path, PATH, seconds=20, output_bytes=1000)
        assert done.truncated is not whole
        assert ("1 bytes left out" in done.stdout) is not whole


async def test_a_background_child_that_holds_the_output_does_not_hold_the_step(tmp_path: Path) -> None:
    script = f"sleep 60 & echo $! > {tmp_path}/pid; echo done"
    done = await run_on_host(("sh", "-c", script), tmp_path, PATH, seconds=20, output_bytes=1000)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert (done.exit_code, done.stdout) == (0, "done\n")
    assert done.seconds < 10


class RecordingSandbox:
    """Keeps what it is asked to run, and runs it nowhere."""

    level = "recording"

    def __init__(self) -> None:
        self.commands: list[Command] = []

    async def run(self, command: Command) -> Completed:
        self.commands.append(command)
        return Completed(exit_code=0, stdout="", stderr="", seconds=0.0)

    def layers(self) -> tuple[Layer, ...]:
        return ()


class NoSandbox(RecordingSandbox):
    async def run(self, command: Command) -> Completed:
        raise SandboxError("cannot be built")


async def test_a_contained_environment_sees_its_release_and_its_files_and_no_network(
    deployer_bench, tmp_path: Path
) -> None:
    sandbox = RecordingSandbox()
    deployer = CommandDeployer(tmp_path / "more", deployer_bench.forge.forge.checkout, sandbox)
    contained = deployer_bench.environment.model_copy(update={"sandbox": True})
    await deployer.deploy(contained, deployer_bench.releases["A"])
    (command,) = sandbox.commands
    assert [mount.inside for mount in command.mounts] == [RELEASE_INSIDE, FILES_INSIDE]
    assert command.mounts[1].host == str(tmp_path / "more" / "environments" / "staging" / "files")
    assert command.env["SETPOINT_STATE"] == FILES_INSIDE
    assert command.network == ()
    assert command.limits.seconds == contained.seconds


async def test_a_sandbox_that_cannot_be_built_leaves_the_step_to_be_run_again(deployer_bench, tmp_path: Path) -> None:
    contained = deployer_bench.environment.model_copy(update={"sandbox": True})
    broken = CommandDeployer(tmp_path / "more", deployer_bench.forge.forge.checkout, NoSandbox())
    with pytest.raises(SandboxError):
        await broken.deploy(contained, deployer_bench.releases["A"])
    sandbox = RecordingSandbox()
    mended = CommandDeployer(tmp_path / "more", deployer_bench.forge.forge.checkout, sandbox)
    assert (await mended.deploy(contained, deployer_bench.releases["A"])).ok
    assert len(sandbox.commands) == 1
