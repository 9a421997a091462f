"""Tickets come from files and standard input, or an error says why not."""

import asyncio
import os
import re
import subprocess
from pathlib import Path
from typing import BinaryIO

import pytest

from setpoint.adapters.trackers.files import FileTracker
from setpoint.errors import TicketError


async def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "ticket.md").write_bytes("\ufeff# Sign up\r\n\r\nPlease: é\r\n".encode())
    assert await FileTracker(tmp_path).fetch("ticket.md") == "# Sign up\n\nPlease: é\n"
    assert await FileTracker().fetch(str(tmp_path / "ticket.md")) == "# Sign up\n\nPlease: é\n"


def pipe_with(content: bytes) -> BinaryIO:
    """The reading end of a pipe that holds `content` and whose writer has gone."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return os.fdopen(reading, "rb")


async def test_a_dash_is_standard_input() -> None:
    with pipe_with(b"# Sign up\n") as stdin:
        assert await FileTracker(stdin=stdin).fetch("-") == "# Sign up\n"


async def test_a_pipe_of_the_shells_own_is_read_like_standard_input() -> None:
    with pipe_with(b"# Sign up\n") as pipe:
        assert await FileTracker().fetch(f"/dev/fd/{pipe.fileno()}") == "# Sign up\n"


async def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ticket.md")
    with pytest.raises(TicketError, match="nobody writes to it"):
        await FileTracker(tmp_path).fetch("ticket.md")


async def test_a_pipe_without_end_is_read_no_further_than_the_limit(tmp_path: Path) -> None:
    fifo = tmp_path / "ticket.md"
    os.mkfifo(fifo)
    writer = subprocess.Popen(["sh", "-c", 'exec yes > "$0"', str(fifo)], stderr=subprocess.DEVNULL)
    holder = os.open(fifo, os.O_RDWR)  # opens at once, and lets the writer begin
    try:
        with pytest.raises(TicketError, match="larger than 1048576 bytes"):
            await FileTracker().fetch(str(fifo))
    finally:
        os.close(holder)
        assert writer.wait(30) != 0  # it wrote to nobody


async def test_one_who_stops_waiting_for_standard_input_is_let_go() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stdin:
        waiting = asyncio.create_task(FileTracker(stdin=stdin).fetch("-"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting, 0.05)
        await asyncio.get_running_loop().shutdown_default_executor()  # its reader ends
    os.close(writing)


@pytest.mark.parametrize(("path", "what"), [("/dev/zero", "a device"), (".", "a folder"), ("/dev", "a folder")])
async def test_what_is_no_file_is_refused(tmp_path: Path, path: str, what: str) -> None:
    with pytest.raises(TicketError, match=f"is {what}, not a file"):
        await FileTracker(tmp_path).fetch(path)


async def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "ticket.md").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(TicketError, match="larger"):
        await FileTracker(tmp_path).fetch("ticket.md")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("# Grüße\n\nAn alle.".encode("latin-1"), r"byte 4 \(line 1, byte 5 of it\) is 0xfc"),
        (b"# All\n\nPlease: \xe9\n", r"byte 15 \(line 3, byte 9 of it\) is 0xe9"),
        ("# Gruß".encode("utf-16"), "begins as UTF-16"),
    ],
)
async def test_another_encoding_is_told_with_its_place(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "ticket.md").write_bytes(content)
    with pytest.raises(TicketError, match="save it as UTF-8") as told:
        await FileTracker(tmp_path).fetch("ticket.md")
    assert re.search(why, told.value.why)
    assert told.value.exit_code == 2


async def test_a_mistyped_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "signup.md").write_text("# Sign up")
    with pytest.raises(TicketError, match=r"did you mean .*signup\.md"):
        await FileTracker(tmp_path).fetch("sgnup.md")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no text"),
        (b" \n\t\n", "no text"),
        (b"a\0b", "no text"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a" * 1_048_577, "larger"),
    ],
)
async def test_what_is_no_ticket_says_why(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "ticket.md").write_bytes(content)
    with pytest.raises(TicketError, match=why):
        await FileTracker(tmp_path).fetch("ticket.md")


@pytest.mark.parametrize("reference", [".", "none.md", "a\0b", "x" * 5000])
async def test_references_that_lead_nowhere_say_so(tmp_path: Path, reference: str) -> None:
    with pytest.raises(TicketError):
        await FileTracker(tmp_path).fetch(reference)


async def test_the_largest_ticket_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "ticket.md").write_bytes(b"a" * 1_048_576)
    assert len(await FileTracker(tmp_path).fetch("ticket.md")) == 1_048_576
