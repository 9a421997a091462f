"""People and machines get in the way of a run in its implementation: it goes on from there and ends the same."""

import shutil
import signal

import pytest
from commands import Setpoint, held, let_go, run_id, setpoint, told_as_json
from ending import ending, lost_autosaves
from lives import Place, lives
from small import HELD, HERE
from undisturbed import Made, Undisturbed

from setpoint.testing.crashes import START, Death

pytestmark = pytest.mark.slow


async def goes_on_to_its_end(place: Place, undisturbed: Undisturbed) -> None:
    """From where it stopped, by commands a person would type."""
    let_go(place)
    assert await setpoint(place, "resume", run_id(place)) == 4
    await ends(place, undisturbed)


async def ends(place: Place, undisturbed: Undisturbed) -> None:
    """From the decision about the change."""
    assert await setpoint(place, "approve", run_id(place), "--all-checked", "it holds") == 0
    assert (await ending(place)).essence() == undisturbed.ending.essence()


@pytest.mark.parametrize(
    ("how", "background"), [(signal.SIGINT, False), (signal.SIGTERM, False), (signal.SIGTERM, True)]
)
async def test_an_interrupted_foreground_leaves_with_130_and_loses_nothing(
    made: Made, undisturbed: Undisturbed, how: signal.Signals, background: bool
) -> None:
    place = made(wait=HELD)
    async with Setpoint(place, "run", "ticket.md", background=background) as run:
        await held(place)
        run.signal(how)
        assert await run.end() == 130, run.said
        assert "nothing is lost" in run.said
    await goes_on_to_its_end(place, undisturbed)


async def test_a_worker_adopts_the_run_of_a_dead_foreground(made: Made, undisturbed: Undisturbed) -> None:
    place = made(wait=HELD)
    async with Setpoint(place, "run", "ticket.md") as run:
        await held(place)
        run.signal(signal.SIGKILL)
        assert await run.end() == -signal.SIGKILL
    let_go(place)
    assert await setpoint(place, "worker", "--once") == 0
    assert (await told_as_json(place, "show", run_id(place)))["waits"] == "decision"
    await ends(place, undisturbed)


async def test_what_is_only_queued_is_carried_by_a_worker(place: Place, undisturbed: Undisturbed) -> None:
    assert await setpoint(place, "run", "ticket.md", "--detach") == 0
    assert await setpoint(place, "worker", "--once") == 0
    assert await setpoint(place, "approve", run_id(place), "--all-checked", "it holds", "--detach") == 0
    assert await setpoint(place, "worker", "--once") == 0
    assert await ending(place) == undisturbed.ending


async def test_of_two_foregrounds_one_carries_and_both_end_well(made: Made, undisturbed: Undisturbed) -> None:
    place = made(wait=HELD)
    async with Setpoint(place, "run", "ticket.md") as first:
        await held(place)
        async with Setpoint(place, "resume", run_id(place)) as second:
            await second.hears("sealed")
            let_go(place)
            assert (await first.end(), await second.end()) == (4, 4), first.said + second.said
    entries = await told_as_json(place, "log", run_id(place))
    assert [e["stage"] for e in entries if e["kind"] == "step"] == ["diagnosis", "tests", "implementation", "review"]
    await ends(place, undisturbed)


async def test_who_only_watches_takes_over_when_the_carrier_dies(made: Made, undisturbed: Undisturbed) -> None:
    place = made(wait=HELD)
    async with Setpoint(place, "run", "ticket.md") as first:
        await held(place)
        async with Setpoint(place, "resume", run_id(place)) as second:
            await second.hears("sealed")
            first.signal(signal.SIGKILL)
            await first.end()
            let_go(place)
            assert await second.end() == 4, second.said
    await ends(place, undisturbed)


async def test_a_paused_run_stops_where_it_is_and_goes_on_from_there(made: Made, undisturbed: Undisturbed) -> None:
    place = made(wait=HELD)
    async with Setpoint(place, "run", "ticket.md") as run:
        await held(place)
        assert await setpoint(place, "pause", run_id(place)) == 3
        assert await run.end() == 3, run.said
    assert (await told_as_json(place, "show", run_id(place)))["state"] == "paused"
    await goes_on_to_its_end(place, undisturbed)


async def test_a_cancelled_run_ends_at_once_and_keeps_its_workspace(made: Made) -> None:
    place = made(wait=HELD)
    async with Setpoint(place, "run", "ticket.md") as run:
        await held(place)
        assert await setpoint(place, "cancel", run_id(place)) == 130
        assert await run.end() == 130, run.said
    end = await ending(place)
    assert (end.state, end.ran, end.pulls, end.at_rest, end.progress[0]) == ("cancelled", [], [], True, "cancelled")
    assert (place.folder / ".setpoint" / "worktrees" / run_id(place) / HERE).exists()


@pytest.mark.parametrize(("part", "number"), [("implementation running", 31), ("review running", 1)])
async def test_a_deleted_worktree_is_made_again(place: Place, undisturbed: Undisturbed, part: str, number: int) -> None:
    await lives(place, (Death(part, number), START))
    shutil.rmtree(place.folder / ".setpoint" / "worktrees")
    await lives(place, (None, ""))
    assert await ending(place) == undisturbed.ending
    assert lost_autosaves(place) == []
