"""The text of tripwire tests, one writer for each tool. Each test carries a token in its name and, where it must fail,
a seed: only running the test turns the seed into the words that its failure has to hold."""

import hashlib
import json
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

ROUNDS = 500
"""How often a seed is hashed: enough that the words stand nowhere in the file."""
LETTERS = 16


@dataclass(frozen=True)
class Wire:
    """One test that must be reported just so."""

    token: str
    """Part of its name, and of no other."""
    outcome: str
    """passed, failed or error; a tool that knows no errors reports a failure."""
    words: str = ""
    """What the failure's message must hold."""
    inspects: bool = False
    """It looks whether the runner is still the runner; its message names what is not."""


def spoken(seed: str) -> str:
    """What running a test makes of its seed."""
    for _ in range(ROUNDS):
        seed = hashlib.sha256(seed.encode()).hexdigest()
    return seed[:LETTERS]


Drawn = tuple[str, str]
"""A token and a seed."""


def _draw(chance: random.Random) -> Drawn:
    return f"{chance.choice('bcdfgklmnprst')}{chance.getrandbits(40):010x}", f"{chance.getrandbits(64):016x}"


# -- Python ------------------------------------------------------------------------------------------------------------

_HEAD = '''"""A tripwire of the judge: not part of the change."""

import hashlib
import unittest
{imports}

def _spoken(seed):
    for _ in range({rounds}):
        seed = hashlib.sha256(seed.encode()).hexdigest()
    return seed[:{letters}]

'''
_PYTEST: tuple[tuple[str, str], ...] = (
    ("failed", 'def test_{token}():\n    assert not _spoken("{seed}"), _spoken("{seed}")\n'),
    ("failed", 'def test_{token}():\n    raise ValueError(_spoken("{seed}"))\n'),
    ("failed", 'class Test{token}:\n    def test_it(self):\n        assert _spoken("{seed}") == ""\n'),
    (
        "failed",
        'def test_{token}():\n    with pytest.raises(ValueError):\n        raise KeyError(_spoken("{seed}"))\n',
    ),
    ("failed", 'def test_{token}():\n    pytest.fail(_spoken("{seed}"))\n'),
    (
        "error",
        '@pytest.fixture\ndef given_{token}():\n    raise RuntimeError(_spoken("{seed}"))\n\n\n'
        "def test_{token}(given_{token}):\n    pass\n",
    ),
    ("passed", "def test_{token}():\n    assert True\n"),
)
_UNITTEST: tuple[tuple[str, str], ...] = (
    ("failed", 'class T{token}(unittest.TestCase):\n    def test_it(self):\n        self.fail(_spoken("{seed}"))\n'),
    (
        "failed",
        'class T{token}(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(_spoken("{seed}"), "")\n',
    ),
    (
        "failed",
        "class T{token}(unittest.TestCase):\n    def test_it(self):\n"
        '        self.assertTrue(False, _spoken("{seed}"))\n',
    ),
    (
        "failed",
        'class T{token}(unittest.TestCase):\n    def test_it(self):\n        raise ValueError(_spoken("{seed}"))\n',
    ),
    ("passed", "class T{token}(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(1, 1)\n"),
)
_INSPECT = '''def _foreign(pluginmanager=None):
    import importlib
    import os
    import sys
    import sysconfig

    changed, own = {changed!r}, {own!r}
    kept = [os.path.realpath(path) + os.sep for path in sysconfig.get_paths().values()]
    places = """{places}"""

    def strange(function):
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if code is None:
            return "not a function" if not callable(function) else ""
        path = os.path.realpath(code.co_filename)
        if any(path.startswith(folder) for folder in kept) or any(path.endswith(os.sep + name) for name in own):
            return ""
        return code.co_filename

    for line in places.split():
        module, _, name = line.partition(":")
        if module not in sys.modules:
            continue
        found = sys.modules[module]
        for part in name.split("."):
            found = getattr(found, part, None)
        where = strange(found) if found is not None else ""
        if where:
            yield module + "." + name + " now comes from " + where
    for name in {hooks!r} if pluginmanager else ():
        for hook in getattr(pluginmanager.hook, name).get_hookimpls():
            code = getattr(hook.function, "__code__", None)
            where = os.path.realpath(code.co_filename) if code else ""
            if any(where.endswith(os.sep + path) for path in changed):
                yield "the hook " + name + " of " + hook.plugin_name + " is part of the change"
'''
_INSPECTED = """
unittest.case:TestCase.run unittest.case:TestCase.fail unittest.case:TestCase.assertEqual
unittest.case:TestCase.assertTrue unittest.case:TestCase._callTestMethod unittest.case:TestCase.assertRaises
unittest.suite:TestSuite.run unittest.result:TestResult.addFailure unittest.result:TestResult.addError
unittest.result:TestResult.addSuccess unittest.result:TestResult.wasSuccessful
unittest.runner:TextTestResult.addFailure unittest.runner:TextTestResult.addError unittest.runner:TextTestRunner.run
unittest.main:TestProgram.runTests _pytest.runner:call_and_report _pytest.runner:check_interactive_exception
_pytest.runner:runtestprotocol _pytest.runner:pytest_runtest_makereport _pytest.runner:pytest_runtest_call
_pytest.runner:CallInfo.from_call _pytest.reports:TestReport.from_item_and_call _pytest.reports:TestReport.__init__
_pytest.python:Function.runtest _pytest.python:pytest_pyfunc_call _pytest.junitxml:LogXML.pytest_runtest_logreport
_pytest.junitxml:LogXML.append_failure _pytest.junitxml:LogXML.pytest_sessionfinish
_pytest.junitxml:_NodeReporter.append_failure _pytest.main:wrap_session
_pytest.main:Session.pytest_runtest_logreport _pytest.unittest:TestCaseFunction.runtest
_pytest.raises:RaisesExc.__exit__ _pytest.unittest:TestCaseFunction.addFailure
_pytest.unittest:TestCaseFunction.addError _pytest.outcomes:fail pluggy._callers:_multicall
pluggy._hooks:HookCaller.__call__ pluggy._manager:PluginManager._hookexec
_pytest.terminal:TerminalReporter.pytest_runtest_logreport
"""
_HOOKS = (
    *("pytest_runtest_makereport", "pytest_runtest_protocol", "pytest_runtest_call", "pytest_pyfunc_call"),
    *("pytest_runtest_logreport", "pytest_report_teststatus", "pytest_sessionfinish", "pytest_unconfigure"),
)


def part_of_runner(files: Collection[str], changed: Collection[str]) -> tuple[str, ...]:
    """Files that are the runner itself, where the project is one that runners are made of, and that the change leaves
    as they are."""
    modules = {line.partition(":")[0].replace(".", "/") + ".py" for line in _INSPECTED.split()}
    homes = {
        path.rpartition("/")[0] + "/"
        for path in files
        if "/" in path and any(f"/{path}".endswith(f"/{module}") for module in modules)
    }
    return tuple(sorted(path for path in files if path.startswith(tuple(homes)) and path not in changed))


def pytest_text(
    chance: random.Random, changed: Sequence[str], own: Sequence[str], marks: Sequence[str]
) -> tuple[str, list[Wire]]:
    """A file for pytest. `changed` are paths whose hooks count as the change's own, `own` the project's files that are
    the runner itself; `marks` are put on every test."""
    parts, wires = _python_parts(chance, (*_PYTEST, *_UNITTEST))
    token, _ = _draw(chance)
    inspect = _INSPECT.format(changed=tuple(changed), own=tuple(own), places=_INSPECTED, hooks=_HOOKS)
    parts.append(
        f"{inspect}\n\ndef test_{token}(request):\n"
        "    found = sorted(set(_foreign(request.config.pluginmanager)))\n    assert not found, '; '.join(found)\n"
    )
    wires.append(Wire(token, "passed", inspects=True))
    marked = f"\npytestmark = [{', '.join(f'pytest.mark.{mark}' for mark in marks)}]\n" if marks else ""
    head = _HEAD.format(imports=f"\nimport pytest\n{marked}", rounds=ROUNDS, letters=LETTERS)
    return head + "\n\n".join(parts), wires


def unittest_text(
    chance: random.Random, _changed: Sequence[str], own: Sequence[str], _marks: Sequence[str]
) -> tuple[str, list[Wire]]:
    """A file for unittest."""
    parts, wires = _python_parts(chance, _UNITTEST)
    token, _ = _draw(chance)
    parts.append(_INSPECT.format(changed=(), own=tuple(own), places=_INSPECTED, hooks=()))
    parts.append(
        f"class T{token}(unittest.TestCase):\n    def test_it(self):\n        found = sorted(set(_foreign()))\n"
        "        if found:\n            raise AssertionError('; '.join(found))\n"
    )
    wires.append(Wire(token, "passed", inspects=True))
    return _HEAD.format(imports="", rounds=ROUNDS, letters=LETTERS) + "\n\n".join(parts), wires


def _python_parts(chance: random.Random, shapes: Sequence[tuple[str, str]]) -> tuple[list[str], list[Wire]]:
    shuffled = chance.sample(shapes, len(shapes))
    parts, wires = [], []
    for outcome, text in shuffled:
        token, seed = _draw(chance)
        parts.append(text.format(token=token, seed=seed))
        wires.append(Wire(token, outcome, spoken(seed) if outcome != "passed" else ""))
    return parts, wires


# -- JavaScript --------------------------------------------------------------------------------------------------------

_JS_SHAPES: tuple[tuple[str, str], ...] = (
    ("failed", "throw new Error(spoken('{seed}'));"),
    ("failed", "assert.strictEqual(spoken('{seed}'), '');"),
    ("failed", "assert.equal(spoken('{seed}'), '');"),
    ("failed", "assert.deepEqual([spoken('{seed}')], []);"),
    ("failed", "assert.ok(false, spoken('{seed}'));"),
    ("failed", "assert.deepStrictEqual([spoken('{seed}')], []);"),
    ("failed", "assert.throws(() => {{}}, undefined, spoken('{seed}'));"),
    ("passed", "assert.ok(true);"),
)
_EXPECT_SHAPES: tuple[tuple[str, str], ...] = (
    ("failed", "throw new Error(spoken('{seed}'));"),
    ("failed", "expect(spoken('{seed}')).toBe('');"),
    ("failed", "expect([spoken('{seed}')]).toEqual([]);"),
    ("failed", "expect(() => {{ throw new Error(spoken('{seed}')); }}).not.toThrow();"),
    ("passed", "expect(1).toBe(1);"),
)
_AVA_SHAPES: tuple[tuple[str, str], ...] = (
    ("failed", "throw new Error(spoken('{seed}'));"),
    ("failed", "t.is(spoken('{seed}'), '');"),
    ("failed", "t.fail(spoken('{seed}'));"),
    ("failed", "t.deepEqual([spoken('{seed}')], []);"),
    ("passed", "t.pass();"),
)


@dataclass(frozen=True)
class Dialect:
    """How a JavaScript tool's tests are written."""

    shapes: tuple[tuple[str, str], ...]
    common: str
    """Lines that bring `test` (and `expect`, `assert`) in a CommonJS file."""
    module: str
    """The same in an ES module."""
    awaits: bool = True
    """Whether a module of it may await at its top."""
    given: str = ""
    """What a test is called with."""


DIALECTS: dict[str, Dialect] = {
    "node --test": Dialect(
        _JS_SHAPES,
        "const test = require('node:test');\nconst assert = require('{library}');\n",
        "import test from 'node:test';\nimport assert from '{library}';\n",
    ),
    "vitest": Dialect(_EXPECT_SHAPES, "", "import { expect, test } from 'vitest';\n"),
    "jest": Dialect(_EXPECT_SHAPES, "", "", awaits=False),
    "ava": Dialect(_AVA_SHAPES, "const test = require('ava').default;\n", "import test from 'ava';\n", given="t"),
    "mocha": Dialect(
        _JS_SHAPES,
        "const assert = require('{library}');\nconst test = globalThis.it ?? globalThis.test;\n",
        "import assert from '{library}';\nconst test = globalThis.it ?? globalThis.test;\n",
    ),
}


def javascript_text(
    tool: str, chance: random.Random, *, module: bool, loads: Sequence[str], library: str, extra: str = ""
) -> tuple[str, list[Wire]]:
    """A file for a JavaScript tool. `loads` are what the tests beside it load, so that code which tampers with the
    runner when it is loaded has done so here too; `library` is the module they take `assert` from."""
    dialect = DIALECTS[tool]
    crypto = (
        "import { createHash } from 'node:crypto';\n" if module else "const { createHash } = require('node:crypto');\n"
    )
    brought = [
        f"await import({json.dumps(name)}).catch(() => {{}});\n"
        if module and dialect.awaits
        else f"try {{ require({json.dumps(name)}); }} catch {{}}\n"
        for name in loads
    ]
    own = [(dialect.module if module else dialect.common).replace("{library}", library), crypto]
    lines = ["// @ts-nocheck\n/* eslint-disable */\n", extra, *(own + brought if module else brought + own)]
    lines.append(
        f"const spoken = (seed) => {{\n  for (let n = 0; n < {ROUNDS}; n += 1) "
        f"seed = createHash('sha256').update(seed).digest('hex');\n  return seed.slice(0, {LETTERS});\n}};\n"
    )
    wires = []
    for outcome, text in chance.sample(dialect.shapes, len(dialect.shapes)):
        token, seed = _draw(chance)
        lines.append(f"test('{token}', ({dialect.given}) => {{ {text.format(seed=seed)} }});\n")
        wires.append(Wire(token, outcome, spoken(seed) if outcome != "passed" else ""))
    return "".join(lines), wires


Writer = Callable[[random.Random, Sequence[str], Sequence[str], Sequence[str]], tuple[str, list[Wire]]]
PYTHON: dict[str, Writer] = {"pytest": pytest_text, "unittest": unittest_text, "django test": unittest_text}
