"""What every workspace promises, as tests. A subclass gives the fixture `bench`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

from ..errors import DeniedError, RepositoryError
from ..model.run import Run
from ..ports import Workspaces

FILES: Mapping[str, str] = {
    ".gitignore": "build/\n*.log\n.setpoint/\n",
    "README.md": "# shop\n",
    "shop/price.py": "PRICE = 1\n",
    "tool": "#!/bin/sh\necho tool\n",
}
"""What the base commit holds; `tool` may be executed, and `latest` is a link to `README.md`."""


class WorkspaceBench(Protocol):
    """A repository with one commit on `main`, and the parts over it."""

    repository: Path
    base: str

    def workspaces(self) -> Workspaces:
        """As a fresh worker process makes them."""
        ...

    def run(self, name: str = "r1", branch: str = "setpoint/shop") -> Run:
        """A run from the base."""
        ...


class WorkspaceContract:
    """Inherited by the tests of every way to keep workspaces."""

    async def test_a_fresh_workspace_is_the_base(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        assert list(room.files()) == sorted([*FILES, "latest"])
        assert await room.head() == bench.base
        assert await room.changed(bench.base) == []
        assert (room.path / "tool").stat().st_mode & 0o100
        assert (room.path / "latest").readlink() == Path("README.md")

    async def test_opening_again_gives_the_same_files(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        room.write("new.txt", b"new")
        again = await bench.workspaces().open(bench.run())
        assert again.path == room.path
        assert again.read("new.txt") == b"new"

    async def test_two_runs_do_not_meet(self, bench: WorkspaceBench) -> None:
        workspaces = bench.workspaces()
        one = await workspaces.open(bench.run("r1", "setpoint/one"))
        two = await workspaces.open(bench.run("r2", "setpoint/two"))
        one.write("README.md", b"one")
        assert two.read("README.md") == b"# shop\n"
        assert await two.changed(bench.base) == []

    async def test_the_tree_is_the_files(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        before = await room.tree()
        room.write("README.md", b"# mine\n")
        changed = await room.tree()
        room.write("README.md", b"# shop\n")
        assert changed != before
        assert await room.tree() == before

    async def test_every_kind_of_change_is_seen(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        script = (
            "rm README.md latest; ln -s shop latest; chmod -x tool; mkdir a; echo b > a/b; rm -r shop; echo f > shop"
        )
        assert (await room.run(["sh", "-c", script])).exit_code == 0
        assert list(await room.changed(bench.base)) == ["README.md", "a/b", "latest", "shop", "shop/price.py", "tool"]
        diff = await room.diff(bench.base)
        assert "old mode 100755" in diff
        assert "deleted file mode 100644" in diff

    async def test_odd_names_and_bytes_are_kept(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        content = bytes(range(256)) + b"\r\n"
        names = ['with "quotes"', "two\nlines", "tab\t", "ünïcode", "-dash", " blank ", "a'b"]
        for name in names:
            room.write(name, content)
        tree = await room.tree()
        assert list(await room.changed(bench.base)) == sorted(names)
        assert [await room.show(tree, name) for name in names] == [content] * len(names)

    async def test_ignored_files_are_not_in_the_tree_and_tracked_ones_always_are(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        before = await room.tree()
        room.write("build/out", b"x")
        room.write("x.log", b"x")
        assert await room.tree() == before
        room.write(".gitignore", b"*\n")
        room.write("shop/price.py", b"PRICE = 2\n")
        assert list(await room.changed(bench.base)) == [".gitignore", "shop/price.py"]

    async def test_an_autosave_is_made_once_for_the_same_files(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        room.write("a", b"1")
        first = await room.autosave("one")
        assert await room.autosave("two") == first
        again = await bench.workspaces().open(bench.run())
        assert await again.autosave("three") == first
        assert await room.head() == bench.base

    async def test_going_back_restores_everything_and_loses_nothing(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        room.write("a", b"1")
        first = await room.autosave("first")
        await room.run(
            ["sh", "-c", "rm README.md; mkdir -p build; echo kept > build/out; echo 2 > a; echo 3 > b; chmod +x a"]
        )
        unsaved = await room.tree()
        await room.restore(first)
        assert list(await room.changed(first)) == []
        assert room.read("build/out") == b"kept\n"
        saved = await room.autosave("after")
        assert await room.changed(first, saved) == []
        await room.restore(unsaved)
        assert room.read("b") == b"3\n"

    async def test_going_back_to_a_file_where_a_folder_is(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        await room.run(
            ["sh", "-c", "rm README.md && mkdir README.md && echo x > README.md/x && rm -r shop && ln -s / shop"]
        )
        await room.restore(bench.base)
        assert list(await room.changed(bench.base)) == []
        assert room.read("shop/price.py") == b"PRICE = 1\n"

    async def test_going_back_to_nowhere_is_refused(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        with pytest.raises(RepositoryError):
            await room.restore("0" * 40)

    async def test_a_commit_is_the_engines_and_made_once(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        assert await room.commit("nothing new") == bench.base
        room.write("a", b"1")
        made = await room.commit("Add a\n\nBecause.")
        assert made != bench.base
        assert await room.commit("Add a again") == made
        assert await room.head() == made
        assert await room.changed(bench.base, made) == ["a"]
        assert await room.show(made, "a") == b"1"
        assert await room.show(made, "shop") is None
        assert await room.show(bench.base, "a") is None

    async def test_a_checkout_is_clean_and_leaves_nothing(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        room.write("README.md", b"mine")
        overlay = {"extra/new": b"laid", "tool": None, "README.md": b"over"}
        async with room.checkout(bench.base, overlay) as copy:
            assert list(copy.files()) == [".gitignore", "README.md", "extra/new", "latest", "shop/price.py"]
            assert copy.inside == room.inside
            done = await copy.run(["sh", "-c", "cat README.md extra/new; echo x > shop/price.py; git status"])
            assert done.stdout == "overlaid"
            assert done.exit_code != 0
            place = copy.path
        assert not place.exists()
        assert room.read("README.md") == b"mine"
        assert room.read("shop/price.py") == b"PRICE = 1\n"

    async def test_a_checkout_of_a_tree_without_a_run(self, bench: WorkspaceBench) -> None:
        workspaces = bench.workspaces()
        room = await workspaces.open(bench.run())
        room.write("a", b"1")
        async with workspaces.checkout(await room.tree()) as copy:
            assert copy.read("a") == b"1"

    async def test_closing_keeps_the_content_and_opening_brings_it_back(self, bench: WorkspaceBench) -> None:
        workspaces = bench.workspaces()
        room = await workspaces.open(bench.run())
        room.write("a", b"unsaved")
        path = room.path
        await workspaces.close(bench.run())
        assert not path.exists()
        await workspaces.close(bench.run())
        again = await bench.workspaces().open(bench.run())
        assert again.read("a") == b"unsaved"

    async def test_revisions_are_resolved_or_refused(self, bench: WorkspaceBench) -> None:
        workspaces = bench.workspaces()
        assert await workspaces.resolve("main") == bench.base
        assert await workspaces.resolve("HEAD") == bench.base
        for unknown in ("nowhere", "-h", "0" * 40):
            with pytest.raises(RepositoryError):
                await workspaces.resolve(unknown)

    async def test_paths_that_lead_out_are_refused(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        await room.run(["sh", "-c", "ln -s /etc out; ln -s /etc/hostname file; mkdir real; ln -s real inner"])
        for path in ("../x", "/etc/passwd", "a/../../x", "out/passwd", "file", "inner/x", "latest", "", ".", "a\0b"):
            for reading in (True, False):
                with pytest.raises(DeniedError) as refused:
                    room.read(path) if reading else room.write(path, b"x")
                assert refused.value.fix

    async def test_git_is_not_written(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        for path in (
            ".git",
            ".git/config",
            "sub/.git/hooks/x",
            ".GIT/config",
            "git~1/config",
            ".git./x",
            ".g\u200cit/x",
        ):
            with pytest.raises(DeniedError):
                room.write(path, b"x")

    async def test_paths_may_be_named_as_commands_see_them(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        assert room.read(f"{room.inside}/README.md") == b"# shop\n"

    async def test_a_missing_file_is_told_apart(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        for path in ("missing", "missing/x", "README.md/x"):
            with pytest.raises(FileNotFoundError):
                room.read(path)

    async def test_writing_keeps_the_execute_bit(self, bench: WorkspaceBench) -> None:
        room = await bench.workspaces().open(bench.run())
        room.write("tool", b"#!/bin/sh\necho other\n")
        assert (await room.run(["./tool"])).stdout == "other\n"

    async def test_reports_are_handed_out(self, bench: WorkspaceBench, tmp_path: Path) -> None:
        room = await bench.workspaces().open(bench.run())
        reports = tmp_path / "reports"
        reports.mkdir()
        await room.run(["sh", "-c", 'echo done > "$SETPOINT_REPORTS"/result'], reports=reports)
        assert (reports / "result").read_text() == "done\n"
        assert list(await room.changed(bench.base)) == []
