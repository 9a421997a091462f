"""`setpoint stop` where things are broken: the switch is thrown all the same, and no foreign process is touched."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commanded import setpoint

from setpoint.engine.lease import LIVE, WorkerLease
from setpoint.engine.liveness import machine, process_started
from setpoint.service.halting import Switch, end_workers


def folder(file: Path) -> None:
    file.mkdir()


def link(file: Path) -> None:
    file.symlink_to("nowhere")


def pipe(file: Path) -> None:
    os.mkfifo(file)


THERE = pytest.mark.parametrize("there", [folder, link, pipe])


@THERE
def test_whatever_has_the_name_stops_everything_and_is_lifted(tmp_path: Path, there: Callable[[Path], None]) -> None:
    switch = Switch(tmp_path / ".setpoint")
    switch.state.mkdir()
    there(switch.file)
    assert switch.on()
    assert switch.refusal().why == "there is a file stop in .setpoint"
    switch.throw("enough")
    assert switch.on()
    assert [entry.name for entry in switch.state.iterdir()] == ["stop"]
    assert switch.lift()
    assert not switch.on()
    assert not switch.lift()


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["setpoint.toml", ".setpoint/setpoint.db"])
def test_a_stop_does_not_wait_for_what_is_broken_to_be_mended(repository: Path, broken: str) -> None:
    (repository / ".setpoint").mkdir(exist_ok=True)
    (repository / broken).write_text("nonsense = [\n" * 400)
    done = setpoint(repository, "stop", "--all", "-m", "look at it first")
    assert done.returncode != 0
    assert "nothing starts here any more" in done.stderr
    assert "look at it first" in (repository / ".setpoint" / "stop").read_text()


def test_a_number_that_a_worker_had_before_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        began = process_started(stranger.pid)
        assert began
        leases = [WorkerLease("w", machine(), stranger.pid, other, "shared", 0, LIVE) for other in ("1", "", "x")]
        leases.append(WorkerLease("w", "elsewhere", stranger.pid, began, "shared", 0, LIVE))
        assert end_workers(lambda: leases) == 0
        assert stranger.poll() is None
        stranger.communicate(b"\n")
        assert stranger.returncode == 0
