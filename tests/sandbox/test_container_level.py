"""What container engines are told, which of them are believed, and what becomes of a container whose worker died."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from setpoint.adapters.sandboxes.container import tried
from setpoint.adapters.sandboxes.container_profile import arguments
from setpoint.adapters.sandboxes.container_stage import SCRIPT, Stage
from setpoint.adapters.sandboxes.engines import FOLDERS, ORDER, Engine, Name, Way, find
from setpoint.adapters.sandboxes.leftovers import label, sweep
from setpoint.model.command import Command, Mount
from setpoint.testing.sandbox_contract import shell

PODMAN = Way(Engine("podman", Path("/usr/bin/podman"), rootless=False), "ours")
ROOTLESS = Way(Engine("podman", Path("/usr/bin/podman"), rootless=True), "engine")
DOCKER = Way(Engine("docker", Path("/usr/bin/docker"), rootless=False), "engine")


def told(command: Command, way: Way, image: str = "own:1") -> str:
    """One line a word."""
    stage = Stage(command, way, "", 2)
    try:
        return "\n".join(arguments(command, way, stage, name="n", label="l", image=image, joins=2))
    finally:
        stage.clear()


@pytest.mark.parametrize("way", [PODMAN, ROOTLESS, DOCKER], ids=["podman", "rootless podman", "docker"])
def test_an_engine_is_told_of_every_wall(tmp_path: Path, way: Way) -> None:
    words = told(shell(tmp_path, "true"), way)
    for wall in (
        *("--network\nnone", "--read-only", "--cap-drop\nALL", "no-new-privileges", "seccomp=", "--pull\nnever"),
        *("--log-driver\nnone", "--user\n", "--ulimit\ncore=0:0", "--name\nn", "--label\nsetpoint=l"),
    ):
        assert wall in words
    assert ".sock" not in words
    assert "privileged\n" not in words


def test_limits_are_the_engines_where_the_worker_cannot_count(tmp_path: Path) -> None:
    assert "--memory\n256m\n--memory-swap\n256m\n--pids-limit\n64" in told(shell(tmp_path, "true"), ROOTLESS)
    assert "--memory" not in told(shell(tmp_path, "true"), PODMAN)
    assert "--preserve-fds\n2" in told(shell(tmp_path, "true"), PODMAN)


def test_the_command_is_an_ordinary_user_and_no_other_id_of_the_host_is_in_reach(tmp_path: Path) -> None:
    words = told(shell(tmp_path, "true"), PODMAN)
    assert f"--uidmap\n0:2000000000:1000\n--uidmap\n1000:{os.geteuid()}:1\n" in words
    assert "--userns\nkeep-id:uid=1000,gid=1000" in told(shell(tmp_path, "true"), ROOTLESS)


def test_the_environment_is_not_among_the_arguments(tmp_path: Path) -> None:
    command = shell(tmp_path, "true", env={"TOKEN": "canary-one", "odd.name": "canary-two"})
    assert "canary" not in told(command, PODMAN)
    stage = Stage(command, PODMAN, "", 0)
    written = (stage.folder / "start").read_text()
    stage.clear()
    assert "export TOKEN=canary-one" in written
    assert "odd.name=canary-two" in written
    assert not stage.folder.exists()


def test_a_comma_in_a_path_ends_nothing(tmp_path: Path) -> None:
    odd = tmp_path / "a,readonly=false,source=x"
    odd.mkdir()
    command = Command(argv=("true",), mounts=(Mount(host=str(odd), inside="/in"),), cwd="/in")
    (line,) = (word for word in told(command, DOCKER).splitlines() if "/in" in word and "target" in word)
    assert f'"source={odd}"' in line
    assert line.endswith("readonly")


def test_nothing_of_the_host_is_shown_but_its_system_and_what_is_named(tmp_path: Path) -> None:
    stage = Stage(shell(tmp_path, "true"), PODMAN, "", 0)
    shown = {mount.inside for mount in stage.mounts if not mount.inside.startswith(("/usr", "/lib", "/bin", "/sbin"))}
    stage.clear()
    assert {place for place in shown if not place.startswith("/etc/")} == {SCRIPT}


def test_an_image_brings_its_own_system(tmp_path: Path) -> None:
    stage = Stage(shell(tmp_path, "true"), ROOTLESS, "debian:12", 0)
    assert [mount.inside for mount in stage.mounts] == ["/etc/resolv.conf", SCRIPT]
    assert Path(stage.mounts[0].host).read_bytes() == b""
    stage.clear()


def engine(folder: Path, script: str, name: Name = "podman") -> Engine:
    """An engine that is a shell script."""
    place = folder / name
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
    return Engine(name, place, rootless=True, env=(("PATH", "/usr/bin:/bin"),))


def test_an_engine_that_cannot_run_is_not_used_and_its_words_are_told(tmp_path: Path) -> None:
    said = "Error: the runtime refuses"
    assert tried(Way(engine(tmp_path, f"echo '{said}' >&2; exit 125"), ""), "") == said


def test_an_engine_that_ran_nothing_is_not_believed(tmp_path: Path) -> None:
    assert "nothing was run" in tried(Way(engine(tmp_path, "exit 0"), ""), "")


def test_engines_lie_in_fixed_folders_and_podman_comes_first(tmp_path: Path) -> None:
    engine(tmp_path, "true")
    assert find("podman", [str(tmp_path)]) == tmp_path / "podman"
    assert find("docker", [str(tmp_path)]) is None
    assert all(folder.startswith(("/usr/", "/bin")) for folder in FOLDERS)
    assert ORDER == ("podman", "docker")


def test_an_engine_on_the_path_is_never_started(tmp_path: Path) -> None:
    """A worktree on PATH could bring one."""
    place = engine(tmp_path, f"touch {tmp_path}/ran", "docker").binary
    engine(tmp_path, f"touch {tmp_path}/ran", "podman")
    assert place.exists()
    command = [sys.executable, "-m", "setpoint.cli", "sandbox", "levels", "--level", "container", "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, check=True
    )
    assert json.loads(done.stdout)[0]["level"] == "container"
    assert not (tmp_path / "ran").exists()


def test_containers_of_dead_workers_are_removed_and_no_others(tmp_path: Path) -> None:
    mine, dead = label(), f"999999999-123-{label().rpartition('-')[2]}"
    listed = [f"setpoint-a {mine}", f"setpoint-b {dead}", "setpoint-c 999999999-123-elsewhere", "other thing", "x"]
    lines = " ".join(f"'{line}'" for line in listed)
    script = f'echo "$@" >>{tmp_path}/asked; [ "$1" = ps ] && printf "%s\\n" {lines}; true'
    assert sweep(engine(tmp_path, script)) == ["setpoint-b"]
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line for line in asked if line.startswith("rm")] == ["rm --force --time 0 --ignore setpoint-b"]


def test_a_guard_outlives_its_worker_and_removes_its_container(tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    stage.mkdir()
    engine(tmp_path, f'echo "$@" >>{tmp_path}/asked')
    program = f"""
import os, signal
from pathlib import Path
from setpoint.adapters.sandboxes.engines import Engine
from setpoint.adapters.sandboxes.leftovers import Guard
engine = Engine("podman", Path({str(tmp_path / "podman")!r}), True, env=(("PATH", "/usr/bin:/bin"),))
Guard(engine, ("mine",), Path({str(stage)!r}))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    _until(lambda: not stage.exists())
    assert (tmp_path / "asked").read_text().startswith("rm --force --time 0 --ignore mine\n")


def _until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < until, "not within 15 s"
        time.sleep(0.01)
