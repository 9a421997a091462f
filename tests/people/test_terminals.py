"""Three terminals a run: the plan of tmux commands, and a real tmux that carries it out."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from setpoint.model.run import Event
from setpoint.service.terminals import (
    CONTROL,
    DEVELOPER,
    LIST,
    PLANNER,
    TITLES,
    Window,
    commands,
    concerns,
    session_name,
    there,
)

PANES = set(TITLES)
REAL = [program for program in (shutil.which("tmux"),) if program]
"""tmux, where there is one; without it pytest tells the tests of real panes as an empty set."""


def window(run: str, folder: Path, program: str = "true") -> Window:
    return Window(run, folder, folder / "workspace", ("sh", "-c", program, "setpoint"))


def event(kind: str, stage: str) -> Event:
    return Event(seq=1, run="3c91", at=datetime.now(UTC), kind=kind, stage=stage)


def test_each_run_has_a_window_with_its_panes_and_nothing_is_made_twice(tmp_path: Path) -> None:
    windows = [window(name, tmp_path) for name in ("3c91", "77ab")]
    fresh = commands("shop", windows, None)
    assert [call[0] for call in fresh if call[0].startswith("new-")] == ["new-session", "new-window"]
    assert sum(call[0] == "split-window" for call in fresh) == 2 * (len(PANES) - 1)
    assert commands("shop", windows, {"3c91": PANES, "77ab": PANES}) == ()
    back = commands("shop", windows, {"3c91": PANES - {DEVELOPER}, "77ab": PANES})
    assert [call[0] for call in back] == ["split-window", "set-option", "select-layout"]
    assert "--role developer" in back[0][-1]


def test_the_developers_pane_stands_in_the_workspace_once_there_is_one(tmp_path: Path) -> None:
    one = window("3c91", tmp_path)
    assert one.folder(DEVELOPER) == str(tmp_path)
    one.workspace.mkdir()
    assert (one.folder(DEVELOPER), one.folder(PLANNER)) == (str(one.workspace), str(tmp_path))


def test_a_pane_shows_what_is_its_roles_and_people_see_every_wait() -> None:
    reviewed, built, waits = (
        event("round", "review"),
        event("gates", "implementation"),
        event("moved", "implementation"),
    )
    assert [concerns(role, reviewed) for role in (PLANNER, DEVELOPER, CONTROL)] == [True, False, False]
    assert [concerns(role, built) for role in (PLANNER, DEVELOPER, CONTROL)] == [False, True, False]
    assert [concerns(role, waits) for role in (PLANNER, DEVELOPER, CONTROL)] == [False, True, True]
    assert concerns("", reviewed)


def test_no_two_repositories_share_a_session() -> None:
    names = [session_name(Path(root)) for root in ("/a/shop", "/b/shop", "/a/shop-two", "/a/sh.op")]
    assert not [(one, other) for one in names for other in names if one is not other and other.startswith(one)]


# -- a real tmux -------------------------------------------------------------------------------------------------------


@contextmanager
def served(program: str, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A tmux server of its own; killed at the end."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TMUX_TMPDIR": str(tmp_path),
        "SHELL": "/bin/sh",
        "TERM": "xterm",
    }

    def call(*arguments: str) -> str:
        done = subprocess.run([program, *arguments], env=env, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    try:
        yield call
    finally:
        subprocess.run([program, "kill-server"], env=env, capture_output=True, timeout=30, check=False)


def until(told: Callable[[], bool]) -> None:
    """Wait for what happens in other processes."""
    import time

    ends = time.monotonic() + 90
    while not told():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.mark.parametrize("program", REAL)
def test_panes_open_and_a_program_that_is_killed_comes_back(tmp_path: Path, program: str) -> None:
    with served(program, tmp_path) as tmux:
        killed_and_closed(tmp_path, tmux)


def killed_and_closed(tmp_path: Path, tmux: Callable[..., str]) -> None:
    """One pane's program is killed, another pane is closed: both come back."""
    seen = tmp_path / "seen"
    program = f'echo "$1 $4" >> {seen}; test "$1" = show || exec sleep 1000'
    windows = [window("3c91", tmp_path, program), window("77ab", tmp_path, program)]
    for call in commands("shop", windows, None):
        tmux(*call)
    assert there(tmux(*LIST, "-t", "shop")) == {"3c91": PANES, "77ab": PANES}

    def starts(role: str) -> int:
        return seen.read_text().splitlines().count(f"watch {role}") if seen.exists() else 0

    until(lambda: starts("developer") == 2)
    pids = tmux("list-panes", "-t", "shop:=3c91", "-F", "#{@setpoint_pane} #{pane_pid}")
    (pid,) = (line.split()[1] for line in pids.splitlines() if line.startswith("developer"))
    os.killpg(int(pid), 9)
    # A tmux that is busy at that moment hears of the death with the next end of a program of its own.
    until(lambda: tmux("run-shell", "true") == "" and starts("developer") == 3)
    assert commands("shop", windows, there(tmux(*LIST, "-t", "shop"))) == ()

    tmux("kill-pane", "-t", "shop:=77ab.{top-left}")
    again = commands("shop", windows, there(tmux(*LIST, "-t", "shop")))
    for call in again:
        tmux(*call)
    assert there(tmux(*LIST, "-t", "shop")) == {"3c91": PANES, "77ab": PANES}
