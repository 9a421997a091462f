"""New and moved packages are a person's decision, and each says what is known of it."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.gates.change_set import between
from setpoint.gates.dependencies import check_dependencies
from setpoint.gates.lookalike import popular, resembles, within_one
from setpoint.gates.measured import vacuous
from setpoint.gates.package_doubts import older
from setpoint.gates.package_files import reader_of
from setpoint.model.judgement import Measured
from setpoint.model.objection import Objection, Severity

TODAY = date(2026, 11, 20)
PROJECT = '[project]\nname = "shop"\ndependencies = ["requests>=2.30"]\n'
UV = """version = 1
[[package]]
name = "shop"
version = "1.0"
source = { virtual = "." }

[[package]]
name = "requests"
version = "2.32.0"
source = { registry = "https://packages.example/simple" }
wheels = [{ url = "https://files.example/requests.whl", hash = "sha256:aa", upload-time = "2024-05-20T10:00:00Z" }]
"""
RICH = """
[[package]]
name = "rich"
version = "15.0.0"
source = { registry = "https://packages.example/simple" }
wheels = [{ url = "https://files.example/rich.whl", hash = "sha256:bb", upload-time = "2026-11-16T10:00:00Z" }]

[[package]]
name = "pygments"
version = "2.21.0"
source = { registry = "https://packages.example/simple" }
wheels = [{ url = "https://files.example/pygments.whl", hash = "sha256:cc", upload-time = "2026-01-16T10:00:00Z" }]
"""
NPM = """{"name": "shop", "lockfileVersion": 3, "packages": {
 "": {"dependencies": {"ms": "^2.1.3"}},
 "node_modules/ms": {"version": "2.1.3", "resolved": "https://registry.example/ms/-/ms-2.1.3.tgz",
  "integrity": "sha512-aa", "license": "MIT"}%s}}"""
MANIFEST = '{"name": "shop", "dependencies": {"ms": "^2.1.3"%s}}'


def judged(before: Mapping[str, str], after: Mapping[str, str]) -> Measured:
    change = between(
        {path: text.encode() for path, text in before.items()},
        {path: text.encode() for path, text in {**before, **after}.items()},
    )
    return check_dependencies(change, today=TODAY, licences={("pypi", "rich"): "MIT"})


def rules(measured: Measured, *, blocking: bool = True) -> set[str]:
    return {
        objection.rule.removeprefix("dependencies/")
        for objection in measured.objections
        if objection.blocks or not blocking
    }


def the(measured: Measured, rule: str) -> Objection:
    (objection,) = [entry for entry in measured.objections if entry.rule == f"dependencies/{rule}"]
    return objection


def test_a_new_dependency_asks_a_person_and_says_what_is_known() -> None:
    manifest = PROJECT.replace('"requests>=2.30"', '"requests>=2.30", "rich>=15"')
    told = judged({"pyproject.toml": PROJECT, "uv.lock": UV}, {"pyproject.toml": manifest, "uv.lock": UV + RICH})
    assert rules(told) == {"new"}
    new = the(told, "new")
    assert (new.what, new.place and new.place.path) == ("a new dependency: rich", "pyproject.toml")
    assert (
        new.evidence
        == "version 15.0.0; source registry https://packages.example/simple; age 4 days; licence MIT; widely used"
    )
    assert "pygments 2.21.0" in the(told, "transitive").evidence
    assert the(told, "young").severity is Severity.LOW


def test_a_moved_dependency_asks_a_person_with_both_versions() -> None:
    bumped = UV.replace("2.32.0", "2.33.1")
    told = judged(
        {"pyproject.toml": PROJECT, "uv.lock": UV},
        {"pyproject.toml": PROJECT.replace("2.30", "2.33"), "uv.lock": bumped},
    )
    assert rules(told) == {"changed"}
    assert the(told, "changed").evidence.startswith("was >=2.30; version 2.33.1;")


DOUBTS: list[tuple[str, Mapping[str, str], Mapping[str, str], set[str]]] = [
    (
        "look-alike",
        {"pyproject.toml": PROJECT},
        {"pyproject.toml": PROJECT.replace('"]', '", "reqeusts==1.0"]')},
        {"look-alike", "new"},
    ),
    (
        "look-alike letters",
        {"package.json": MANIFEST % ""},
        {"package.json": MANIFEST % ', "exprеss": "1.0.0"'},
        {"look-alike", "new"},
    ),
    (
        "look-alike scope",
        {"package.json": MANIFEST % ""},
        {"package.json": MANIFEST % ', "@bable/core": "7.0.0"'},
        {"look-alike", "new"},
    ),
    (
        "git",
        {"requirements.txt": "requests==2.32.0\n"},
        {"requirements.txt": "requests @ git+https://git.example/requests.git\n"},
        {"source", "changed"},
    ),
    (
        "url",
        {"package.json": MANIFEST % ""},
        {"package.json": MANIFEST.replace("^2.1.3", "https://files.example/ms.tgz") % ""},
        {"source", "changed"},
    ),
    (
        "lock swaps the place",
        {"package.json": MANIFEST % "", "package-lock.json": NPM % ""},
        {"package-lock.json": (NPM % "").replace("registry.example/ms/-", "files.example")},
        {"source", "lock-only"},
    ),
    (
        "another registry in the lock",
        {"pyproject.toml": PROJECT, "uv.lock": UV},
        {"uv.lock": UV.replace("https://packages.example/simple", "https://mirror.example/simple")},
        {"source", "lock-only"},
    ),
    (
        "lock alone",
        {"pyproject.toml": PROJECT, "uv.lock": UV},
        {"uv.lock": UV.replace("2.32.0", "2.33.0")},
        {"lock-only"},
    ),
    (
        "downgrade",
        {"pyproject.toml": PROJECT, "uv.lock": UV},
        {"uv.lock": UV.replace("2.32.0", "2.9.1")},
        {"lock-only", "downgraded"},
    ),
    (
        "manifest alone",
        {"pyproject.toml": PROJECT, "uv.lock": UV},
        {"pyproject.toml": PROJECT.replace("2.30", "2.40")},
        {"changed", "manifest-only"},
    ),
    (
        "hash gone",
        {"pyproject.toml": PROJECT, "uv.lock": UV},
        {"uv.lock": UV.replace('hash = "sha256:aa", ', "")},
        {"integrity-removed", "lock-only"},
    ),
    (
        "hash gone from requirements",
        {"requirements.txt": "requests==2.32.0 --hash=sha256:aa\n"},
        {"requirements.txt": "requests==2.32.0\n"},
        {"integrity-removed"},
    ),
    (
        "integrity missing on a new one",
        {"package.json": MANIFEST % "", "package-lock.json": NPM % ""},
        {
            "package.json": MANIFEST % ', "chalk": "^5.0.0"',
            "package-lock.json": NPM % ', "node_modules/chalk": {"version": "5.0.0"}',
        },
        {"new", "integrity-removed"},
    ),
    (
        "install script",
        {"package.json": MANIFEST % "", "package-lock.json": NPM % ""},
        {
            "package.json": MANIFEST % ', "sharp": "^0.33.0"',
            "package-lock.json": NPM
            % ', "node_modules/sharp": {"version": "0.33.0", "integrity": "x", "hasInstallScript": true}',
        },
        {"new", "install-script"},
    ),
    (
        "own install script",
        {"package.json": '{"scripts": {"test": "node --test"}}'},
        {"package.json": '{"scripts": {"test": "node --test", "postinstall": "node setup.js"}}'},
        {"install-script"},
    ),
    (
        "unpinned",
        {"package.json": MANIFEST % ""},
        {"package.json": MANIFEST % ', "chalk": "*"'},
        {"new", "unpinned"},
    ),
    (
        "index",
        {"requirements.txt": "six==1\n"},
        {"requirements.txt": "--extra-index-url https://a.example\nsix==1\n"},
        {"index"},
    ),
    ("npm registry", {"a": ""}, {".npmrc": "@shop:registry=https://npm.example/\n"}, {"index"}),
    ("unreadable", {"package.json": "{}"}, {"package.json": "{,}"}, {"unreadable"}),
    (
        "alias",
        {"package.json": MANIFEST % ""},
        {"package.json": MANIFEST.replace("^2.1.3", "npm:evil-ms@1.0.0") % ""},
        {"source", "new"},
    ),
    (
        "a quiet bump beside an honest one",
        {"pyproject.toml": PROJECT.replace('"]', '", "six>=1"]'), "uv.lock": UV},
        {"pyproject.toml": PROJECT.replace('"]', '", "six>=1.1"]'), "uv.lock": UV.replace("2.32.0", "2.33.0")},
        {"changed"},
    ),
]


@pytest.mark.parametrize(("before", "after", "expected"), [pytest.param(*row[1:], id=row[0]) for row in DOUBTS])
def test_what_speaks_against_a_package_is_said(
    before: Mapping[str, str], after: Mapping[str, str], expected: set[str]
) -> None:
    assert rules(judged(before, after)) == expected


def test_a_deleted_lock_is_minded() -> None:
    change = between({"uv.lock": UV.encode(), "a.py": b""}, {"a.py": b""})
    assert rules(check_dependencies(change)) == {"lock-removed"}


QUIET: list[tuple[str, Mapping[str, str], Mapping[str, str]]] = [
    ("another setting", {"pyproject.toml": PROJECT}, {"pyproject.toml": PROJECT + "[tool.ruff]\nline-length = 99\n"}),
    (
        "a script",
        {"package.json": MANIFEST % ""},
        {"package.json": (MANIFEST % "")[:-1] + ', "scripts": {"lint": "x"}}'},
    ),
    ("comments", {"requirements.txt": "six==1\n"}, {"requirements.txt": "# why\nsix==1  # here\n"}),
    ("a first lock", {"pyproject.toml": PROJECT}, {"uv.lock": UV}),
    ("another order", {"requirements.txt": "six==1\nrich==2\n"}, {"requirements.txt": "rich==2\nsix==1\n"}),
]


@pytest.mark.parametrize(("before", "after"), [pytest.param(*row[1:], id=row[0]) for row in QUIET])
def test_what_moves_no_package_blocks_nothing(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    assert rules(judged(before, after)) == set()


def test_a_change_without_manifests_is_nothing_to_look_at() -> None:
    assert vacuous(judged({"a.py": ""}, {"a.py": "x = 1\n"}))


POETRY = '[[package]]\nname = "A_b"\nversion = "1"\nfiles = [%s]\n'
YARN = """"@x/a@^1.0.0", "@x/a@^1.1.0":
  version "1.2.3"
  resolved "https://registry.example/@x/a/-/a-1.2.3.tgz#aa"
  integrity sha512-a
"""
BERRY = """__metadata:
  version: 8

"a@npm:^1.0.0":
  version: 1.2.3
  resolution: "a@npm:1.2.3"
  checksum: 10c0/aa
"""
PNPM = "packages:\n  '@x/a@1.2.3':\n    resolution: {integrity: sha512-a}\n"
OLD_PNPM = "packages:\n  /a/1.2.3_b:\n    resolution: {tarball: 'https://t.example/a.tgz'}\n"
OLD_NPM = '{"lockfileVersion": 1, "dependencies": {"b": {"version": "git+ssh://g.example/b.git#1"}}}'
UV_SOURCES = "[dependency-groups]\ndev = ['a>1']\n[tool.uv.sources]\na = {git = 'g'}\n"
POETRY_TABLE = "[tool.poetry.dependencies]\npython = '^3'\na = {path = '../a'}\n"
FILES: list[tuple[str, str, tuple[str, str, str, bool]]] = [
    ("poetry.lock", POETRY % '{file = "x", hash = "sha256:a"}', ("a-b", "1", "registry", True)),
    ("poetry.lock", POETRY % "" + '[package.source]\ntype = "git"\nurl = "g"\n', ("a-b", "1", "git", False)),
    ("Pipfile.lock", '{"default": {"a": {"version": "==1", "hashes": ["sha256:a"]}}}', ("a", "1", "registry", True)),
    ("Pipfile", '[packages]\na = {git = "https://git.example/a", ref = "x"}\n', ("a", "", "git", False)),
    ("setup.cfg", "[options]\ninstall_requires =\n    a>=1\n", ("a", ">=1", "registry", False)),
    ("requirements-dev.txt", "-e git+https://git.example/x.git#egg=a\n", ("a", "", "git", False)),
    ("requirements/base.in", "a[b]==1 ; python_version > '3'\n", ("a", "==1", "registry", False)),
    ("pyproject.toml", POETRY_TABLE, ("a", "", "path", False)),
    ("pyproject.toml", UV_SOURCES, ("a", ">1", "git", False)),
    ("pnpm-lock.yaml", PNPM, ("@x/a", "1.2.3", "registry", True)),
    ("pnpm-lock.yaml", OLD_PNPM, ("a", "1.2.3", "url", False)),
    ("yarn.lock", YARN, ("@x/a", "1.2.3", "registry", True)),
    ("yarn.lock", BERRY, ("a", "1.2.3", "registry", True)),
    ("package-lock.json", OLD_NPM, ("b", "git+ssh://g.example/b.git#1", "git", False)),
    ("package.json", '{"devDependencies": {"a": "owner/a#main"}}', ("a", "", "git", False)),
]


@pytest.mark.parametrize(
    ("path", "text", "expected"), [pytest.param(*row, id=f"{at}-{row[0]}") for at, row in enumerate(FILES)]
)
def test_files_are_read_as_their_tools_write_them(path: str, text: str, expected: tuple[str, str, str, bool]) -> None:
    reader = reader_of(path)
    assert reader
    (package,) = reader(text).packages
    assert (package.name, package.version, package.origin, package.hashed) == expected


def test_this_projects_own_lock_is_read_whole() -> None:
    reader = reader_of("uv.lock")
    assert reader
    packages = reader((Path(__file__).parents[2] / "uv.lock").read_text()).packages
    assert len(packages) > 40
    assert all(package.version and package.hashed and package.uploaded for package in packages)


@pytest.mark.parametrize(
    ("version", "than", "expected"),
    [
        ("1.9", "1.10", True),
        ("^1.2.0", "^1.3.0", True),
        (">=2,<3", ">=1,<3", False),
        ("main", "1.0", False),
        ("1.x", "2.x", True),
        ("1.0.0-rc1", "1.0.0", False),
    ],
)
def test_versions_are_compared_as_numbers(version: str, than: str, expected: bool) -> None:
    assert older(version, than) is expected


@settings(deadline=None)
@given(st.sampled_from(sorted(name for name in popular("pypi") if len(name) > 5)), st.data())
def test_one_slip_of_a_finger_is_seen(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 2))
    forms = [
        name[:at] + name[at + 1] + name[at] + name[at + 2 :],
        name[:at] + name[at + 1 :],
        name[:at] + "q" + name[at:],
    ]
    wrong = data.draw(st.sampled_from(forms))
    if wrong not in popular("pypi"):
        assert within_one(wrong, name)
        assert resembles(wrong, "pypi")[0]


@pytest.mark.parametrize("name", ["grapheme-splitter-x", "shop-till", "acme-ledger", "httpie-edgegrid-x"])
def test_other_names_are_left_alone(name: str) -> None:
    assert resembles(name, "pypi") == ("", "")
