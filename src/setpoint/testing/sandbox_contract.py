"""What every sandbox promises, as tests. A subclass gives the fixtures `sandbox` and `folder`."""

import asyncio
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ..model.command import Command, CommandLimits, Completed, Mount
from ..ports import Sandbox

INTERPRETER = Path(os.path.realpath(sys.executable))
QUICK = CommandLimits(seconds=20, memory_mib=256, processes=64, disk_mib=16, files=200, output_bytes=10_000)


def command(folder: Path, *argv: str, limits: CommandLimits = QUICK, **more: object) -> Command:
    """`argv` in `folder`, which is writable at its own path."""
    mounts = [Mount(host=str(folder), inside=str(folder), writable=True)]
    if not INTERPRETER.is_relative_to("/usr"):
        mounts.append(Mount(host=str(INTERPRETER.parents[1]), inside=str(INTERPRETER.parents[1])))
    return Command.model_validate({"argv": argv, "mounts": mounts, "cwd": str(folder), "limits": limits, **more})


def shell(folder: Path, script: str, limits: CommandLimits = QUICK, **more: object) -> Command:
    """A shell script in `folder`."""
    return command(folder, "sh", "-c", script, limits=limits, **more)


def python(folder: Path, program: str, limits: CommandLimits = QUICK, **more: object) -> Command:
    """A program in `folder` for the interpreter that runs this one."""
    return command(folder, str(INTERPRETER), "-I", "-c", program, limits=limits, **more)


def nap() -> str:
    """A `sleep` of minutes that no other process of this machine has."""
    return f"sleep 700 0.{secrets.randbelow(10**12):012}"


def running(nap: str) -> Sequence[int]:
    """Processes of this machine that sleep `nap`."""
    words = nap.replace(" ", "\0").encode()
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdigit() and (process / "cmdline").read_bytes().startswith(words):
                found.append(int(process.name))
    return found


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class SandboxContract:
    """Inherited by the tests of every level."""

    async def test_a_failing_command_is_an_answer(self, sandbox: Sandbox, folder: Path) -> None:
        done = await sandbox.run(shell(folder, "echo out; echo err >&2; exit 3"))
        assert (done.exit_code, done.stdout, done.stderr) == (3, "out\n", "err\n")
        assert (done.level, done.killed, done.truncated, done.timed_out) == (sandbox.level, "", False, False)

    async def test_an_unknown_command_is_127_and_a_file_that_is_no_program_126(
        self, sandbox: Sandbox, folder: Path
    ) -> None:
        (folder / "plain").write_text("text")
        assert (await sandbox.run(command(folder, "no-such-program"))).exit_code == 127
        assert (await sandbox.run(command(folder, "./plain"))).exit_code == 126

    async def test_a_command_ended_by_a_signal_says_which(self, sandbox: Sandbox, folder: Path) -> None:
        assert (await sandbox.run(shell(folder, "kill -TERM $$"))).exit_code == 143

    async def test_words_reach_the_command_as_they_are(self, sandbox: Sandbox, folder: Path) -> None:
        words = ("a b", "$HOME", "*", "'", "", "é\n")
        done = await sandbox.run(command(folder, "printf", "%s|", *words))
        assert done.stdout == "".join(f"{word}|" for word in words)

    async def test_input_arrives_whole_and_may_be_left_unread(self, sandbox: Sandbox, folder: Path) -> None:
        text = "x" * 300_000
        assert (await sandbox.run(command(folder, "wc", "-c", stdin=text))).stdout.strip() == "300000"
        assert (await sandbox.run(command(folder, "true", stdin=text))).exit_code == 0

    async def test_the_workers_environment_stays_outside(self, sandbox: Sandbox, folder: Path) -> None:
        done = await sandbox.run(command(folder, "env", env={"GIVEN": "yes"}))
        names = {line.partition("=")[0] for line in done.stdout.splitlines()}
        assert "GIVEN=yes" in done.stdout.splitlines()
        assert names - {"_", "PWD", "OLDPWD", "SHLVL", "SETPOINT_COMMAND", "GIT_CEILING_DIRECTORIES"} == {
            *("HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "TERM", "PATH", "GIVEN")
        }

    async def test_the_home_folder_is_private_and_gone_afterwards(self, sandbox: Sandbox, folder: Path) -> None:
        first = await sandbox.run(shell(folder, "echo kept > ~/note && cat ~/note"))
        second = await sandbox.run(shell(folder, "ls -A ~"))
        assert (first.stdout, second.stdout) == ("kept\n", "")

    async def test_what_is_written_in_the_folder_stays(self, sandbox: Sandbox, folder: Path) -> None:
        await sandbox.run(shell(folder, "mkdir a && echo b > a/c"))
        assert (folder / "a" / "c").read_text() == "b\n"

    async def test_output_above_the_limit_keeps_its_two_ends(self, sandbox: Sandbox, folder: Path) -> None:
        limits = QUICK.model_copy(update={"output_bytes": 1000})
        script = "printf first; head -c 10000000 /dev/zero | tr '\\0' x; printf last"
        done = await sandbox.run(shell(folder, script, limits))
        assert done.exit_code == 0
        assert done.truncated
        assert done.stdout.startswith("first")
        assert done.stdout.endswith("last")
        assert "… 9999009 bytes left out …" in done.stdout
        assert len(done.stdout) < 1100

    async def test_output_at_the_limit_is_whole(self, sandbox: Sandbox, folder: Path) -> None:
        limits = QUICK.model_copy(update={"output_bytes": 1001})
        done = await sandbox.run(shell(folder, "head -c 1001 /dev/zero | tr '\\0' x", limits))
        assert (len(done.stdout), done.truncated) == (1001, False)

    async def test_time_up_is_124_and_ends_all_its_processes(self, sandbox: Sandbox, folder: Path) -> None:
        rest = nap()
        limits = QUICK.model_copy(update={"seconds": 0.4})
        started = time.monotonic()
        done = await sandbox.run(shell(folder, f"echo begun; setsid {rest} & {rest}", limits))
        assert (done.exit_code, done.killed, done.timed_out, done.stdout) == (124, "time", True, "begun\n")
        assert time.monotonic() - started < 5
        assert running(rest) == []

    async def test_a_command_that_ignores_signals_ends_in_time(self, sandbox: Sandbox, folder: Path) -> None:
        rest = nap()
        limits = QUICK.model_copy(update={"seconds": 0.4})
        done = await sandbox.run(shell(folder, f"trap '' TERM INT HUP; while :; do {rest}; done", limits))
        assert done.exit_code == 124
        assert running(rest) == []

    async def test_no_background_process_outlives_its_command(self, sandbox: Sandbox, folder: Path) -> None:
        rest = nap()
        done = await sandbox.run(shell(folder, f"setsid {rest} >/dev/null 2>&1 & ({rest} &) & exit 5"))
        assert done.exit_code == 5
        assert running(rest) == []

    async def test_a_daemon_that_holds_the_output_open_holds_nobody_up(self, sandbox: Sandbox, folder: Path) -> None:
        rest = nap()
        started = time.monotonic()
        done = await sandbox.run(shell(folder, f"setsid {rest} & echo done"))
        assert (done.exit_code, done.stdout) == (0, "done\n")
        assert time.monotonic() - started < 5
        assert running(rest) == []

    async def test_cancelling_ends_all_its_processes(self, sandbox: Sandbox, folder: Path) -> None:
        rest = nap()
        task = asyncio.create_task(sandbox.run(shell(folder, f"touch begun; setsid {rest} & {rest}")))
        await _appears(folder / "begun")
        task.cancel()
        outcome = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(outcome[0], asyncio.CancelledError)
        assert running(rest) == []

    async def test_memory_above_the_limit_is_refused(self, sandbox: Sandbox, folder: Path) -> None:
        limits = QUICK.model_copy(update={"memory_mib": 64})
        done = await sandbox.run(python(folder, "b = bytearray(400_000_000); print(len(b))", limits))
        assert done.exit_code != 0
        assert done.stdout == ""

    async def test_memory_below_the_limit_is_given(self, sandbox: Sandbox, folder: Path) -> None:
        done = await sandbox.run(python(folder, "b = bytearray(100_000_000); print(len(b))"))
        assert done.stdout == "100000000\n"

    async def test_a_file_at_the_disk_limit_is_fine_and_one_above_is_not(self, sandbox: Sandbox, folder: Path) -> None:
        limits = QUICK.model_copy(update={"disk_mib": 2})
        fine = await sandbox.run(shell(folder, "head -c 2000000 /dev/urandom > fine", limits))
        assert (fine.exit_code, fine.killed) == (0, "")
        over = await sandbox.run(shell(folder, "head -c 4000000 /dev/urandom > over", limits))
        assert (over.exit_code, over.killed) == (137, "disk")
        assert (folder / "over").stat().st_size < 2_200_000

    async def test_many_files_that_together_pass_the_disk_limit_end_it(self, sandbox: Sandbox, folder: Path) -> None:
        limits = QUICK.model_copy(update={"disk_mib": 4})
        script = "i=0; while :; do i=$((i+1)); head -c 200000 /dev/urandom > f$i; done"
        done = await sandbox.run(shell(folder, script, limits))
        assert (done.exit_code, done.killed) == (137, "disk")

    async def test_too_many_files_end_it(self, sandbox: Sandbox, folder: Path) -> None:
        done = await sandbox.run(shell(folder, "i=0; while :; do i=$((i+1)); : > f$i; done"))
        assert (done.exit_code, done.killed) == (137, "files")

    async def test_it_can_be_waited_for_from_a_loop_in_any_thread(self, sandbox: Sandbox, folder: Path) -> None:
        found: list[Completed] = []

        def work() -> None:
            found.append(asyncio.run(sandbox.run(shell(folder, "echo here"))))

        thread = threading.Thread(target=work)
        thread.start()
        await asyncio.to_thread(thread.join)
        assert [done.stdout for done in found] == ["here\n"]

    async def test_commands_run_side_by_side_and_the_loop_goes_on(self, sandbox: Sandbox, folder: Path) -> None:
        started = time.monotonic()
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.01)
                turns += 1

        turning = asyncio.create_task(turn())
        done = await asyncio.gather(*(sandbox.run(shell(folder, f"sleep 0.5; echo {n}")) for n in range(4)))
        turning.cancel()
        assert [one.stdout for one in done] == ["0\n", "1\n", "2\n", "3\n"]
        assert time.monotonic() - started < 3
        assert turns > 5

    async def test_many_commands_leave_no_descriptor_and_no_thread(self, sandbox: Sandbox, folder: Path) -> None:
        await sandbox.run(command(folder, "true"))
        before = _open_files(), threading.active_count()
        for _ in range(5):
            await sandbox.run(command(folder, "true"))
        await _settles(lambda: threading.active_count() <= before[1])
        assert _open_files() <= before[0]

    async def test_every_layer_says_how_it_is_enforced_or_what_to_do(self, sandbox: Sandbox) -> None:
        layers = sandbox.layers()
        assert len(layers) >= 5
        assert all(layer.note for layer in layers if not layer.in_force)


async def _appears(place: Path) -> None:
    await _settles(place.exists)


async def _settles(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until, "nothing happened within 10 s"
        await asyncio.sleep(0.005)
