"""The faults that gates are there for, by the tool that must mind them, and by kind where the tool is a wrapper."""

from collections.abc import Mapping

from ..model.evidence import GateKind
from ..model.gate import Gate
from ..model.record import Line, Record
from .words import words

PYTHON = (".py",)
TYPESCRIPT = (".ts", ".tsx", ".mts", ".cts")
JAVASCRIPT = (".js", ".mjs", ".cjs", ".jsx", *TYPESCRIPT)


class Fault(Record):
    """A fault to plant."""

    what: Line
    beside: tuple[str, ...]
    """Ends of the files it may stand beside; where a tree has none of them, the fault says nothing."""
    content: str
    in_tests: bool = False
    suffix: str = ""
    """End of its own name; empty: its neighbour's."""


def _py(what: str, content: str, *, in_tests: bool = False) -> Fault:
    return Fault(what=what, beside=PYTHON, content=content, in_tests=in_tests, suffix=".py")


def _js(what: str, content: str, *, in_tests: bool = False) -> Fault:
    return Fault(what=what, beside=JAVASCRIPT, content=content, in_tests=in_tests)


_THROWS = "throw new Error('planted fault');"
_PYTEST = _py("a failing test", "def test_planted():\n    assert False\n", in_tests=True)
_CASE = "class Planted({base}):\n    def test_planted(self):\n        self.fail('planted fault')\n"
_UNITTEST = _py("a failing test", f"import unittest\n\n\n{_CASE.format(base='unittest.TestCase')}", in_tests=True)
_DJANGO = _py(
    "a failing test",
    f"from django.test import SimpleTestCase\n\n\n{_CASE.format(base='SimpleTestCase')}",
    in_tests=True,
)
_NODE = Fault(
    what="a failing test",
    beside=JAVASCRIPT,
    content=f"import test from 'node:test';\ntest('planted', () => {{ {_THROWS} }});\n",
    in_tests=True,
    suffix=".test.mjs",
)
_VITEST = _js(
    "a failing test", f"import {{ test }} from 'vitest';\ntest('planted', () => {{ {_THROWS} }});\n", in_tests=True
)
_JEST = _js("a failing test", f"test('planted', () => {{ {_THROWS} }});\n", in_tests=True)
_IT = "(globalThis.it ?? globalThis.test)"
_MOCHA = _js("a failing test", f"{_IT}('planted', () => {{ {_THROWS} }});\n", in_tests=True)
_AVA = _js("a failing test", "import test from 'ava';\ntest('planted', (t) => t.fail('planted'));\n", in_tests=True)
_IMPORT = _py("an unused import", "import os\n")
_PY_SYNTAX = _py("a syntax error", "def broken(:\n")
_UNTIDY = _py("an unformatted file", "x   =  [1,\n2 ]\n")
_ORDER = _py("unsorted imports", "import sys\nimport os\n\nprint(os, sys)\n")
_TYPE = _py("a type error", 'number: int = "text"\n')
_CALL = _py("a call of the wrong type", 'def planted() -> int:\n    return "text"\n')
_SHELL = _py("a shell command from outside", "import subprocess\n\nsubprocess.call(input(), shell=True)\n")
_SAFETY = _py("evaluated input", "eval(input())\nexec(input())\n")
_UNCOVERED = _py("code that no test executes", "def planted(n):\n" + "    n += 1\n" * 3000)
_JS_SYNTAX = _js("a syntax error", "const = ;\n")
_JS_UNUSED = _js("an unknown name", "plantedUnknown(); debugger;\n")
_JS_UNTIDY = _js("an unformatted file", "const   planted = [1,\n2 ]  ;;\nplanted( ) ;\n")
_TS_TYPE = Fault(
    what="a type error", beside=TYPESCRIPT, content="export const planted: number = 'text';\n", suffix=".ts"
)

_TESTS = (_PYTEST, _UNITTEST, _DJANGO, _NODE, _VITEST, _JEST, _MOCHA, _AVA)

OF_TOOL: Mapping[str, tuple[Fault, ...]] = {
    "pytest": (_PYTEST,),
    "unittest": (_UNITTEST,),
    "django test": (_DJANGO,),
    "ruff check": (_IMPORT, _PY_SYNTAX),
    "ruff": (_IMPORT, _PY_SYNTAX),
    "flake8": (_IMPORT, _PY_SYNTAX),
    "pylint": (_IMPORT, _PY_SYNTAX),
    "ruff format": (_UNTIDY,),
    "black": (_UNTIDY,),
    "isort": (_ORDER,),
    "mypy": (_TYPE, _CALL),
    "pyright": (_TYPE, _CALL),
    "basedpyright": (_TYPE, _CALL),
    "ty check": (_TYPE, _CALL),
    "ty": (_TYPE, _CALL),
    "bandit": (_SHELL, _SAFETY),
    # What an advisory service will say cannot be planted.
    **dict.fromkeys(("npm audit", "pnpm audit", "yarn npm audit", "pip-audit", "osv-scanner", "uv audit"), ()),
    "node --test": (_NODE,),
    "vitest": (_VITEST,),
    "jest": (_JEST,),
    "mocha": (_MOCHA,),
    "ava": (_AVA,),
    "tsc": (_TS_TYPE,),
    "eslint": (_JS_SYNTAX, _JS_UNUSED),
    "prettier": (_JS_UNTIDY,),
    "biome": (_JS_SYNTAX, _JS_UNTIDY, _JS_UNUSED),
}
OF_KIND: Mapping[GateKind, tuple[Fault, ...]] = {
    GateKind.TESTS: _TESTS,
    GateKind.INTEGRATION: _TESTS,
    GateKind.LINT: (_IMPORT, _PY_SYNTAX, _JS_SYNTAX, _JS_UNUSED),
    GateKind.FORMAT: (_UNTIDY, _ORDER, _JS_UNTIDY),
    GateKind.TYPES: (_TYPE, _CALL, _TS_TYPE),
    GateKind.BUILD: (_TS_TYPE, _JS_SYNTAX, _PY_SYNTAX),
    GateKind.SECURITY: (_SHELL, _SAFETY),
    GateKind.COVERAGE: (_UNCOVERED,),
}


def faults_for(gate: Gate) -> tuple[Fault, ...]:
    """The faults that `gate` should mind: its tool's; of a wrapper (make, tox, npm run, pre-commit), its kind's."""
    return OF_TOOL.get(words(gate.run).tool, OF_KIND.get(gate.kind, ()))
