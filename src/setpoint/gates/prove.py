"""Proof that a gate can fail: plant a fault it is there for and see it turn red. One that stays green is decoration."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import PurePosixPath

from ..model.evidence import GateResult, Outcome
from ..model.gate import Gate
from ..model.record import Line, Record
from ..ports import Room
from .frozen import is_test_file
from .run import Keep, run_gate, sha256
from .tools import TOOLS
from .words import words

Plant = Callable[[dict[str, bytes | None]], AbstractAsyncContextManager[Room]]
"""A clean throw-away room with these files laid over it (`Workspace.checkout` of one tree)."""
_NAME = "setpoint_planted"
MOST_FAULTS = 6
"""Most faults that are planted for one gate."""
_MOCHA_TEST = "it('planted', () => { throw new Error('planted fault'); });\n"
_JS_TEST = "test('planted', () => { throw new Error('planted fault'); });\n"


class Fault(Record):
    """A fault to plant."""

    what: Line
    suffix: str
    """File name's end; the file stands beside one that the gate examines."""
    content: str
    in_tests: bool = False


class Proven(Record):
    """What became of a gate with a planted fault."""

    gate: Line
    red: bool
    """True when the gate turned red, so it can fail."""
    fault: str
    """The fault that turned it red, or all that did not."""
    result: GateResult | None = None


_UNTIDY = Fault(what="an unformatted file", suffix=".py", content="x   =  [1,\n2 ]\n")
FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "pytest": (
        Fault(what="a failing test", suffix=".py", content="def test_planted():\n    assert False\n", in_tests=True),
    ),
    "unittest": (
        Fault(
            what="a failing test",
            suffix=".py",
            content="import unittest\n\n\nclass Planted(unittest.TestCase):\n"
            "    def test_planted(self):\n        self.fail()\n",
            in_tests=True,
        ),
    ),
    "ruff check": (
        Fault(what="an unused import", suffix=".py", content="import os\n"),
        Fault(what="a syntax error", suffix=".py", content="def broken(:\n"),
    ),
    "flake8": (Fault(what="an unused import", suffix=".py", content="import os\n"),),
    "ruff format": (_UNTIDY,),
    "black": (_UNTIDY,),
    "mypy": (
        Fault(what="a type error", suffix=".py", content='number: int = "text"\n'),
        Fault(what="a call of the wrong type", suffix=".py", content='def planted() -> int:\n    return "text"\n'),
    ),
    "django test": (
        Fault(
            what="a failing test",
            suffix=".py",
            content="from django.test import SimpleTestCase\n\n\nclass Planted(SimpleTestCase):\n"
            "    def test_planted(self):\n        self.fail()\n",
            in_tests=True,
        ),
    ),
    "ty check": (
        Fault(what="a type error", suffix=".py", content='number: int = "text"\n'),
        Fault(what="a syntax error", suffix=".py", content="def broken(:\n"),
    ),
    "bandit": (
        Fault(
            what="a shell command from outside",
            suffix=".py",
            content="import subprocess\nimport sys\n\nsubprocess.call(sys.argv[1], shell=True)\n",
        ),
    ),
    "isort": (Fault(what="unsorted imports", suffix=".py", content="import sys\nimport os\n"),),
    "pyright": (Fault(what="a type error", suffix=".py", content='number: int = "text"\n'),),
    "node --test": (
        Fault(
            what="a failing test",
            suffix=".test.mjs",
            content=f"import test from 'node:test';\n{_JS_TEST}",
            in_tests=True,
        ),
    ),
    "vitest": (
        Fault(
            what="a failing test",
            suffix=".test.js",
            content=f"import {{ test }} from 'vitest';\n{_JS_TEST}",
            in_tests=True,
        ),
    ),
    "jest": (Fault(what="a failing test", suffix=".test.js", content=_JS_TEST, in_tests=True),),
    "mocha": (Fault(what="a failing test", suffix=".test.js", content=_MOCHA_TEST, in_tests=True),),
    "ava": (
        Fault(
            what="a failing test",
            suffix=".test.mjs",
            content="import test from 'ava';\ntest('planted', () => { throw new Error('planted fault'); });\n",
            in_tests=True,
        ),
    ),
    "prettier": (Fault(what="an unformatted file", suffix=".js", content="const   planted = {a:1}\n"),),
    "biome": (
        Fault(what="a syntax error", suffix=".js", content="const = ;\n"),
        Fault(what="an unformatted file", suffix=".js", content="const   planted = {a:1}\n"),
    ),
    "tsc": (Fault(what="a type error", suffix=".ts", content="export const planted: number = 'text';\n"),),
    "eslint": (Fault(what="a syntax error", suffix=".js", content="const = ;\n"),),
}


async def prove(name: str, gate: Gate, plant: Plant, *, tree: str, environment: str, keep: Keep = sha256) -> Proven:
    """Plant the known faults of the gate's tool one after the other until it turns red. `plant` gives the tree of a
    green result with files laid over it."""
    tool = words(gate.run).tool
    async with plant({}) as clean:
        there = frozenset(clean.files())
    faults = FAULTS.get(tool) or _of_kind(gate, there)
    result: GateResult | None = None
    for fault in faults:
        path = _place(fault, gate, sorted(there))
        async with plant({path: fault.content.encode()}) as room:
            result = await run_gate(name, gate, room, tree=tree, environment=environment, keep=keep, reruns=0)
        if result.outcome is Outcome.FAILED and _speaks_of(result, path):
            return Proven(gate=name, red=True, fault=fault.what, result=result)
    tried = ", ".join(fault.what for fault in faults) or f"no fault is known for {tool or 'this command'}"
    return Proven(gate=name, red=False, fault=tried, result=result)


def _of_kind(gate: Gate, files: Collection[str]) -> tuple[Fault, ...]:
    """Faults for a command whose tool is not known, of the languages there are: what such gates are there for."""
    below = "" if gate.where == "." else gate.where.rstrip("/") + "/"
    suffixes = {PurePosixPath(path).suffix for path in files if path.startswith(below)}
    tools = [name for name, tool in TOOLS.items() if tool.kind is gate.kind and name in FAULTS]
    found = (fault for name in tools for fault in FAULTS[name])
    return tuple(dict.fromkeys(fault for fault in found if PurePosixPath(fault.suffix).suffix in suffixes))[
        :MOST_FAULTS
    ]


def _speaks_of(result: GateResult, path: str) -> bool:
    """Red for another reason proves nothing."""
    stem = PurePosixPath(path).name.partition(".")[0]
    told = [test.id + test.message for test in result.tests if test.outcome in ("failed", "error")]
    told += [finding.path for finding in result.findings]
    return any(stem in text or "planted" in text for text in told) or stem in result.tail


def _place(fault: Fault, gate: Gate, files: Sequence[str]) -> str:
    """A new file beside the first one that the gate looks at."""
    below = "" if gate.where == "." else gate.where.rstrip("/") + "/"
    known = [path for path in sorted(files) if path.startswith(below)]
    kind = "." + fault.suffix.rpartition(".")[2]
    kinds = (
        (".py",)
        if kind == ".py"
        else (".ts", ".tsx")
        if kind == ".ts"
        else (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx")
    )
    beside = [path for path in known if path.endswith(kinds) and is_test_file(path) == fault.in_tests]
    folder = str(PurePosixPath(beside[0]).parent) if beside else gate.where
    stem = f"test_{_NAME}" if fault.in_tests and kind == ".py" else _NAME
    return f"{folder}/{stem}{fault.suffix}".removeprefix("./")
