"""Files that a command closed or made too large: opened again, or named; never lost, never recorded as deleted."""

import asyncio
import multiprocessing
import os
import stat
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from shop_repository import Repository

from setpoint.adapters.beneath import LARGEST
from setpoint.adapters.folders import remove_folder
from setpoint.adapters.sandboxes.bare import Bare
from setpoint.adapters.sandboxes.groups import hierarchy
from setpoint.errors import DeniedError

NOBODY = 65534
Work = Callable[[Repository], Awaitable[None]]

CLOSED = {
    "a tracked file": "chmod 000 README.md",
    "a new file": "echo new > new.txt; chmod 000 new.txt",
    "a tracked folder": "chmod 000 shop",
    "a new folder": "mkdir -p new/deep; echo new > new/deep/file; chmod 000 new/deep new",
    "a folder that can be listed only": "chmod 400 shop",
    "a folder that cannot be written": "chmod 500 shop; mkdir shut; touch shut/x; chmod 500 shut",
    "the whole tree": "chmod -R 000 .",
    "an ignored folder": "mkdir build; touch build/x; chmod 000 build",
    "a repository in a folder": "mkdir hide; git init -q hide/it; chmod 000 hide",
}


async def closed(bench: Repository, script: str) -> None:
    workspaces = bench.workspaces()
    room = await workspaces.open(bench.run())
    await room.run(["sh", "-c", f"echo 2 > shop/price.py; echo 2 > README.md; {script}"])
    tree = await room.tree()
    assert [one.path for one in room.unsaved()] == (["hide/it/.git"] if "hide" in script else [])
    wanted = {"README.md": b"2\n", "shop/price.py": b"2\n"}
    wanted |= {"new.txt": b"new\n"} if "new.txt" in script else {}
    wanted |= {"new/deep/file": b"new\n"} if "new/deep" in script else {}
    wanted |= {"shut/x": b""} if "shut" in script else {}
    for path, content in wanted.items():
        assert await room.show(tree, path) == content
        assert room.read(path) == content
        room.write(path, b"3\n")
    assert set(await room.changed(bench.base)) - {"tool"} == set(wanted)
    await room.restore(bench.base)
    assert await room.changed(bench.base) == []
    await workspaces.close(bench.run())
    assert not room.path.exists()


@pytest.mark.parametrize("what", CLOSED)
async def test_what_a_command_closed_is_opened_again(bench: Repository, what: str) -> None:
    await closed(bench, CLOSED[what])


@pytest.fixture
def theirs() -> Iterator[Repository]:
    """A repository of an ordinary user's, where they can reach it: pytest's own folder is for its user alone."""
    place = Path(tempfile.mkdtemp(prefix="setpoint-public-"))
    bench = Repository(place / "shop", Bare())
    if os.getuid() == 0:
        for folder, _, names in os.walk(place):
            for name in (".", *names):
                os.chown(Path(folder, name), NOBODY, NOBODY, follow_symlinks=False)
    yield bench
    remove_folder(place)


def as_ordinary_user(bench: Repository, work: Work) -> None:
    """Do `work` in a process without any right."""

    def give_rights_away_and_work() -> None:
        if os.getuid() == 0:
            hierarchy.cache_clear()
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        asyncio.run(_finished(work(bench)))

    import_all()
    child = multiprocessing.get_context("fork").Process(target=give_rights_away_and_work)
    child.start()
    child.join()
    assert child.exitcode == 0


@cache
def import_all() -> None:
    """Import now what is imported late: the interpreter may lie where only its owner can go."""
    with tempfile.TemporaryDirectory() as aside:
        asyncio.run(_finished(closed(Repository(Path(aside, "shop"), Bare()), "")))


async def _finished(work: Awaitable[None]) -> None:
    await work


@pytest.mark.parametrize("what", CLOSED)
def test_what_an_ordinary_users_command_closed_is_opened_again(theirs: Repository, what: str) -> None:
    as_ordinary_user(theirs, lambda bench: closed(bench, CLOSED[what]))


def test_what_belongs_to_another_user_is_named_and_stays_as_it_was_saved(theirs: Repository) -> None:
    foreign = os.getuid() == 0
    planted = "README.md", "theirs.txt", "shop", "away"

    async def opened(bench: Repository) -> None:
        room = await bench.workspaces().open(bench.run())
        await room.run(["sh", "-c", "mkdir away build; echo x > away/x; echo 2 > README.md; echo 2 > theirs.txt"])
        await room.autosave("before")

    async def looked(bench: Repository) -> None:
        room = await bench.workspaces().open(bench.run())
        await room.run(["sh", "-c", "echo kept > kept"])
        tree = await room.tree()
        assert sorted(one.path for one in room.unsaved()) == (
            ["README.md", "away", "shop", "shop/price.py", "theirs.txt"] if foreign else []
        )
        for path, content in {"README.md": b"2\n", "theirs.txt": b"2\n", "kept": b"kept\n", "away/x": b"x\n"}.items():
            assert await room.show(tree, path) == content
        assert await room.show(tree, "shop/price.py") == b"PRICE = 1\n"
        if foreign:
            with pytest.raises(DeniedError, match="permission denied"):
                room.read("README.md")
            with pytest.raises(DeniedError, match="permission denied"):
                room.write("shop/new.py", b"")

    as_ordinary_user(theirs, opened)
    room = theirs.state / "worktrees/r1"
    for name in (*planted, "build"):
        if foreign:
            os.chown(room / name, 0, 0)
        (room / name).chmod(0)
    as_ordinary_user(theirs, looked)


async def test_a_closed_file_behind_a_link_is_not_touched(bench: Repository, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    (outside / "secret").touch()
    (outside / "secret").chmod(0)
    room = await bench.workspaces().open(bench.run())
    await room.run(
        ["sh", "-c", f"ln -s {outside} folder; ln -s {outside}/secret file; rm -r shop; ln -s {outside} shop"]
    )
    await room.tree()
    assert stat.S_IMODE(outside.stat().st_mode) == 0o500
    assert stat.S_IMODE((outside / "secret").stat().st_mode) == 0


# -- large files ----------------------------------------------------------------------------------------------------

TOO_LARGE = "it has 134217729 bytes, and files of at most 134217728 bytes (128 MiB) are saved"


def grow(place: Path, size: int = LARGEST + 1) -> None:
    """Make a file of that size, without its blocks."""
    place.touch()
    os.truncate(place, size)


async def test_a_new_file_that_is_too_large_is_named_and_the_rest_is_saved(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    grow(room.path / "big.bin")
    grow(room.path / "ignored.log")
    room.write("kept", b"kept")
    assert await room.changed(bench.base) == ["kept"]
    assert [(one.path, one.why) for one in room.unsaved()] == [("big.bin", TOO_LARGE)]
    grow(room.path / "big.bin", 3)
    assert await room.changed(bench.base) == ["big.bin", "kept"]
    assert list(room.unsaved()) == []


async def test_a_tracked_file_that_grew_too_large_stays_as_it_was_saved(bench: Repository) -> None:
    workspaces = bench.workspaces()
    room = await workspaces.open(bench.run())
    room.write("README.md", b"saved")
    await room.autosave("step")
    grow(room.path / "README.md")
    assert await room.show(await room.tree(), "README.md") == b"saved"
    assert [(one.path, one.why) for one in room.unsaved()] == [("README.md", TOO_LARGE)]
    await room.restore(bench.base)
    assert room.read("README.md") == b"# shop\n"
    (kept,) = bench.state.glob("workspaces/r1/unsaved/*/README.md")
    assert kept.stat().st_size == LARGEST + 1


@pytest.mark.slow
async def test_a_large_file_of_the_base_stays_what_it_is(bench: Repository) -> None:
    grow(bench.repository / "data.bin")
    bench.base = bench.commit("data")
    room = await bench.workspaces().open(bench.run())
    assert await room.changed(bench.base) == []
    os.utime(room.path / "data.bin", (1, 1))
    room.write("kept", b"kept")
    assert await room.changed(bench.base) == ["kept"]
    assert list(room.unsaved()) == []
    commit = await room.commit("work")
    assert await room.changed(bench.base, commit) == ["kept"]
    with (room.path / "data.bin").open("r+b") as file:
        file.write(b"x")
    assert await room.changed(bench.base) == ["kept"]
    assert [(one.path, one.why) for one in room.unsaved()] == [("data.bin", TOO_LARGE)]
    (room.path / "data.bin").unlink()
    assert await room.changed(bench.base) == ["data.bin", "kept"]
