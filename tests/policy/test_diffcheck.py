"""A change is judged by its diff: nothing outside the boundaries goes without an objection."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.adapters.trees import GitTrees
from setpoint.gates.tree_change import change_between
from setpoint.model.boundary import Boundaries
from setpoint.model.objection import Deviation, Objection, Severity, Source
from setpoint.pipeline.bounds import file_changes
from setpoint.policy.diffcheck import FileChange, judge_change

OPEN = Boundaries(paths=("**",))
GIT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_{part}": "ada@localhost" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")},
}


class Tree:
    """A small real repository whose working tree is diffed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet")
        self.write("src/app.py", "def app():\n    return 1\n")
        self.write("data.json", "{}\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=Begin")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", str(self.folder), *words], env=GIT, capture_output=True, check=True)
        return done.stdout.decode("utf-8", "surrogateescape")

    def write(self, path: str, text: str) -> Path:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", "surrogateescape"))
        return place

    async def changes(self) -> list[FileChange]:
        self.git("add", "--all")
        return await self.staged()

    async def staged(self) -> list[FileChange]:
        return file_changes(await change_between(GitTrees(self.folder), "HEAD", self.git("write-tree").strip()))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def said(objections: tuple[Objection, ...]) -> dict[str, list[str]]:
    by_path: dict[str, list[str]] = {}
    for objection in objections:
        by_path.setdefault(objection.place.path if objection.place else "", []).append(objection.what)
    return by_path


async def test_every_kind_of_change_is_read_from_real_git(tree: Tree) -> None:
    tree.write("src/app.py", "def app():\n    return 2\n-- a/x\n++ b/x\n")
    tree.write("src/new.py", "x = 1\n")
    tree.write("src/empty.py", "")
    tree.write("src/with space.py", "x\n")
    tree.write('src/é\t"q".py', "x\n")
    tree.write("src/picture.png", "\x00\x01\x02")
    tree.write("src/run.sh", "#!/bin/sh\n").chmod(0o755)
    (tree.folder / "src/link").symlink_to("../../etc/passwd")
    (tree.folder / "data.json").unlink()
    changes = {change.path: change for change in await tree.changes()}
    assert set(changes) == {
        "src/app.py", "src/new.py", "src/empty.py", "src/with space.py", "src/é\t\"q\".py", "src/picture.png",
        "src/run.sh", "src/link", "data.json",
    }  # fmt: skip
    assert (changes["src/app.py"].added, changes["src/app.py"].removed) == (3, 1)
    assert (changes["data.json"].removed, changes["data.json"].new_mode) == (1, "")
    assert (changes["src/new.py"].old_mode, changes["src/new.py"].new_mode) == ("", "100644")
    assert changes["src/run.sh"].new_mode == "100755"
    assert changes["src/link"].is_link
    assert changes["src/link"].text.strip() == "../../etc/passwd"


@pytest.mark.parametrize("letters", ["\u2028", "\x0c", "\r", "\x1c", "\x85"])
async def test_content_cannot_pass_for_another_files_header(tree: Tree, letters: str) -> None:
    tree.write("src/app.py", f"x{letters}diff --git a/b b/b{letters}+++ b/b{letters}@@ -1 +1 @@{letters}")
    assert [change.path for change in await tree.changes()] == ["src/app.py"]


async def test_a_renamed_file_is_judged_where_it_was_and_where_it_is(tree: Tree) -> None:
    tree.git("mv", "src/app.py", "lib.py")
    found = said(judge_change(await tree.changes(), Boundaries(paths=("docs/**",))))
    assert set(found) == {"src/app.py", "lib.py"}


async def test_an_honest_change_inside_the_boundaries_has_no_objection(tree: Tree) -> None:
    tree.write("src/app.py", "def app():\n    return 2\n")
    tree.write("tests/test_app.py", "CREATE = 'create table t (x int)'\n")
    tree.write("docs/schema.md", "`alter table` is not needed.\n")
    tree.write("src/run.sh", "#!/bin/sh\n").chmod(0o755)
    (tree.folder / "src/near").symlink_to("app.py")
    assert judge_change(await tree.changes(), Boundaries(paths=("src/**", "tests/**", "docs/**"))) == ()


CASES: dict[str, tuple[str, str, Boundaries, str]] = {
    "outside": ("docs/x.md", "x", Boundaries(paths=("src/**",)), "outside"),
    "look-alike folder": ("src2/x.py", "x", Boundaries(paths=("src/**",)), "outside"),
    "nothing decided": ("src/x.py", "x", Boundaries(), "outside"),
    "protected": ("src/core/x.py", "x", Boundaries(paths=("**",), protected=("src/core",)), "protected"),
    "protected, other case": ("SRC/Core/x.py", "x", Boundaries(paths=("**",), protected=("src/core",)), "protected"),
    "manifest": ("pyproject.toml", "x", OPEN, "dependencies"),
    "lock file": ("web/package-lock.json", "x", OPEN, "dependencies"),
    "migration file": ("app/migrations/0001.py", "x", OPEN, "migrations"),
    "schema statement": ("src/db.py", 'run("ALTER TABLE users ADD x int")', OPEN, "schema"),
    "migration call": ("src/db.py", "op.add_column('users', x)", OPEN, "schema"),
    "sql file": ("src/x.sql", "drop\n  table users;", OPEN, "schema"),
    "CI": (".github/workflows/ci.yml", "x", OPEN, "ci files"),
    "infrastructure": ("Dockerfile", "x", OPEN, "infrastructure"),
    "agent files": ("src/CLAUDE.md", "x", OPEN, "agent-files"),
    "secrets": ("config/.env", "TOKEN=1", OPEN, "secret"),
    "control plane": (".setpoint/policy.toml", "x", OPEN, "setpoint's own"),
    "submodules": (".gitmodules", "x", OPEN, "setpoint's own"),
    "control characters": ("src/a\tb.py", "x", OPEN, "unusable name"),
    "not UTF-8": ("src/\udcff.py", "x", OPEN, "unusable name"),
}


@pytest.mark.parametrize(("path", "text", "boundaries", "word"), CASES.values(), ids=CASES)
async def test_what_the_boundaries_do_not_allow_is_an_objection(
    tree: Tree, path: str, text: str, boundaries: Boundaries, word: str
) -> None:
    tree.write(path, text)
    (objection, *_) = judge_change(await tree.changes(), boundaries)
    assert word in objection.what
    assert (objection.source, objection.deviation) == (Source.BOUNDARY, Deviation.BOUNDARY)
    assert objection.severity is Severity.HIGH
    objection.model_dump_json()


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "../.git/config", "a/../../../x"])
async def test_links_that_leave_the_tree_are_objections(tree: Tree, target: str) -> None:
    (tree.folder / "src/link").symlink_to(target)
    assert "symbolic link" in judge_change(await tree.changes(), OPEN)[0].what


async def test_a_nested_repository_is_an_objection(tree: Tree) -> None:
    sha = tree.git("rev-parse", "HEAD").strip()
    tree.git("update-index", "--add", "--cacheinfo", f"160000,{sha},vendored")
    changes = await tree.staged()
    assert "nested repository" in judge_change(changes, OPEN)[0].what


async def test_a_data_file_made_executable_is_an_objection(tree: Tree) -> None:
    (tree.folder / "data.json").chmod(0o755)
    assert "executable" in judge_change(await tree.changes(), OPEN)[0].what


async def test_permission_opens_what_it_names(tree: Tree) -> None:
    tree.write("pyproject.toml", "x")
    tree.write("app/migrations/1.py", "op.add_column()")
    assert judge_change(await tree.changes(), Boundaries(paths=("**",), dependencies=True, migrations=True)) == ()


async def test_a_persons_yes_to_a_file_lifts_protection_but_not_paths_links_or_control(tree: Tree) -> None:
    tree.write("Dockerfile", "x")
    tree.write("setpoint.toml", "x")
    (tree.folder / "src/link").symlink_to("/etc/passwd")
    agreed = frozenset({"Dockerfile", "setpoint.toml", "src/link"})
    limits = Boundaries(paths=("**",), protected=("Dockerfile",))
    assert set(said(judge_change(await tree.changes(), limits, protected_ok=agreed))) == {"setpoint.toml", "src/link"}
    narrow = Boundaries(paths=("src/**",))
    assert "Dockerfile" in said(judge_change(await tree.changes(), narrow, protected_ok=agreed))


@pytest.mark.parametrize(("files", "lines", "objections"), [(2, 4, 0), (1, 4, 1), (2, 3, 1), (1, 3, 2)])
def test_size_limits_hold_at_the_number(files: int, lines: int, objections: int) -> None:
    changes = [FileChange(path=f"src/{name}.py", added=2) for name in "ab"]
    found = judge_change(changes, Boundaries(paths=("**",), max_files=files, max_lines=lines))
    assert len(found) == objections
    assert all(objection.severity is Severity.MEDIUM and "split" in objection.cause for objection in found)


@given(
    path=st.text(max_size=20) | st.lists(st.sampled_from(["src", "SRC", "..", ".", "a.py", "docs"])).map("/".join),
    agreed=st.booleans(),
)
def test_nothing_outside_the_paths_is_ever_without_an_objection(path: str, agreed: bool) -> None:
    change = FileChange(path=path)
    found = judge_change([change], Boundaries(paths=("src/**",)), protected_ok=frozenset({path} if agreed else set()))
    parts = [part for part in path.split("/") if part not in ("", ".")]
    inside = parts[:1] == ["src"] and len(parts) > 1 and ".." not in parts and not path.startswith("/")
    assert found or inside
