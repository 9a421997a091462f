"""The sandbox holds for an ordinary user too, where rlimits and watching stand in for control groups.

As root, a child process gives its rights away first; as anybody else, the test itself is the ordinary user.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.adapters.sandboxes.groups import hierarchy
from setpoint.model.command import Completed
from setpoint.testing.sandbox_contract import INTERPRETER, QUICK, command, nap, running, shell

NOBODY = 65534


@pytest.fixture
def work(public: Path) -> Path:
    place = public / "work"
    place.mkdir()
    if os.getuid() == 0:
        os.chown(place, NOBODY, NOBODY)
    return place


def as_ordinary_user(binary: Path, work: Path, script: str, **limits: float) -> Completed:
    """What came of `script` in `work`, run by a worker without any right."""
    asked = shell(work, script, QUICK.model_copy(update=limits))
    if not INTERPRETER.is_relative_to("/usr"):
        asked = asked.model_copy(update={"mounts": asked.mounts[:1]})
    if os.getuid() != 0:
        return asyncio.run(Bubblewrap(binary).run(asked))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _give_rights_away_and_run(binary, lambda worker: worker.run(asked), writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        answer = told.read()
    os.waitpid(child, 0)
    return Completed.model_validate(json.loads(answer))


def _give_rights_away_and_run(
    binary: Path, work: Callable[[Bubblewrap], Coroutine[Any, Any, Completed]], writer: int
) -> None:
    code = 1
    try:
        hierarchy.cache_clear()
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        done = asyncio.run(work(Bubblewrap(binary)))
        os.write(writer, done.model_dump_json().encode())
        code = 0
    finally:
        os._exit(code)


def test_the_profile_holds(binary: Path, work: Path) -> None:
    script = "id -u; touch x && ls; ls /home; touch /usr/x /etc/x /x 2>&1 | wc -l; unshare -U true || echo no"
    done = as_ordinary_user(binary, work, script)
    assert done.stdout.split() == ["1000", "x", "agent", "3", "no"]


def test_a_fork_bomb_is_bounded(binary: Path, work: Path) -> None:
    rest = nap()
    script = f"i=0; while [ $i -lt 150 ]; do i=$((i+1)); {rest} & done 2>/dev/null; ls -d /proc/[0-9]* | wc -l"
    done = as_ordinary_user(binary, work, script, processes=40, seconds=5)
    assert not done.stdout or int(done.stdout) <= 45
    assert running(rest) == []


def test_memory_is_bounded(binary: Path, work: Path) -> None:
    script = "head -c 300000000 /dev/zero | tail -c 300000000 | wc -c"
    done = as_ordinary_user(binary, work, script, memory_mib=64)
    assert done.stdout.strip() in {"", "0"}
    assert done.killed in {"memory", ""}


def test_time_up_leaves_nothing(binary: Path, work: Path) -> None:
    rest = nap()
    done = as_ordinary_user(binary, work, f"setsid {rest} & {rest}", seconds=0.4)
    assert (done.exit_code, done.killed) == (124, "time")
    assert running(rest) == []


def test_disk_is_bounded(binary: Path, work: Path) -> None:
    done = as_ordinary_user(
        binary, work, "while :; do cat /dev/urandom | head -c 500000 >> f$((n=n+1)); done", disk_mib=4
    )
    assert (done.exit_code, done.killed) == (137, "disk")


def test_without_control_groups_the_layers_say_so(binary: Path) -> None:
    from setpoint.adapters.sandboxes.layers import layers_of
    from setpoint.adapters.sandboxes.profile import Kernel

    layers = {layer.name: layer for layer in layers_of(binary, Kernel(), True, None)}
    assert not layers["memory"].in_force
    assert "cgroup v2" in layers["memory"].note
    assert sys.platform == "linux"
    assert command(binary.parent, "true").argv == ("true",)
