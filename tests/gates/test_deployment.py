"""What the place a change runs in will lack is told before it runs there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.gates.change_set import between
from setpoint.gates.deployment import check_deployment

PLACE = {"compose.yaml": "services: {a: {image: 'a:1', environment: [GIVEN=1]}}\n", "old.py": "os.getenv('OLD')\n"}


def told(change: dict[str, str], base: dict[str, str] | None = None) -> list[tuple[str, str]]:
    before = {path: text.encode() for path, text in (PLACE if base is None else base).items()}
    after = {**before, **{path: text.encode() for path, text in change.items()}}
    found = check_deployment(between(before, after)).objections
    return sorted((one.rule.removeprefix("deployment/"), one.severity.value) for one in found)


NEEDED, NOTED = ("undeclared-setting", "medium"), ("undeclared-setting", "low")


@pytest.mark.parametrize(
    ("path", "line", "expected"),
    [
        ("a.py", "os.environ['NEW']", [NEEDED]),
        ("a.py", "os.getenv('NEW')", [NEEDED]),
        ("a.py", "os.environ.get('NEW', 'x')", [NOTED]),
        ("a.py", "os.environ['GIVEN']", []),
        ("a.py", "os.environ['OLD']", []),
        ("a.py", "os.environ['NEW'] = 'x'", []),
        ("a.py", "os.environ['NEW'] == 'x'", [NEEDED]),
        ("a.py", "os.environ['HOME'], os.getenv('PYTHONPATH')", []),
        ("tests/test_a.py", "os.environ['NEW']", []),
        ("a.ts", "process.env.NEW", [NEEDED]),
        ("a.js", "process.env['NEW'] || 1", [NOTED]),
        ("a.js", "process.env.NEW = 1", []),
        ("a.mjs", "process.env.NODE_ENV", []),
        ("a.tsx", "import.meta.env.VITE_NEW ?? ''", [NOTED]),
    ],
)
def test_a_setting_that_nothing_declares_is_minded(path: str, line: str, expected: list[tuple[str, str]]) -> None:
    assert told({path: f"{line}\n"}) == expected


@pytest.mark.parametrize("place", ["README.md", ".env.example", "k8s/a.yaml", "ops/run.sh", "pyproject.toml"])
def test_a_setting_may_be_declared_in_many_places(place: str) -> None:
    assert told({"a.py": "os.environ['NEW']\n", place: "NEW: 1\n"}) == []


def test_where_nothing_says_how_it_runs_a_setting_is_only_noted() -> None:
    assert told({"a.py": "os.environ['NEW']\n"}, base={"b.py": ""}) == [NOTED]


POD = """apiVersion: v1
kind: Pod
metadata: {{name: a}}
spec:
  {spec}
  containers:
  - {{name: c, image: 'i:1'{more}}}
"""


def pod(more: str = "", spec: str = "restartPolicy: Always") -> str:
    return POD.format(more=f", {more}" if more else "", spec=spec)


@pytest.mark.parametrize(
    ("before", "after", "rules"),
    [
        (pod(), pod("livenessProbe: {exec: {}}"), []),
        (pod("livenessProbe: {exec: {}}"), pod(), ["probe-removed"]),
        (pod("resources: {limits: {cpu: 1}, requests: {cpu: 1}}"), pod(), ["resources-removed", "resources-removed"]),
        (pod(), pod("securityContext: {privileged: true}"), ["privileged"]),
        (pod("securityContext: {privileged: true}"), pod("securityContext: {privileged: true}"), []),
        (pod("securityContext: {runAsNonRoot: true}"), pod(), ["privileged"]),
        (pod("securityContext: {runAsUser: 5}"), pod("securityContext: {runAsUser: 0}"), ["privileged"]),
        (pod(), pod(spec="hostNetwork: true"), ["host-namespace"]),
        (pod(), pod().replace("i:1", "i:latest"), ["unpinned"]),
        (pod().replace("i:1", "i@sha256:0"), pod(), ["unpinned"]),
        (pod(), pod().replace("i:1", "i:2"), []),
        (pod(), "apiVersion: v1\nmetadata: {name: b}\nspec: {}\n", ["no-kind"]),
        (pod(), "apiVersion: v1\nkind: [\n", ["unreadable"]),
        (pod(), f"apiVersion: v1\nkind: {{{{ .Kind }}}}\n{pod()}", []),
        ("", "name: CI\non: push\njobs: {}\n", []),
    ],
)
def test_manifests_are_compared(before: str, after: str, rules: list[str]) -> None:
    assert [rule for rule, _ in told({"k8s/a.yaml": after}, base={"k8s/a.yaml": before})] == rules


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("web: python app/main.py", []),
        ("web: python app/gone.py", ["missing-start"]),
        ("web: gunicorn app.main:app --bind 0.0.0.0:$PORT", []),
        ("web: gunicorn app.gone:app", ["missing-start"]),
        ("release: flask db upgrade", []),
        ("web: python -m http.server", []),
    ],
)
def test_what_a_procfile_starts_is_in_the_tree(line: str, rules: list[str]) -> None:
    base = {"app/main.py": "", "app/__init__.py": ""}
    assert [rule for rule, _ in told({"Procfile": f"{line}\n"}, base)] == rules
    assert told({"app/main.py": "1\n"}, base={**base, "Procfile": f"{line}\n"}) == []


@given(st.text(alphabet="apiVersion: kind\n-{}[]&*!|>'\"#\tx1", max_size=200))
def test_whatever_a_manifest_holds_reading_it_ends(text: str) -> None:
    told({"k8s/a.yaml": f"apiVersion: v1\nkind: Pod\n{text}", "Procfile": text})
