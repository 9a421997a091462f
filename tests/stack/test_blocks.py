"""Ports and names of one stack alone."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from stacked import answering
from stacked import settings as stack

from setpoint.adapters.stacks.blocks import BLOCKS, Block, claim
from setpoint.errors import StackError

MOVES = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=40)


@given(moves=MOVES, taken=st.sets(st.integers(20_000, 20_000 + 16 * BLOCKS - 1), max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_two_live_worktrees_share_a_port_or_a_name(moves: list[tuple[bool, int]], taken: set[int]) -> None:
    live: list[Block] = []
    with tempfile.TemporaryDirectory() as folder:
        for comes, number in moves:
            if comes or not live:
                live.append(claim(Path(folder), f"worktree {number}", lambda port: port not in taken))
            else:
                live.pop(number % len(live)).release()
            ports = [port for block in live for port in block.ports]
            assert len(set(ports)) == len(ports)
            assert not taken.intersection(ports)
            assert len({block.first for block in live}) == len(live)
            assert max(ports, default=0) < 32_768
        for block in live:
            block.release()


def test_a_worktree_gets_the_same_ports_again_and_another_machines_guest_is_let_be(tmp_path: Path) -> None:
    first = claim(tmp_path, "shop", lambda port: True)
    first.release()
    again = claim(tmp_path, "shop", lambda port: True)
    assert again.first == first.first
    again.release()
    beside = claim(tmp_path, "shop", lambda port: port != first.first + 3)
    assert beside.first != first.first
    beside.release()


def test_where_all_ports_are_taken_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no ports are free for the stack"):
        claim(tmp_path, "shop", lambda port: False)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"service": [answering(), answering()]}, "two services have the name greeter"),
        ({"service": [answering(), answering("other", 1)]}, "two services have the port 1"),
        ({"ports": 1, "env": {"URL": "http://127.0.0.1:{port_2}"}}, "env asks for {port_2}, and there are 1 ports"),
        ({"ports": 1, "env": {"SETPOINT_PORT_1": "1"}}, "SETPOINT_PORT_1 is setpoint's to tell"),
        ({"env": {"PLACE": "{data}"}}, "which only services and set-up see"),
        ({"setup": [["migrate", "{port_0}"]]}, "setup asks for {port_0}"),
        ({"ports": 9}, "less than or equal to 8"),
        ({"service": [{"name": "db", "run": []}]}, "at least 1 item"),
        ({"app": {"run": ["serve"], "port": 1, "path": "orders"}}, "String should match pattern"),
    ],
)
def test_a_stack_that_does_not_fit_together_says_why(written: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as error:
        stack(**written)
    assert words in str(error.value)
