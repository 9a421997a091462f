"""Merges in the object store: both sides, what conflicts, nothing of the repository's that could run or decide."""

import os
from pathlib import Path

import pytest
from shop_repository import Repository

from setpoint.errors import RefusedError

OURS, THEIRS = "PRICE = 2\n", "PRICE = 3\n"


async def both_sides(bench: Repository, theirs: dict[str, str], ours: dict[str, str]) -> tuple[str, str]:
    """A commit of the run's and one on the base, both on the first."""
    room = await bench.workspaces().open(bench.run())
    for name, text in ours.items():
        room.write(name, text.encode())
    head = await room.commit("ours")
    for name, text in theirs.items():
        bench.put(name, text)
    return head, bench.commit("theirs")


async def test_what_does_not_conflict_is_joined_and_no_file_or_ref_moves(bench: Repository) -> None:
    head, tip = await both_sides(bench, {"docs.md": "more\n"}, {"shop/price.py": OURS})
    room = await bench.workspaces().open(bench.run())
    refs = bench.git("for-each-ref")
    merge = await bench.workspaces().merged(head, tip)
    assert merge.conflicts == ()
    assert (await room.show(merge.tree, "docs.md"), await room.show(merge.tree, "shop/price.py")) == (
        b"more\n",
        OURS.encode(),
    )
    assert (bench.git("for-each-ref"), (room.path / "docs.md").exists()) == (refs, False)


async def test_a_conflict_names_its_path_and_holds_both_sides_by_commit(bench: Repository) -> None:
    head, tip = await both_sides(bench, {"shop/price.py": THEIRS}, {"shop/price.py": OURS})
    workspaces = bench.workspaces()
    merge = await workspaces.merged(head, tip)
    (conflict,) = merge.conflicts
    assert (conflict.path, conflict.kind) == ("shop/price.py", "changed on both sides")
    text = (await (await workspaces.open(bench.run())).show(merge.tree, "shop/price.py") or b"").decode()
    assert text == f"<<<<<<< {head}\n{OURS}=======\n{THEIRS}>>>>>>> {tip}\n"
    assert await workspaces.merged(head, tip) == merge


async def test_a_file_deleted_on_one_side_conflicts_without_marks(bench: Repository) -> None:
    head = await _changed(bench)
    (bench.repository / "README.md").unlink()
    (bench.repository / "latest").unlink()
    tip = bench.commit("theirs")
    (conflict,) = (await bench.workspaces().merged(head, tip)).conflicts
    assert (conflict.path, conflict.kind) == ("README.md", "changed here, deleted on the base")


async def _changed(bench: Repository) -> str:
    room = await bench.workspaces().open(bench.run())
    room.write("README.md", b"ours\n")
    return await room.commit("ours")


@pytest.mark.parametrize("attributes", ["* merge=trap\n", "* merge=union\n", "* merge=ours\n", "* -merge\n"])
async def test_no_driver_and_no_attribute_decides_a_merge(bench: Repository, tmp_path: Path, attributes: str) -> None:
    trap = tmp_path / "ran"
    for key in ("merge.trap.driver", "merge.ours.driver", "filter.trap.smudge", "core.fsmonitor"):
        bench.git("config", key, f"touch {trap}; true")
    bench.git("config", "merge.default", "trap")
    bench.git("config", "merge.renormalize", "true")
    (bench.repository / ".git" / "info").mkdir(exist_ok=True)
    (bench.repository / ".git" / "info" / "attributes").write_text(attributes)
    head, tip = await both_sides(
        bench, {"shop/price.py": THEIRS}, {"shop/price.py": OURS, ".gitattributes": attributes}
    )
    trap.unlink(missing_ok=True)  # the person's own git may have run it
    merge = await bench.workspaces().merged(head, tip)
    assert [conflict.path for conflict in merge.conflicts] == ["shop/price.py"]
    assert not trap.exists()


async def test_histories_without_a_common_beginning_are_refused(bench: Repository) -> None:
    tree = bench.git("rev-parse", "HEAD^{tree}")
    other = bench.git("commit-tree", tree, "-m", "another beginning")
    with pytest.raises(RefusedError, match="merge-tree"):
        await bench.workspaces().merged(bench.base, other)


async def test_ancestry_is_told(bench: Repository) -> None:
    head, tip = await both_sides(bench, {"docs.md": "more\n"}, {"shop/price.py": OURS})
    workspaces = bench.workspaces()
    assert await workspaces.contains(head, bench.base)
    assert await workspaces.contains(head, head)
    assert not await workspaces.contains(head, tip)
    assert not await workspaces.contains(bench.base, head)


async def test_a_commit_that_joins_has_both_parents_once(bench: Repository) -> None:
    head, tip = await both_sides(bench, {"docs.md": "more\n"}, {"shop/price.py": OURS})
    room = await bench.workspaces().open(bench.run())
    await room.restore((await bench.workspaces().merged(head, tip)).tree)
    made = await room.commit("join", tip)
    assert bench.git("log", "-1", "--format=%P", made).split() == [head, tip]
    assert await room.commit("join", tip) == made
    assert bench.git("status", "--short", at=room.path) == ""


async def test_a_merge_a_person_began_there_ends_with_the_engines_commit(bench: Repository) -> None:
    _, tip = await both_sides(bench, {"docs.md": "more\n"}, {"shop/price.py": OURS})
    room = await bench.workspaces().open(bench.run())
    bench.git("merge", "--no-commit", "-q", "main", at=room.path)
    made = await room.commit("by hand", tip)
    assert tip in bench.git("log", "-1", "--format=%P", made).split()
    assert "merging" not in bench.git("status", at=room.path).casefold()


async def test_a_restart_takes_commits_off_the_branch_and_keeps_them(bench: Repository) -> None:
    head = await _changed(bench)
    room = await bench.workspaces().open(bench.run())
    room.write("unsaved", b"1")
    for _ in range(2):
        await room.restart(bench.base)
        assert (await room.head(), room.read("README.md")) == (bench.base, b"# shop\n")
    assert not os.path.lexists(room.path / "unsaved")
    kept = bench.git("for-each-ref", "--contains", head, "--format=%(refname)").split()
    assert f"refs/setpoint/r1/left/{head}" in kept
    assert bench.git("status", "--short", at=room.path) == ""


async def test_a_kept_commit_lays_files_over_a_tree_and_survives_git_gc(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    files = {"tool": b"#!/bin/sh\necho other\n", "tests/new.py": b"1\n"}
    commit, tree = await room.keep(bench.base, files, (bench.base,), "kept\n")
    assert await room.keep(bench.base, files, (bench.base,), "again\n") == (commit, tree)
    bench.git("gc", "--prune=now", "-q")
    assert await room.show(commit, "tests/new.py") == b"1\n"
    assert bench.git("ls-tree", commit, "tool").startswith("100755")  # it stays what it was
    assert await room.head() == bench.base
