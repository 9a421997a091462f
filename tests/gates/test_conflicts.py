"""A lock file is what its manifest asks for: by the standard's rules, by poetry's, and by npm's own word."""

import json
from pathlib import Path

import pytest

from setpoint.gates.conflicts import check_conflicts, specifiers
from setpoint.gates.measured import vacuous
from setpoint.testing.gate_grounds import grounds_of


def project(*wanted: str) -> str:
    return f'[project]\nname = "shop"\ndependencies = {json.dumps(wanted)}\n'


def poetry(**wanted: str) -> str:
    lines = "\n".join(f'{name} = "{version}"' for name, version in wanted.items())
    return f'[tool.poetry.dependencies]\npython = "^3.11"\n{lines}\n'


def locked(**versions: str) -> str:
    one = '[[package]]\nname = "{}"\nversion = "{}"\nsource = {{ registry = "https://registry.example/simple" }}\n'
    return "version = 1\n\n" + "\n".join(one.format(name, version) for name, version in versions.items())


@pytest.mark.parametrize(
    ("manifest", "lock", "said"),
    [
        (project("rich>=15"), {"uv.lock": locked(rich="14.2.0")}, "rich is locked at 14.2.0 and >=15 is asked for"),
        (project("rich>=15", "attrs"), {"uv.lock": locked(rich="15.1.0")}, "attrs is asked for and not locked"),
        (poetry(rich="^15.0"), {"poetry.lock": locked(rich="16.0.0")}, "rich is locked at 16.0.0 and ^15.0 is asked"),
        (poetry(rich="~15.1"), {"poetry.lock": locked(rich="15.2.0")}, "rich is locked at 15.2.0 and ~15.1 is asked"),
        ('[packages]\nrich = ">=15"\n', {"Pipfile.lock": '{"default": {"rich": {"version": "==14.0"}}}'}, "at 14.0"),
        (project("rich>=15"), {"uv.lock": locked(rich="15.1.0")}, ""),
        (project("Rich>=15 ; python_version < '3.13'"), {"uv.lock": locked(rich="15.1.0rc1")}, ""),
        (project("rich @ git+https://git.example/rich.git"), {"uv.lock": locked(rich="1.0")}, ""),
        (project("attrs"), {"pylock.toml": locked(rich="15.1.0")}, ""),
        (poetry(rich="^14 || ^15"), {"poetry.lock": locked(rich="13.0")}, ""),
        ('[build-system]\nrequires = ["hatchling"]\n' + project(), {"uv.lock": locked(rich="15.1.0")}, ""),
    ],
)
async def test_what_is_locked_is_what_is_asked_for(
    tmp_path: Path, manifest: str, lock: dict[str, str], said: str
) -> None:
    name = "Pipfile" if manifest.startswith("[packages]") else "pyproject.toml"
    found = await check_conflicts(grounds_of(tmp_path, {}, {name: manifest, **lock}))
    assert [entry.rule for entry in found.objections] == (["conflicts/lock"] if said else [])
    assert all(said in entry.what and entry.place and entry.place.path in lock for entry in found.objections)


@pytest.mark.parametrize(
    ("constraint", "allows", "refuses"),
    [
        ("^1.2.3", "1.9", "2.0"),
        ("^0.2.3", "0.2.9", "0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("^0", "0.9", "1.0"),
        ("~1.2.3", "1.2.9", "1.3.0"),
        ("~1", "1.9", "2.0"),
        ("1.2.*", "1.2.7", "1.3"),
        ("1.2.3", "1.2.3", "1.2.4"),
        (">=1,<2", "1.5", "2.0"),
        ("*", "7.0", None),
    ],
)
def test_constraints_are_read_as_their_tools_read_them(constraint: str, allows: str, refuses: str | None) -> None:
    allowed = specifiers(constraint)
    assert allowed is not None
    assert allowed.contains(allows)
    assert refuses is None or not allowed.contains(refuses)


async def test_what_was_wrong_before_is_not_this_changes(tmp_path: Path) -> None:
    files = {"pyproject.toml": project("rich>=15"), "uv.lock": locked(rich="14.0", attrs="26.1")}
    after = {**files, "pyproject.toml": project("rich>=15", "attrs>=27")}
    found = await check_conflicts(grounds_of(tmp_path, files, after))
    assert [entry.what for entry in found.objections] == ["attrs is locked at 26.1 and >=27 is asked for"]


async def test_a_change_of_no_dependencies_is_not_asked_about(tmp_path: Path) -> None:
    files = {"pyproject.toml": project("rich>=15"), "uv.lock": locked(rich="14.0")}
    assert vacuous(await check_conflicts(grounds_of(tmp_path, files, {**files, "shop.py": "PRICE = 1\n"})))


def node_lock(left: str, **of_b: object) -> str:
    entries = {
        "": {"name": "shop", "version": "1.0.0"},
        "node_modules/left": {"version": left},
        "node_modules/b": {"version": "1.0.0", **of_b},
    }
    return json.dumps({"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": entries})


NODE = json.dumps({"name": "shop", "version": "1.0.0", "dependencies": {"left": "^1.0.0", "b": "1"}})


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (node_lock("1.3.0"), []),
        (node_lock("2.0.0"), ['left is locked at 2.0.0 and "^1.0.0" from the root project is asked for']),
        (
            node_lock("1.3.0", peerDependencies={"left": ">=5"}),
            ['left is locked at 1.3.0 and ">=5" from node_modules/b is asked for'],
        ),
        (node_lock("1.3.0", dependencies={"c": "1"}), ["c 1 is asked for by b and not locked"]),
    ],
)
async def test_npm_tells_what_does_not_go_together(tmp_path: Path, lock: str, said: list[str]) -> None:
    before = {"package.json": NODE.replace("^1.0.0", "^1"), "package-lock.json": node_lock("1.3.0")}
    grounds = grounds_of(tmp_path, before, {"package.json": NODE, "package-lock.json": lock})
    found = await check_conflicts(grounds)
    assert [entry.what for entry in found.objections] == said


async def test_without_npm_nobody_is_accused(tmp_path: Path) -> None:
    files = {"package.json": NODE, "package-lock.json": node_lock("2.0.0")}
    found = await check_conflicts(grounds_of(tmp_path, {}, files, env={"PATH": "/nonexistent"}))
    assert [entry.rule for entry in found.objections] == ["conflicts/no-tool"]
