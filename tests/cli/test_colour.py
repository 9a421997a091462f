"""Colour goes to the terminal that wants it; each stream is judged by itself."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from commanded import GIT

MARK = b"\x1b["


def read_all(handle: int, into: list[bytes]) -> None:
    try:
        while piece := os.read(handle, 4096):
            into.append(piece)
    except OSError:  # the other side of a terminal has gone
        pass


def streams(folder: Path, *words: str, terminals: frozenset[str], **env: str) -> dict[str, bytes]:
    """What `setpoint WORDS` wrote, its standard output and error being pipes or terminals of their own."""
    pairs = {name: os.openpty() if name in terminals else os.pipe() for name in ("stdout", "stderr")}
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM") and not k.endswith("_API_KEY")}
    process = subprocess.Popen(
        [sys.executable, "-m", "setpoint.cli", *words],
        cwd=folder,
        env={**clean, **GIT, "TERM": "xterm", **env},
        stdin=subprocess.DEVNULL,
        **{name: pair[1] for name, pair in pairs.items()},
    )
    said: dict[str, list[bytes]] = {name: [] for name in pairs}
    readers = [threading.Thread(target=read_all, args=(pairs[name][0], said[name])) for name in pairs]
    for pair in pairs.values():
        os.close(pair[1])
    for reader in readers:
        reader.start()
    assert process.wait(60) == 0
    for reader in readers:
        reader.join()
    for pair in pairs.values():
        os.close(pair[0])
    return {name: b"".join(pieces) for name, pieces in said.items()}


@pytest.mark.parametrize("terminals", [(), ("stdout",), ("stderr",), ("stdout", "stderr")])
def test_each_stream_is_judged_by_itself(repository: Path, terminals: tuple[str, ...]) -> None:
    said = streams(repository, "plan", "ticket.md", terminals=frozenset(terminals))
    assert {name for name, text in said.items() if MARK in text} == set(terminals)
    assert all(said.values())


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_it_is_not_wanted(repository: Path, env: dict[str, str]) -> None:
    said = streams(repository, "plan", "ticket.md", terminals=frozenset(("stdout", "stderr")), **env)
    assert not [name for name, text in said.items() if MARK in text]


def test_a_ticket_cannot_write_to_the_terminal_in_its_own_way(repository: Path) -> None:
    (repository / "ticket.md").write_text(
        "# Add \x1b[31m`shout`\x1b[0m to shop.py\n\nAdd a `shout` function to shop.py that returns its text in upper "
        "case. Add tests for \x1b]0;owned\x07shout.\n"
    )
    said = streams(repository, "plan", "ticket.md", terminals=frozenset(("stdout", "stderr")))
    assert b"\x1b[31m`shout`" not in said["stdout"]
    assert b"\x1b]" not in said["stdout"]
