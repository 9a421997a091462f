"""Product code that knows whether it is tested, or reaches into the runner: what tests see is not what users get."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from ...model.objection import Objection
from ..change_set import ChangeSet, Delta
from ..frozen import is_test_path
from .naming import SCRIPTS
from .product import product_deltas
from .python_tricks import python_tricks
from .raised import HIGH, LOW, tampered
from .script_tricks import script_tricks
from .tricks import Trick

_FOR_TESTS = re.compile(
    r"(?:^|[/_.\-])(?:testing|test|tests|pytest|plugin|fixtures|mocks?|__mocks__|storybook)(?:[/_.\-]|$)"
)
_TOLD = {
    "runner-detected": ("the code asks whether it is tested", "it can do one thing under test and another for users"),
    "runner-patched": ("the code reaches into the test runner", "a runner it has changed reports what the code wants"),
    "equality-faked": ("everything is equal to this", "whatever a test compares with it is right"),
}


def runner_tricks(change: ChangeSet) -> Iterator[Objection]:
    """Objections against added lines of the product that look for the runner or change what it sees."""
    for delta in product_deltas(change):
        if delta.after is not None and not _FOR_TESTS.search(delta.path):
            yield from (_objection(delta, trick) for trick in _tricks(delta) if _added(trick, delta))
    for delta in change.deltas:
        if delta.after is not None:
            yield from (_objection(delta, trick) for trick in _startup(delta))


def _added(trick: Trick, delta: Delta) -> bool:
    return any(line in delta.added_lines for line in range(trick.line, max(trick.line, trick.end) + 1))


def _tricks(delta: Delta) -> Iterator[Trick]:
    if delta.path.endswith(".py"):
        return python_tricks(delta.path, delta.text_after)
    return script_tricks(delta.path, delta.text_after) if PurePosixPath(delta.path).suffix in SCRIPTS else iter(())


def _objection(delta: Delta, trick: Trick) -> Objection:
    what, cause = _TOLD[trick.rule]
    return tampered(
        trick.rule, f"{what}: {trick.how}", delta.path, trick.line, cause=cause,
        evidence=delta.added_lines.get(trick.line, "").strip(), severity=LOW if trick.mild else HIGH,
    )  # fmt: skip


def _startup(delta: Delta) -> Iterator[Trick]:
    """What is loaded before every test run."""
    path = PurePosixPath(delta.path)
    if path.name in ("sitecustomize.py", "usercustomize.py") or path.suffix == ".pth":
        yield Trick("runner-patched", 1, f"{path.name} runs before every test run")
    elif path.name in ("pyproject.toml", "setup.cfg", "setup.py"):
        line = next((at for at, text in delta.added_lines.items() if "pytest11" in text), 0)
        if line:
            yield Trick("runner-patched", line, "a pytest plugin that is loaded by itself")
    elif path.name == "conftest.py" and delta.arrived and "/" in delta.path and not is_test_path(f"{path.parent}/x"):
        yield Trick("runner-patched", 1, "a conftest beside the product")
