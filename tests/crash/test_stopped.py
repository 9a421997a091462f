"""The kill switch: everything ends at once, nothing is lost, and nothing begins before it is lifted."""

import os
import signal
from pathlib import Path

import pytest
from commands import Setpoint, held, let_go, run_id, setpoint, told_as_json, worktree
from ending import ending
from lives import Place
from small import HELD, HERE
from undisturbed import Made, Undisturbed

from setpoint.engine.liveness import process_started

pytestmark = pytest.mark.slow


def at_work_in(folder: Path) -> list[str]:
    """Command lines of living processes that work below `folder` or were started on it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and process_started(int(entry.name)):
            try:
                words = (entry / "cmdline").read_bytes().decode("utf-8", "replace").replace("\0", " ")
                where = str((entry / "cwd").readlink())
            except OSError:
                continue
            if where.startswith(str(folder)) or str(folder) in words:
                found.append(words)
    return found


async def goes_on(place: Place, undisturbed: Undisturbed) -> None:
    assert await setpoint(place, "stop", "--lift") == 0
    let_go(place)
    assert await setpoint(place, "resume", run_id(place)) == 4
    assert await setpoint(place, "approve", run_id(place), "--all-checked", "it holds") == 0
    assert (await ending(place)).essence() == undisturbed.ending.essence()


@pytest.mark.parametrize("carrier", ["foreground", "worker"])
async def test_stop_ends_every_session_and_child_and_the_run_goes_on_later(
    made: Made, undisturbed: Undisturbed, carrier: str
) -> None:
    place = made(wait=HELD)
    words = ("run", "ticket.md") if carrier == "foreground" else ("worker",)
    if carrier == "worker":
        assert await setpoint(place, "run", "ticket.md", "--detach") == 0
    async with Setpoint(place, *words) as carrying:
        await held(place)
        stopped = await told_as_json(place, "stop", "--all", "-m", "the build machine is on fire")
        assert (stopped["paused"], stopped["killed"]) == ([run_id(place)], 0)
        assert at_work_in(place.folder) == []
        assert await carrying.end() == 3, carrying.said
    assert (await told_as_json(place, "show", run_id(place)))["state"] == "paused"
    assert (worktree(place) / HERE).exists()
    async with Setpoint(place, "resume", run_id(place)) as refused:
        assert await refused.end() == 3
        assert "the build machine is on fire" in refused.said
    assert (await told_as_json(place, "show", run_id(place)))["state"] == "paused"
    for words in (("run", "ticket.md"), ("worker",)):
        assert await setpoint(place, *words) == 3
    await goes_on(place, undisturbed)


async def test_an_empty_file_is_enough(made: Made, undisturbed: Undisturbed) -> None:
    place = made(wait=HELD)
    async with Setpoint(place, "run", "ticket.md") as run:
        await held(place)
        (place.folder / ".setpoint" / "stop").touch()
        assert await run.end() == 3, run.said
        assert "everything is stopped in this repository" in run.said
    assert at_work_in(place.folder) == []
    await goes_on(place, undisturbed)


async def test_a_worker_that_does_not_listen_is_killed(made: Made, undisturbed: Undisturbed) -> None:
    place = made(wait=HELD)
    async with Setpoint(place, "run", "ticket.md") as run:
        await held(place)
        run.signal(signal.SIGSTOP)
        stopped = await told_as_json(place, "stop", "--all")
        assert stopped["killed"] == 1
        assert await run.end() == -signal.SIGKILL
    await goes_on(place, undisturbed)


async def test_stopping_says_what_it_means_to_do(place: Place) -> None:
    assert await setpoint(place, "stop") == 2
    assert await setpoint(place, "stop", "--all", "--lift") == 2
    assert await setpoint(place, "stop", "--lift") == 0
    assert await told_as_json(place, "stop", "--all") == {
        **{"paused": [], "killed": 0},
        "file": str(place.folder / ".setpoint" / "stop"),
    }
