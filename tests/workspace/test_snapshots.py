"""Whatever happened to the files, a snapshot is the tree that git itself would write."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop_repository import Repository

from setpoint.adapters import beneath
from setpoint.adapters.git import Git, common_folder, private_git
from setpoint.adapters.snapshots import Snapshot
from setpoint.adapters.tree_objects import write_ref

NAMES = ("a", "b", "folder/a", "folder/b", "folder/deep/c", "a.b", "a-b", "a0", "run me", "ü")
OPERATIONS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from((b"", b"1\n", b"2\n", b"\0\xff"))),
    st.tuples(st.just("delete"), st.sampled_from((*NAMES, "folder", "folder/deep")), st.just(b"")),
    st.tuples(st.just("link"), st.sampled_from(NAMES), st.just(b"target")),
    st.tuples(st.just("execute"), st.sampled_from(NAMES), st.just(b"")),
    st.tuples(st.sampled_from(("take", "settle", "back")), st.just("."), st.just(b"")),
)


def done(root: Path, what: str, name: str, content: bytes) -> None:
    """One thing a session, a command or a person does to the files."""
    place = root / name
    if what in ("write", "link"):
        for above in reversed(place.relative_to(root).parents):
            if (root / above).is_symlink() or (root / above).is_file():
                (root / above).unlink()
            (root / above).mkdir(exist_ok=True)
    if what != "execute" and os.path.lexists(place):
        shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
    if what == "write":
        place.write_bytes(content)
    elif what == "link":
        place.symlink_to(os.fsdecode(content))
    elif what == "execute" and place.is_file() and not place.is_symlink():
        place.chmod(0o755)


def written_by_git(repository: Path, root: Path) -> str:
    """The tree of `root` by git alone, with an index that knows nothing."""
    with tempfile.TemporaryDirectory() as aside:
        env = {**os.environ, "GIT_DIR": str(repository / ".git"), "GIT_WORK_TREE": str(root)}
        env |= {"GIT_INDEX_FILE": f"{aside}/index"}
        subprocess.run(["git", "add", "-A", "--", "."], cwd=root, env=env, check=True, capture_output=True)
        return subprocess.run(["git", "write-tree"], env=env, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize(("in_memory", "pending"), [(5_000, 200), (5_000, 1), (0, 200)])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OPERATIONS, max_size=14))
def test_a_snapshot_is_the_tree_git_would_write(
    bench: Repository, in_memory: int, pending: int, operations: list[tuple[str, str, bytes]]
) -> None:
    limits: Any = {"in_memory": in_memory, "pending": pending}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        root.mkdir()
        git = private_git(Path(folder) / "git", common_folder(bench.repository))
        snapshot = Snapshot(git, root, Path(folder) / "index", **limits)
        snapshot.put(bench.base)
        base = snapshot.take()
        for what, name, content in operations:
            if what == "take":
                assert snapshot.take() == written_by_git(bench.repository, root)
            elif what == "settle":
                snapshot.settle()
            elif what == "back":
                snapshot.take()
                snapshot.put(base)
                assert written_by_git(bench.repository, root) == base
            else:
                done(root, what, name, content)
        assert snapshot.take() == written_by_git(bench.repository, root)


STARTED: list[object] = []
"""Programs that this process started, as the interpreter tells."""
sys.addaudithook(lambda event, about: STARTED.append(about[1]) if event == "subprocess.Popen" else None)
RULES = st.tuples(
    st.just("write"), st.sampled_from((".gitignore", "folder/.gitignore")), st.sampled_from((b"a\n", b"*\n!b\n", b""))
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(OPERATIONS, OPERATIONS, RULES), max_size=16))
def test_who_looked_at_the_files_gets_the_same_tree_without_git(
    bench: Repository, operations: list[tuple[str, str, bytes]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        root.mkdir()
        git = private_git(Path(folder) / "git", common_folder(bench.repository))
        asking, looking = (Snapshot(git, root, Path(folder) / name) for name in ("asking", "looking"))
        before: beneath.Found | None = None

        def alike() -> None:
            nonlocal before
            found = beneath.sweep(root)
            assert looking.take(found.since(before) if before else None) == asking.take()
            before = found

        for snapshot in (asking, looking):
            snapshot.put(bench.base)
        for what, name, content in operations:
            if what == "take":
                alike()
            elif what == "settle":
                asking.settle()
                looking.settle()
            elif what == "back":
                alike()
                for snapshot in (asking, looking):
                    snapshot.put(bench.base)
                before = None
            else:
                done(root, what, name, content)
        alike()


@pytest.mark.parametrize("how", ["content", "mode", "link"])
async def test_a_file_that_was_there_is_saved_anew_without_a_start_of_git(bench: Repository, how: str) -> None:
    room = await bench.workspaces().open(bench.run())
    (room.path / "new").write_text("1\n", encoding="utf-8")
    await room.autosave("first")
    await room.autosave("the index is read once")
    if how == "content":
        room.write("new", b"2\n")
        (room.path / "README.md").write_text("# other\n", encoding="utf-8")
    elif how == "mode":
        (room.path / "new").chmod(0o755)
    else:
        (room.path / "new").unlink()
        (room.path / "new").symlink_to("README.md")
    before = len(STARTED)
    tree = await room.tree()
    assert STARTED[before:] == []
    assert tree == written_by_git(bench.repository, room.path)


@pytest.mark.parametrize("rules", [".gitignore", "folder/.gitignore"])
async def test_what_is_no_longer_ignored_is_in_the_next_tree(bench: Repository, rules: str) -> None:
    room = await bench.workspaces().open(bench.run())
    room.write(rules, b"*\n")
    room.write("folder/hidden", b"1\n")
    before = await room.tree()
    assert await room.show(before, "folder/hidden") is None
    room.write(rules, b"#\n")
    assert await room.show(await room.tree(), "folder/hidden") == b"1\n"


def test_what_changed_just_now_may_have_changed_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    first = beneath.sweep(tmp_path)
    assert beneath.sweep(tmp_path).since(first) == {"a"}
    while not first.settled(time.time_ns()):
        pass
    later = beneath.sweep(tmp_path)
    assert beneath.sweep(tmp_path).since(later) == set()
    (tmp_path / "b").write_bytes(b"")
    assert beneath.sweep(tmp_path).since(later) is None


async def test_a_submodules_folder_that_goes_is_gone_from_the_tree(bench: Repository) -> None:
    bench.git("update-index", "--add", "--cacheinfo", f"160000,{bench.base},sub")
    bench.git("commit", "-q", "-m", "with a submodule")
    bench.base = bench.git("rev-parse", "HEAD")
    room = await bench.workspaces().open(bench.run())
    before = await room.tree()
    await room.tree()
    (room.path / "sub").rmdir()
    room.write("README.md", b"# other\n")
    assert list(await room.changed(before)) == ["README.md", "sub"]


async def test_a_link_in_a_folders_place_hides_what_the_folder_held(bench: Repository) -> None:
    for name in ("x/v", "x/w", "z/v", "z/w"):
        bench.put(name, "1\n")
    bench.base = bench.commit("two folders alike")
    room = await bench.workspaces().open(bench.run())
    await room.tree()
    shutil.rmtree(room.path / "x")
    (room.path / "x").symlink_to("z")
    (room.path / "z" / "v").write_text("2\n", encoding="utf-8")
    assert await room.tree() == written_by_git(bench.repository, room.path)


class Restless(Git):
    """Files come or go while git looks."""

    def __init__(self, git: Git, begin: Callable[[], None], end: Callable[[], None]) -> None:
        super().__init__(git.folder, objects=git.objects, sha256=git.sha256)
        self._moves = {"begin": begin, "end": end}

    def call(self, *words: str, **more: Any) -> bytes:
        """As ever, but something moves before the first look at the files, and after they were read."""
        now = {"ls-files": "begin", "ls-tree": "end"}.get(words[0], "")
        self._moves.pop(now, lambda: None)()
        return super().call(*words, **more)


@pytest.mark.parametrize("how", ["came and went", "went and came back"])
async def test_what_came_or_went_while_git_looked_is_as_it_is_in_the_next_tree(bench: Repository, how: str) -> None:
    workspaces = bench.workspaces()
    place = bench.state / "worktrees" / "r1" / "new"

    def there() -> None:
        place.write_text("1\n", encoding="utf-8")

    moves = (there, place.unlink) if how == "came and went" else (place.unlink, there)
    await workspaces.open(bench.run())
    again = bench.workspaces()
    again.files = Restless(again.files, *moves)
    room = await again.open(bench.run())
    if how != "came and went":
        there()
    (room.path / "beside").write_text("1\n", encoding="utf-8")
    await room.tree()
    (room.path / "README.md").write_text("# other\n", encoding="utf-8")
    assert await room.tree() == written_by_git(bench.repository, room.path)


async def test_what_another_process_told_the_index_is_not_lost(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    room.write("new", b"1\n")
    await room.tree()
    other = await bench.workspaces().open(bench.run())
    await other.commit("by another process")
    room.write("newer", b"1\n")
    assert await room.tree() == written_by_git(bench.repository, room.path)
    (room.path / "newer").unlink()
    assert await room.tree() == written_by_git(bench.repository, room.path)


async def test_files_that_are_as_they_were_are_not_kept_twice(bench: Repository) -> None:
    bench.git("repack", "-a", "-d", "-q")
    bench.git("prune-packed")
    room = await bench.workspaces().open(bench.run())
    await room.tree()
    os.utime(room.path / "README.md")
    await room.tree()
    assert bench.git("count-objects").startswith("0 objects")


ENTERED: dict[str, Callable[[], None]] = {}
"""What happens once, when this process lists the folder."""


def entered(event: str, about: tuple[Any, ...]) -> None:
    if event == "os.scandir" and ENTERED and isinstance(about[0], int):
        ENTERED.pop(str(Path(f"/proc/self/fd/{about[0]}").readlink()), lambda: None)()


sys.addaudithook(entered)


async def test_what_is_written_while_the_folder_is_looked_at_is_in_the_next_tree(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    await room.tree()
    await room.run(["true"])
    while beneath.sweep(room.path).fresh:
        pass
    await room.tree()
    ENTERED[str(room.path / "shop")] = lambda: room.write("README.md", b"# other\n")
    await room.run(["true"])
    assert ENTERED == {}
    assert await room.tree() == written_by_git(bench.repository, room.path)


async def test_what_a_person_writes_beside_a_command_is_in_the_next_tree(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    await room.run(
        ("sh", "-c", 'echo 1 > a; until [ "$(date +%s%N)" -gt $(($(date -r a +%s%N) + 30000000)) ]; do :; done')
    )
    first = await room.tree()
    (room.path / "a").write_text("2\n", encoding="utf-8")
    os.utime(room.path / "a", (1, 1))
    second = await room.tree()
    assert first != second
    assert await room.show(second, "a") == b"2\n"


def test_a_mark_shows_every_change_once_the_clock_moved(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    first = beneath.sweep(tmp_path)
    assert not first.settled(first.newest)
    assert first.settled(first.newest + 10**9)
    assert beneath.sweep(tmp_path).mark == first.mark
    (tmp_path / "a").rename(tmp_path / "b")
    assert beneath.sweep(tmp_path).mark != first.mark


def test_a_ref_is_written_as_git_writes_it_and_never_over_a_lock(bench: Repository) -> None:
    common = common_folder(bench.repository)
    ref = "refs/setpoint/r9/autosave/x"
    assert write_ref(common, ref, bench.base)
    assert bench.git("rev-parse", ref) == bench.base
    assert bench.git("fsck", "--strict") == ""
    (common / f"{ref}.lock").touch()
    assert not write_ref(common, ref, bench.base)
