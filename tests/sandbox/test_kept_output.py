"""Kept output is bounded, whole where it fits, and its ends are the stream's."""

from hypothesis import given
from hypothesis import strategies as st

from setpoint.adapters.sandboxes.output import Kept


@given(pieces=st.lists(st.binary(max_size=50), max_size=30), limit=st.integers(2, 400))
def test_both_ends_are_the_streams(pieces: list[bytes], limit: int) -> None:
    text = "".join(piece.hex() for piece in pieces)
    kept = Kept(limit)
    for piece in pieces:
        kept.add(piece.hex().encode())
    if len(text) <= limit:
        assert (kept.text(), kept.dropped) == (text, 0)
        return
    head, note, tail = kept.text().split("\n")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) + len(tail) == limit
    assert note == f"… {len(text) - limit} bytes left out …"


def test_a_long_stream_takes_little_memory() -> None:
    kept = Kept(1000)
    for _ in range(1000):
        kept.add(b"x" * 65_536)
    assert kept.dropped == 65_536_000 - 1000
    assert len(kept.text()) < 1100
