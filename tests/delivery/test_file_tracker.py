"""Tickets come from files and standard input, or an error says why not."""

import io
from pathlib import Path

import pytest

from setpoint.adapters.trackers.files import FileTracker
from setpoint.errors import TicketError


async def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "ticket.md").write_bytes("\ufeff# Sign up\r\n\r\nPlease: é\r\n".encode())
    assert await FileTracker(tmp_path).fetch("ticket.md") == "# Sign up\n\nPlease: é\n"
    assert await FileTracker().fetch(str(tmp_path / "ticket.md")) == "# Sign up\n\nPlease: é\n"


async def test_a_dash_is_standard_input() -> None:
    assert await FileTracker(stdin=io.BytesIO(b"# Sign up\n")).fetch("-") == "# Sign up\n"


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
