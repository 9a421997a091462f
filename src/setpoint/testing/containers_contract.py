"""What everything promises that runs a stack's containers, as tests. A subclass gives the fixture `engine`."""

import time
from collections.abc import Callable

import pytest

from ..adapters.stacks.containers import Containers
from ..errors import StackError
from ..model.compose import Contained

Made = Callable[[str], Containers]
"""Containers of one life, for a service of this name; their loopback is there."""
IMAGE = "setpoint-test:1"
"""Any image with a shell."""


def one(script: str, **told: object) -> Contained:
    """A container that does `script`."""
    return Contained.model_validate({"name": "db", "image": IMAGE, "command": ["sh", "-c", script], **told})


def ended(containers: Containers) -> int:
    """The exit code, once it has one."""
    until = time.monotonic() + 20
    while "db" not in containers.ended():
        assert time.monotonic() < until
        time.sleep(0.02)
    return containers.ended()["db"]


class ContainersContract:
    """Inherited by the tests of the engines and of their double."""

    def test_it_runs_its_words_with_its_variables_and_says_what_they_said(self, engine: Made) -> None:
        containers = engine("db")
        containers.start(one('echo "$GREETING"; echo no >&2; exit 3', env={"GREETING": "hello = you"}))
        assert ended(containers) == 3
        assert set(containers.said("db").splitlines()) == {"hello = you", "no"}

    def test_a_health_check_passes_as_long_as_it_exits_with_0(self, engine: Made) -> None:
        containers = engine("db")
        containers.start(one("sleep 60"))
        assert not containers.ended()
        assert containers.passes("db", ("sh", "-c", "exit 0"))
        assert not containers.passes("db", ("sh", "-c", "exit 1"))
        assert not containers.passes("db", ("no-such-program",))

    def test_an_image_that_is_not_here_is_not_fetched(self, engine: Made) -> None:
        with pytest.raises(StackError, match="nowhere:1 is not on this machine"):
            engine("db").start(one("true").model_copy(update={"image": "nowhere:1"}))

    def test_nothing_is_left_and_nothing_starts_once_it_was_ended(self, engine: Made) -> None:
        containers = engine("db")
        containers.start(one("sleep 60"))
        containers.close()
        containers.close()
        assert containers.ended().get("db", -1) != 0
        with pytest.raises(StackError):
            containers.start(one("true"))
