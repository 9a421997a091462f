"""One job: carry a run one step. The step's record, the move and the next job land in one transaction."""

import asyncio
import errno
import traceback
from collections.abc import Awaitable, Callable

from ..errors import (
    BugError,
    DiskFullError,
    LostLeaseError,
    NotSignedInError,
    ParkedError,
    SetpointError,
    TransientError,
)
from ..model.approval import HandOver
from ..model.money import Standing
from ..model.run import Run, State
from ..ports import Transaction
from .advance import Move, advance
from .bench import Bench, Ground
from .ci_fix import fix_ci
from .delivery import ci, deploy, merge, publish
from .diagnosis import diagnose
from .discovery import discover
from .edge_tests import write_edge_tests
from .implementation import implement
from .outcomes import HandedOver, Outcome, Parked
from .planning import plan
from .policies import standing as policy_on_record
from .review import review
from .rounds import Done, Write, hand_over_packet, history
from .split import split
from .standing import standing
from .tech_spec import design
from .tests import write_tests

STEPS: dict[str, Callable[[Ground], Awaitable[Done]]] = {
    "discovery": discover,
    "tech_spec": design,
    "planning": plan,
    "diagnosis": diagnose,
    "split": split,
    "tests": write_tests,
    "implementation": implement,
    "edge_tests": write_edge_tests,
    "review": review,
    "ci_fix": fix_ci,
    "publish": publish,
    "ci": ci,
    "merge": merge,
    "deploy": deploy,
}
"""What carries each step of the routes that has a job."""

JOB = "step"
OUTAGES = 3
"""How often a step is tried again within its job when the other side is out of reach, before the run parks."""


def job_key(run: Run) -> str:
    """Key of the job that carries `run`'s present position; a repeat of it is harmless."""
    position = run.position
    return f"{run.id}:{position.stage}:{position.serial}"


async def carry(bench: Bench, run_id: str, serial: int) -> Run | None:
    """Carry the run one step, if it still is where the job was made for. Returns the run as it is then."""
    run = bench.store.run(run_id)
    if run.position.serial != serial or run.position.state is not State.RUNNING:
        return None
    ground = Ground(bench, run)
    with bench.store.transaction() as tx:
        tx.event(run.id, "step", run.position.stage, run.position.model_dump(mode="json", exclude_defaults=True))
    try:
        done = await _tried(ground)
    except LostLeaseError:
        return None
    finally:
        await bench.workspaces.rest(run)
    return await settle(ground, done)


async def _tried(ground: Ground) -> Done:
    for outage in range(OUTAGES):
        try:
            await policy_on_record(ground)
            return await STEPS[ground.position.stage](ground)
        except TransientError as error:
            trouble = error
            wait = min(error.retry_after if error.retry_after is not None else 2.0**outage, 60.0)
            if outage + 1 < OUTAGES:
                why = ground.bench.redact(f"{error.what}: {error.why}" if error.why else error.what)
                with ground.bench.store.transaction() as tx:
                    tx.event(ground.run.id, "waits", ground.position.stage, {"seconds": wait, "why": why[:500]})
                await asyncio.sleep(wait)
        except (ParkedError, NotSignedInError) as error:
            return _stopped(ground, Parked(), error)
        except LostLeaseError:
            raise
        except SetpointError as error:
            return _stopped(ground, HandedOver(), error)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return _stopped(
                ground, Parked(), DiskFullError("no space left on the device", fix="make room, then `setpoint resume`")
            )
    return _stopped(ground, Parked(), trouble)


def _stopped(ground: Ground, outcome: Outcome, error: SetpointError) -> Done:
    # A provider's own words may hold the key that it refused.
    error.what, error.why, error.fix = (ground.bench.redact(text) for text in (error.what, error.why, error.fix))
    stands = standing(ground, error) if isinstance(outcome, Parked) else None
    writes: list[Write] = [lambda tx: remember_stop(tx, ground.run, error, stands)]
    if isinstance(outcome, HandedOver):
        packet = hand_over_packet(ground, ground.loop, error.what, history(ground, ground.loop))
        writes.append(lambda tx: tx.hand_over(ground.run.id, ground.position.cycle, _with(packet, error)))
    return Done(outcome, tuple(writes), note=error.what)


def _with(packet: HandOver, error: SetpointError) -> HandOver:
    told = tuple(part for part in (error.why and f"why: {error.why}", error.fix and f"next: {error.fix}") if part)
    return packet.model_copy(update={"tried": (*packet.tried, *told)})


def remember_stop(tx: Transaction, run: Run, error: SetpointError, stands: Standing | None = None) -> None:
    """Why the run stopped here and where it stands, for the exit code and for `show`."""
    where = {} if stands is None else {"standing": stands.model_dump(mode="json")}
    fact = {"serial": run.position.serial, "exit_code": error.exit_code, "error": str(error)}
    tx.remember(run.id, "stopped", {**fact, **where})
    tx.event(run.id, "stopped", run.position.stage, {"error": str(error), "kind": type(error).__name__, **where})


def crashed(bench: Bench, run_id: str, error: BaseException) -> None:
    """A step ended in an error nobody foresaw: a person gets it, with its place; nothing is lost."""
    run = bench.store.run(run_id)
    if run.position.state is not State.RUNNING:
        return
    ground = Ground(bench, run)
    bug = BugError(
        f"setpoint itself failed at {run.position.stage}: {type(error).__name__}: {error}",
        fix="`setpoint retry` tries again; please report it with `setpoint log --json`",
    )
    with bench.store.transaction() as tx:
        trace = "".join(traceback.format_exception(error))[-8000:]
        tx.event(run.id, "crashed", run.position.stage, {"trace": trace})
    done = _stopped(ground, HandedOver(), bug)
    write_move(bench, run, advance(run.position, done.outcome), done)


async def settle(ground: Ground, done: Done) -> Run | None:
    """Write what came of the step, move the run and enqueue the next job, all or nothing."""
    moved = write_move(ground.bench, ground.run, advance(ground.position, done.outcome), done)
    if moved is not None and moved.position.state is State.WAITING:
        await ground.bench.notifier.tell(moved, f"waits for you: {moved.position.stage}", moved.note)
    return moved


def _withdraw(tx: Transaction, run: Run, voids: tuple[str, ...]) -> None:
    """No answer from before this move counts any more at the decisions that it takes back."""
    for name in voids:
        kind, _, about = name.partition(":")
        if kind == "decision":
            tx.remember(run.id, f"withdrawn:{about}:{run.position.cycle}", {"serial": run.position.serial + 1})


class _OvertakenError(Exception):
    """Somebody moved the run first; the transaction is rolled back."""


def write_move(bench: Bench, run: Run, move: Move, done: Done) -> Run | None:
    """The move with all that belongs to it; None when somebody moved the run before: then nothing was written."""
    try:
        with bench.store.transaction() as tx:
            if move.voids:
                names = tuple(name for name in move.voids if not name.startswith("decision:"))
                tx.void(run.id, run.position.cycle, names)
                _withdraw(tx, run, move.voids)
            for write in done.writes:
                write(tx)
            moved = tx.move(run, move.to, done.note or move.because)
            if moved is None:
                raise _OvertakenError
            if move.job:
                bench.enqueue(tx.connection, JOB, job_key(moved), {"run": moved.id, "serial": moved.position.serial})
        return moved
    except _OvertakenError:
        return None
