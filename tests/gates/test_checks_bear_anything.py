"""Whatever a file holds, a check of files comes to a word: it neither crashes nor runs for ever."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.gates.api import check_api
from setpoint.gates.change_set import ChangeSet, between
from setpoint.gates.coverage_lines import changed_code, without_excuses
from setpoint.gates.dependencies import check_dependencies
from setpoint.gates.migrations import check_migrations
from setpoint.gates.quarantine import check_quarantine
from setpoint.gates.tokens import check_tokens
from setpoint.gates.unicode import check_unicode
from setpoint.gates.workflows import check_workflows
from setpoint.model.judgement import Measured

NAMES = [
    *("pyproject.toml", "requirements.txt", "package.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock"),
    *("uv.lock", "Pipfile", "Pipfile.lock", "setup.cfg", ".npmrc", "poetry.lock", ".github/workflows/ci.yml"),
    *(".gitlab-ci.yml", "db/versions/a.py", "shop/migrations/0001_a.py", "db/migrations/1.sql", "migrations/1.js"),
    *("openapi.json", "swagger.yaml", "shop/__init__.py", ".setpoint/quarantine.toml", "src/a.js"),
]
CHECKS: list[Callable[[ChangeSet], Measured]] = [
    *(check_api, check_dependencies, check_migrations, check_quarantine, check_tokens, check_unicode, check_workflows),
]
SHAPES = r"""
[]
{}
null
1
[package]
package = 1
[[package]]|name = 1
[[package]]|name = "a"|source = 3|wheels = [1]
jobs: [1]
jobs:|  a: 1|  b: {steps: [1, {run: [x]}], runs-on: {a: 1}}
on: 1|permissions: 3|jobs: {}
{"packages": {"node_modules/a": 1}}
{"dependencies": [1], "scripts": 3}
packages: {1: 2}
packages:|  a@1: {resolution: 3}
{"paths": {"/a": {"get": []}}}
{"paths": {"/a": {"get": {"parameters": [1], "responses": {"200": 3}}}}}
{"paths": [1]}
[project]|dependencies = 3
[project]|optional-dependencies = {a = 1}
[tool]|uv = 1
[tool.poetry]|dependencies = {a = [1]}
-e|--hash|@|-r
revision = 1|down_revision = f()
revision = down_revision = None|def upgrade(): op.add_column(*a, **b)
class Migration:|  operations = [f(*a, **b), 3]|  dependencies = [1, (2, 3)]
a: &a [*a]
[[test]]|id = 1
ALTER TABLE|;;'|--
‮​аdmin
"""
ODD = st.one_of(
    st.binary(max_size=100),
    st.sampled_from(
        [shape.replace("|", "\n").encode().decode("unicode_escape").encode() for shape in SHAPES.split("\n")]
    ),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@settings(deadline=None, max_examples=60)
@given(files=st.dictionaries(st.sampled_from(NAMES), st.tuples(ODD, ODD), max_size=4))
def test_a_check_of_files_bears_anything(
    check: Callable[[ChangeSet], Measured], files: dict[str, tuple[bytes, bytes]]
) -> None:
    before, after = ({name: pair[side] for name, pair in files.items()} for side in (0, 1))
    told = check(between(before, after))
    assert told.result.evidence.examined >= 0
    assert told.model_dump_json()


@settings(deadline=None)
@given(before=ODD, after=ODD, name=st.sampled_from(["src/a.py", "src/a.js", "src/a.ts"]))
def test_counting_lines_bears_anything(before: bytes, after: bytes, name: str) -> None:
    for delta in between({name: before}, {name: after}).deltas:
        assert set(changed_code(delta)) <= set(delta.added_lines)
        text, touched = without_excuses(delta, ["[", "x"])
        assert text.count("\n") == delta.text_after.count("\n")
        assert set(touched) <= set(delta.added_lines)
