"""What the tamper guard tells apart where the corpus does not reach: single assertions, marks, settings, commands."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.gates.change_set import between
from setpoint.gates.tamper import tamper
from setpoint.model.objection import Objection, Source

BASE = {
    "src/shop.py": "def price(n):\n    return n * 3 + 1\n\n\ndef ship(n):\n    return n - 7\n",
    "src/shop.js": "export function price(n) {\n  return n * 3 + 1;\n}\n",
}


def judged(before: dict[str, str], after: dict[str, str], *, implementing: bool = False) -> list[Objection]:
    """The objections to a change of a few files next to the product."""
    old, new = ({path: text.encode() for path, text in (BASE | files).items()} for files in (before, after))
    return list(tamper(between(old, new), implementing=implementing).objections)


def blocking(before: dict[str, str], after: dict[str, str], *, implementing: bool = False) -> list[str]:
    return [one.rule for one in judged(before, after, implementing=implementing) if one.blocks]


def python(body: str) -> dict[str, str]:
    """A test of the product with this body."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return {"tests/test_shop.py": f"import pytest\nfrom shop import price, ship\n\n\ndef test_price():\n{lines}"}


def script(body: str) -> dict[str, str]:
    """A vitest case of the product with this body."""
    head = 'import { expect, test } from "vitest";\nimport { price } from "./shop.js";\n\n'
    return {"src/shop.test.ts": f'{head}test("a price", async () => {{\n  {body}\n}});\n'}


WEAKER = [
    ("assert price(2) == 7", "assert price(2) in (7, 8)"),
    ("assert price(2) == 7", "assert price(2)"),
    ("assert price(2) == 7", "assert isinstance(price(2), int)"),
    ("assert price(2) == 7", "assert price(2) != 8"),
    ("assert price(2) == 7", "assert price(2) == 7 or price(2) == 8"),
    ("assert price(2) == 7", "assert price(2) == price(2)"),
    ("assert price(2) == 7", "assert abs(price(2) - 7) < 3"),
    ("assert price(2) >= 7", "assert price(2) >= 1"),
    ("assert 0 < price(2) < 8", "assert 0 < price(2) < 800"),
    ("assert price(2) in (7, 8)", "assert price(2) in (7, 8, 9, 10)"),
    ("with pytest.raises(KeyError):\n    price(-1)", "with pytest.raises(LookupError):\n    price(-1)"),
    ("with pytest.raises(KeyError):\n    price(-1)", "with pytest.raises((KeyError, ValueError)):\n    price(-1)"),
    (
        'with pytest.raises(KeyError, match="no"):\n    price(-1)',
        'with pytest.raises(KeyError, match=".*"):\n    price(-1)',
    ),
    ("if True:\n    assert price(2) == 7", "if price(1):\n    assert price(2) == 7"),
]


@pytest.mark.parametrize(("before", "after"), WEAKER)
def test_a_weaker_python_assertion_is_minded(before: str, after: str) -> None:
    assert "tamper/assertion-weakened" in blocking(python(before), python(after))
    assert blocking(python(after), python(before)) == []


AS_STRONG = [
    ("assert price(2) == 7", "assert 7 == price(2)"),
    ("assert price(2) == 7", "assert price(2) == 3 * 2 + 1"),
    ("assert price(2) == 7", 'assert price(2) == 7, "three each, and one"'),
    ("assert price(2) == 0.3", "assert price(2) == pytest.approx(0.3)"),
    ("assert price(2) is True", "assert price(2)"),
    ("assert price(2) == False", "assert not price(2)"),
    ("assert price(2) == 7 and ship(9) == 2", "assert price(2) == 7\nassert ship(9) == 2"),
    ("assert type(price(2)) == int", "assert isinstance(price(2), int)"),
    ("for n in (1, 2):\n    assert price(n) == 3 * n + 1", "assert price(1) == 4\nassert price(2) == 7"),
]


@pytest.mark.parametrize(("before", "after"), AS_STRONG)
def test_another_way_to_say_the_same_is_fine(before: str, after: str) -> None:
    assert blocking(python(before), python(after)) == []


SCRIPT_WEAKER = [
    ("expect(price(2)).toBe(7)", "expect(price(2)).toBeGreaterThan(0)"),
    ("expect(price(2)).toBe(7)", "expect(price(2)).not.toBe(8)"),
    ("expect(price(2)).toBe(7)", "expect(price(2)).toEqual(expect.anything())"),
    ("expect(price(2)).toEqual({ a: 1, b: 2 })", "expect(price(2)).toMatchObject({ a: 1 })"),
    ("expect(price(2)).toBeCloseTo(7, 5)", "expect(price(2)).toBeCloseTo(7, 0)"),
    ("expect(() => price(-1)).toThrow(RangeError)", "expect(() => price(-1)).toThrow()"),
    ("expect(price(2)).toHaveLength(3)", "expect(price(2)).toBeDefined()"),
]


@pytest.mark.parametrize(("before", "after"), SCRIPT_WEAKER)
def test_a_weaker_script_assertion_is_minded(before: str, after: str) -> None:
    assert "tamper/assertion-weakened" in blocking(script(f"{before};"), script(f"{after};"))
    assert blocking(script(f"{after};"), script(f"{before};")) == []


SILENT = [
    ("assert price(2) == 7", "assert True", "tamper/tautology"),
    ("assert price(2) == 7", "assert 1 == 1", "tamper/tautology"),
    ("assert price(2) == 7", "def later():\n    assert price(2) == 7", "tamper/assertion-unreachable"),
    ("assert price(2) == 7", "while False:\n    assert price(2) == 7", "tamper/assertion-unreachable"),
    ("assert price(2) == 7", "for n in []:\n    assert price(2) == 7", "tamper/assertion-unreachable"),
    ("assert price(2) == 7", "try:\n    assert price(2) == 7\nexcept:\n    print(1)", "tamper/assertion-swallowed"),
    ("assert price(2) == 7", "price(2)", "tamper/test-emptied"),
    ("assert price(2) == 7", "price(2)\nship(9)\nprint(price)", "tamper/assertion-removed"),
]


@pytest.mark.parametrize(("before", "after", "rule"), SILENT)
def test_an_assertion_that_cannot_fail_is_none(before: str, after: str, rule: str) -> None:
    assert rule in blocking(python(before), python(after))


def test_a_handler_that_fails_swallows_nothing() -> None:
    after = 'try:\n    assert price(2) == 7\nexcept Exception as error:\n    pytest.fail(f"no: {error}")'
    assert blocking(python("assert price(2) == 7"), python(after)) == []


def test_a_call_of_a_function_inside_the_test_is_an_assertion_each() -> None:
    inside = "def costs(n, e):\n    assert price(n) == e\n\ncosts(1, 4)\n"
    assert blocking(python(f"{inside}costs(2, 7)"), python(inside)) == ["tamper/assertion-removed"]
    assert blocking(python(inside), python(f"{inside}costs(2, 7)")) == []


def test_an_objection_names_file_line_and_cause() -> None:
    (found,) = judged(python("ship(9)\nassert price(2) == 7"), python("ship(9)\nassert price(2)"))
    assert found.source is Source.TAMPER
    assert found.place is not None
    assert (found.place.path, found.place.line) == ("tests/test_shop.py", 7)
    assert found.cause
    assert "before: price(2) equal 7" in found.evidence


def test_a_moved_line_is_the_same_objection() -> None:
    near, far = (
        judged(python(f"{pad}assert price(2) == 7"), python(f"{pad}assert price(2)"))[0]
        for pad in ("", "ship(9)\n" * 4)
    )
    assert near.fingerprint == far.fingerprint


def test_a_changed_expectation_is_noted_and_does_not_block() -> None:
    (found,) = judged(python("assert price(2) == 7"), python("assert price(2) == 8"))
    assert (found.rule, found.blocks) == ("tamper/expectation-changed", False)


SETTINGS = [
    ("setup.cfg", "[coverage:report]\nfail_under = 90\n", "[coverage:report]\nfail_under = 80\n", "threshold-lowered"),
    (".coveragerc", "[report]\nfail_under = 90\n", "[report]\nfail_under = 9\n", "threshold-lowered"),
    (".nycrc", '{"check-coverage": true, "lines": 90}', '{"check-coverage": false, "lines": 90}', "rule-silenced"),
    ("codecov.yml", "coverage:\n  status:\n    project:\n      default:\n        target: 90%\n",
     "coverage:\n  status:\n    project:\n      default:\n        target: 50%\n", "threshold-lowered"),
    ("pytest.ini", "[pytest]\ntestpaths = tests\nxfail_strict = true\n",
     "[pytest]\ntestpaths = tests\nxfail_strict = false\n", "rule-silenced"),
    ("pytest.ini", "[pytest]\naddopts = -q --cov-fail-under=90\n", "[pytest]\naddopts = -q --cov-fail-under=50\n",
     "threshold-lowered"),
    ("pytest.ini", "[pytest]\naddopts = -q\n", "[pytest]\naddopts = -q --deselect tests/test_shop.py\n",
     "tests-deselected"),
    ("package.json", '{"scripts": {"lint": "eslint . --max-warnings 0"}}',
     '{"scripts": {"lint": "eslint . --max-warnings 50"}}', "threshold-lowered"),
    (".eslintrc.json", '{"rules": {"eqeqeq": "error"}}', '{"rules": {"eqeqeq": "warn"}}', "rule-silenced"),
    ("pyrightconfig.json", '{"reportMissingImports": "error"}', '{"reportMissingImports": "none"}', "rule-silenced"),
    ("Makefile", "test:\n\tpytest -q\n", "test:\n\t-pytest -q\n", "ci-softened"),
    ("tox.ini", "[testenv]\ncommands = pytest\n", "[testenv]\ncommands = pytest || true\n", "ci-softened"),
    (".gitlab-ci.yml", "test:\n  script:\n    - pytest\n", "test:\n  allow_failure: true\n  script:\n    - pytest\n",
     "ci-softened"),
    (".pre-commit-config.yaml", "repos:\n  - repo: x\n    hooks:\n      - id: mypy\n      - id: ruff\n",
     "repos:\n  - repo: x\n    hooks:\n      - id: ruff\n", "gate-removed"),
    ("jest.config.js", "module.exports = { testTimeout: 5000 };", "module.exports = { testTimeout: 90000 };",
     "threshold-lowered"),
    ("vitest.config.ts", "export default { test: { include: ['a'] } };",
     "export default { test: { include: ['a'], retry: 3 } };", "retries-added"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "before", "after", "rule"), SETTINGS)
def test_a_laxer_setting_is_minded(path: str, before: str, after: str, rule: str) -> None:
    assert f"tamper/{rule}" in blocking({path: before}, {path: after})
    assert blocking({path: after}, {path: before}) == []


FILES = ("tests/test_shop.py", "src/shop.test.ts", "src/shop.py", "src/shop.js", "pyproject.toml", "package.json",
         "tests/conftest.py", ".github/workflows/ci.yml", "setup.cfg", "vitest.config.ts",
         "tests/data.snap")  # fmt: skip
PIECES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        ["def test_a():\n", "    assert a == 1\n", "test('a', () => {\n", "expect(a).toBe(1)\n", "});\n", "# noqa\n",
         "{", "}", "[", "]", "'''", "`${", "x = [\n", "@pytest.mark.parametrize('a', [1])\n",
         "if a == 999:\n  return 1\n", "a: b\n", "[tool.x]\n", "\0", "\\", "f'{a!r:>{b}}'\n"]
    ),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=12).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(FILES), TEXTS), st.dictionaries(st.sampled_from(FILES), TEXTS), st.booleans())
def test_any_text_is_judged(before: dict[str, str], after: dict[str, str], implementing: bool) -> None:
    old, new = ({path: text.encode() for path, text in files.items()} for files in (before, after))
    measured = tamper(between(old, new), implementing=implementing)
    assert all(objection.place and objection.rule.startswith("tamper/") for objection in measured.objections)
    if before == after:
        assert measured.objections == ()


def test_an_import_that_leads_out_of_the_tree_is_read_as_far_as_it_goes() -> None:
    before = python("assert price(2) == 7")
    after = {path: f"from ....... import beyond\n{text}" for path, text in before.items()}
    assert blocking(before, after) == []
