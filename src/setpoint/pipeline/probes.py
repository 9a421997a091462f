"""A reviewer's probe is run by the engine, in a copy of its own: what it sees fail is shown, all else is opinion.

A finding may bring the test that its probe runs. The test is laid over the copy where no file was, so it can add a
question and replace nothing. A finding whose own probe passes is advice.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from ..errors import DeniedError
from ..gates.frozen import is_test_file
from ..model.command import CommandLimits, Completed
from ..model.objection import Objection, Severity
from ..policy.paths import canonical
from ..ports import Room
from .prompts import capped

Checkout = Callable[[str], AbstractAsyncContextManager[Room]]

COULD_NOT_RUN = frozenset({2, 4, 5, 124, 126, 127, 137})
"""Exit codes that say a command did not get to its point: wrong use, no tests, not found, out of time or memory."""
MOST = 12
"""Probes run of one report, the first ones: the reviewer lists the worst first."""
LIMITS = CommandLimits(seconds=60.0)
TAIL = 1_500
"""Characters kept of what a probe printed."""
TEST_CAP = 40_000
"""Characters of a test that a finding may bring."""


class Probes:
    """Where probes of one session are run: each once on a tree, however often it is asked for."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        self._done: dict[tuple[str, str, str, str], Completed] = {}

    async def run(self, found: Objection, tree: str) -> Completed:
        """What the probe of `found` does on `tree`, with its test laid there."""
        key = (tree, found.probe, found.test_path, found.test)
        if key not in self._done:
            async with self._checkout(tree) as room:
                if refused := _lay(found, room):
                    self._done[key] = Completed(exit_code=126, stdout="", stderr=refused, seconds=0.0)
                else:
                    self._done[key] = await room.run(["sh", "-c", found.probe], limits=LIMITS)
        return self._done[key]

    async def passes(self, found: Objection, tree: str) -> bool:
        """Whether the probe ends well there."""
        return (await self.run(found, tree)).exit_code == 0

    async def probed(
        self, found: Sequence[Objection], tree: str, redact: Callable[[Any], Any]
    ) -> tuple[Objection, ...]:
        """The objections, each with what its probe did on `tree`."""
        told, left = [], MOST
        for objection in found:
            if objection.probe and objection.blocks and left:
                left -= 1
                told.append(_seen(objection, await self.run(objection, tree), tree, redact))
            else:
                told.append(objection)
        return tuple(told)


def unusable(found: Objection, files: Sequence[str]) -> str:
    """Why the test of `found` cannot be laid beside `files`; empty when it can, or there is none."""
    if not found.test:
        return ""
    try:
        path = canonical(found.test_path)
    except DeniedError as error:
        return f"test_path: {error.what}"
    if not found.probe:
        return "a test without the probe that runs it"
    if not is_test_file(path):
        return f"test_path: {path} is no test file"
    if path in files:
        return f"test_path: {path} is there already; name a file of its own"
    return f"test: longer than {TEST_CAP} characters" if len(found.test) > TEST_CAP else ""


def _lay(found: Objection, room: Room) -> str:
    why = unusable(found, room.files())
    if found.test and not why:
        room.write(canonical(found.test_path), found.test.encode("utf-8", "replace"))
    return why


def _seen(objection: Objection, done: Completed, tree: str, redact: Callable[[Any], Any]) -> Objection:
    shown = done.exit_code != 0 and done.exit_code not in COULD_NOT_RUN
    said = capped("\n".join(part.strip() for part in (done.stdout, done.stderr) if part.strip()), TAIL)
    verdict = "it fails" if shown else "it shows nothing"
    told = f"The engine ran the probe on {tree[:12]}: exit {done.exit_code}, {verdict}."
    evidence = f"{objection.evidence}\n{told}\n{redact(said)}".strip()
    seen = objection.model_copy(update={"shown": shown, "evidence": evidence})
    if done.exit_code:
        return seen
    return seen.model_copy(update={"severity": Severity.LOW, "advisory": True})
