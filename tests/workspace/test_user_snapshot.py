"""The tree of the user's own working tree: what lies there, whatever was known of it before."""

import asyncio
from pathlib import Path

import pytest

from setpoint.adapters.repository import UserRepository
from setpoint.testing.projects import commit_all, git, laid_out, write_files


async def snapshot(folder: Path) -> dict[str, str]:
    """The files of the tree, by path."""
    tree = await (await UserRepository.around(folder)).snapshot()
    names = git(folder, "ls-tree", "-r", "--name-only", tree).split()
    return {name: git(folder, "cat-file", "blob", f"{tree}:{name}") for name in names}


async def test_the_working_tree_is_told_as_it_is_each_time(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "shop", {"a.txt": "one\n", "b.txt": "two\n", ".gitignore": ".setpoint/\nkept.log\n"})
    (folder / ".setpoint").mkdir()
    assert (await snapshot(folder))["a.txt"] == "one\n"
    for text in ("three\n", "four\n", "one\n", "six\n"):
        write_files(folder, {"a.txt": text, "new.txt": text, "kept.log": text})
        told = await snapshot(folder)
        assert (told["a.txt"], told["new.txt"], "kept.log" in told) == (text, text, False)
    (folder / "b.txt").unlink()
    assert "b.txt" not in await snapshot(folder)
    commit_all(folder, "Moved on")
    assert (await snapshot(folder))["a.txt"] == "six\n"
    git(folder, "reset", "-q", "--hard", "HEAD~1")
    assert (await snapshot(folder))["a.txt"] == "one\n"


async def test_a_file_that_git_was_told_to_overlook_is_not_overlooked(tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "shop", {"a.txt": "one\n"})
    git(folder, "update-index", "--assume-unchanged", "a.txt")
    write_files(folder, {"a.txt": "two\n"})
    assert (await snapshot(folder))["a.txt"] == "two\n"


@pytest.mark.parametrize("turns", range(6))
async def test_a_snapshot_ends_when_everything_is_told_to_end(tmp_path: Path, turns: int) -> None:
    folder = laid_out(tmp_path / "shop", {"a.txt": "one\n"})
    before = asyncio.all_tasks()
    asked = asyncio.create_task(UserRepository(folder).snapshot())
    for _ in range(turns):
        await asyncio.sleep(0)
    for task in asyncio.all_tasks() - before:
        task.cancel()
    async with asyncio.timeout(30):
        told = await asyncio.gather(asked, return_exceptions=True)
    assert isinstance(told[0], asyncio.CancelledError)
