"""The lease: which workers live, who adopts the jobs of the dead, and the fence that a dead one's writes run into.

A worker's beat is a counter, never a clock: others see on their own monotonic clock that it stands still, so a clock
that jumps or differs between hosts kills nobody.
"""

import os
import secrets
import socket
import time
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..errors import LostLeaseError
from .database import reading, writing
from .liveness import machine, process_started
from .port import SHARED

metadata = sa.MetaData()

workers = sa.Table(
    "engine_workers",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("machine", sa.String, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started", sa.String, nullable=False),
    sa.Column("queue", sa.String, nullable=False),
    sa.Column("beats", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String, nullable=False),
)

adoptions = sa.Table(
    "engine_adoptions",
    metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("worker", sa.String, primary_key=True),
    sa.Column("adopter", sa.String, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
)

made_for = sa.Table("engine_schema", metadata, sa.Column("version", sa.String, primary_key=True))

LIVE, DEAD = "live", "dead"

_STATE = sa.select(workers.c.state).where(workers.c.id == sa.bindparam("worker")).with_for_update(read=True)


class WorkerLease(NamedTuple):
    """A worker as the lease table knows it."""

    id: str
    machine: str
    pid: int
    started: str
    queue: str
    beats: int
    state: str


class Lease:
    """This process's own row in the table of workers."""

    def __init__(self, database: sa.Engine, *, private: bool, seconds: float = 15.0) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.queue = f"own-{self.id}" if private else SHARED
        self.seconds = seconds
        self._database = database
        self._seen: dict[str, tuple[int, float]] = {}

    def take(self) -> None:
        """Enter the table as a living worker."""
        row = WorkerLease(self.id, machine(), os.getpid(), process_started(os.getpid()), self.queue, 0, LIVE)
        with writing(self._database) as connection:
            connection.execute(workers.insert().values(row._asdict()))

    def beat(self) -> bool:
        """Say "I live"; False when somebody declared this worker dead: it must write nothing more."""
        with writing(self._database) as connection:
            mine = (workers.c.id == self.id) & (workers.c.state == LIVE)
            return connection.execute(workers.update().where(mine).values(beats=workers.c.beats + 1)).rowcount == 1

    def fence(self, connection: sa.Connection) -> None:
        """Raise LostLeaseError when this worker was declared dead; else nobody can do so until `connection` commits."""
        if connection.execute(_STATE, {"worker": self.id}).scalar() != LIVE:
            raise LostLeaseError(
                f"worker {self.id} lost its lease",
                why="another worker adopted its jobs",
                fix="nothing: they go on there",
            )

    def release(self) -> None:
        """Leave: what is left of this worker's jobs may be adopted at once."""
        with writing(self._database) as connection:
            connection.execute(workers.update().where(workers.c.id == self.id).values(state=DEAD))

    def dead(self) -> Sequence[WorkerLease]:
        """All workers known dead, those included that this call finds out: a process that is gone, a beat that stands
        still for the length of the lease. Exactly one observer declares each."""
        found = all_workers(self._database)
        here, now = machine(), time.monotonic()
        for other in found:
            if other.state == LIVE and other.id != self.id and self._has_died(other, here, now):
                self._declare_dead(other)
        self._seen = {other.id: self._seen[other.id] for other in found if other.id in self._seen}
        return [other for other in all_workers(self._database) if other.state == DEAD]

    def _has_died(self, other: WorkerLease, here: str, now: float) -> bool:
        if other.machine == here and process_started(other.pid) != other.started:
            return True
        beats, since = self._seen.get(other.id, (-1, now))
        if beats != other.beats:
            self._seen[other.id] = (other.beats, now)
            return False
        return now - since > self.seconds

    def _declare_dead(self, other: WorkerLease) -> None:
        # A beat that came between the look and the verdict saves it.
        still = (workers.c.id == other.id) & (workers.c.state == LIVE) & (workers.c.beats == other.beats)
        with writing(self._database) as connection:
            connection.execute(workers.update().where(still).values(state=DEAD))

    def adopt(self, key: str, dead_worker: str) -> int:
        """Win the right to adopt `key` from `dead_worker`: how often it has been adopted by now, or 0 when another
        living worker has won it."""
        row = (adoptions.c.key == key) & (adoptions.c.worker == dead_worker)
        try:
            with writing(self._database) as connection:
                # An adopter that died before it finished the adoption left the row, not the job.
                others = sa.select(workers.c.id).where((workers.c.state == LIVE) & (workers.c.id != self.id))
                again = adoptions.update().where(row & adoptions.c.adopter.not_in(others))
                if connection.execute(again.values(adopter=self.id, times=adoptions.c.times + 1)).rowcount == 0:
                    new = {"key": key, "worker": dead_worker, "adopter": self.id, "times": 1}
                    connection.execute(adoptions.insert().values(new))
                total = sa.select(sa.func.sum(adoptions.c.times)).where(adoptions.c.key == key)
                return int(connection.execute(total).scalar_one())
        except IntegrityError:
            return 0


def all_workers(database: sa.Engine) -> Sequence[WorkerLease]:
    """Every worker in the table, living or dead."""
    with reading(database) as connection:
        return [WorkerLease(*row) for row in connection.execute(sa.select(workers).order_by(workers.c.id))]


def forget(database: sa.Engine, dead_worker: str) -> None:
    """Drop a dead worker that has no jobs left. How often its jobs were adopted stays known."""
    with writing(database) as connection:
        connection.execute(workers.delete().where((workers.c.id == dead_worker) & (workers.c.state == DEAD)))


def forget_adoptions(database: sa.Engine, keys: Sequence[str]) -> None:
    """Drop what is known of jobs that are gone."""
    with writing(database) as connection:
        connection.execute(adoptions.delete().where(adoptions.c.key.in_(keys)))
