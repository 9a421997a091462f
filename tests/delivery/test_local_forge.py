"""The local forge: crashes, two processes at once, and a user's repository that is left alone."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from setpoint.adapters.forges.local import LocalForge
from setpoint.errors import RefusedError, RepositoryError
from setpoint.model.release import CiRun, CiState

HEAD = "setpoint/signup"
CHILD = Path(__file__).with_name("child.py")
POINTS = ("create", "push", "pull record", "pull ref", "verdict", "merge", "merge record", "the end")


async def child(*words: object) -> int:
    process = await asyncio.create_subprocess_exec(sys.executable, str(CHILD), *map(str, words))
    return await process.wait()


async def deliver(forge: LocalForge, sha: str) -> None:
    await forge.ensure("main")
    await forge.push(HEAD, sha)
    pull = await forge.open(HEAD, "main", "Sign up", "What and why.")
    await forge.checks(pull)
    await forge.merge(pull, sha, "Sign up")


def assert_delivered_once(bare, sha: str) -> None:
    assert [path.name for path in (bare.folder / "setpoint" / "pulls").glob("*.json")] == ["1.json"]
    assert bare.git("rev-list", "--first-parent", "--count", "main") == "2"
    assert bare.git("rev-parse", "main^2") == sha
    assert set(bare.files("main")) == {"README.md", "signup.py"}
    bare.git("fsck", "--strict")


@pytest.mark.parametrize("point", POINTS)
async def test_a_delivery_killed_before_any_write_comes_out_equal(
    repository, make_bench, tmp_path: Path, point: str
) -> None:
    sha = repository.commit({"signup.py": "s\n"}, on=repository.git("rev-parse", "main"))
    bench = make_bench()
    code = await child("deliver", bench.bare.folder, repository.folder, sha, tmp_path / "judged", point)
    assert code == (0 if point == "the end" else -signal.SIGKILL)
    await deliver(bench.forge, sha)
    assert_delivered_once(bench.bare, sha)


async def test_two_processes_that_deliver_at_once_open_one_pull_request_and_merge_once(
    repository, make_bench, tmp_path: Path
) -> None:
    sha = repository.commit({"signup.py": "s\n"}, on=repository.git("rev-parse", "main"))
    bench = make_bench()
    words = ("deliver", bench.bare.folder, repository.folder, sha, tmp_path / "judged", "never")
    assert await asyncio.gather(child(*words), child(*words)) == [0, 0]
    assert_delivered_once(bench.bare, sha)
    assert len((tmp_path / "judged").read_text().splitlines()) == 1


async def test_ci_is_pending_for_others_while_one_runs_it(repository, forge_bench, tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(commit: str, base: str) -> CiRun:
        begun.set()
        await go_on.wait()
        return CiRun(sha=commit, state=CiState.GREEN)

    forge = LocalForge(forge_bench.bare.folder, repository.folder, slow)
    sha = await forge_bench.commit({"a.py": "a\n"})
    await forge.push(HEAD, sha)
    pull = await forge.open(HEAD, "main", "T", "B")
    running = asyncio.create_task(forge.checks(pull))
    await begun.wait()
    assert (await forge_bench.forge.checks(pull)).state is CiState.PENDING
    go_on.set()
    assert (await running).state is CiState.GREEN
    assert (await forge_bench.forge.checks(pull)).state is CiState.GREEN
    assert forge_bench.judged == []


async def test_a_cancelled_ci_run_frees_its_place(repository, forge_bench) -> None:
    begun = asyncio.Event()

    async def endless(commit: str, base: str) -> CiRun:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    forge = LocalForge(forge_bench.bare.folder, repository.folder, endless)
    await forge.push(HEAD, await forge_bench.commit({"a.py": "a\n"}))
    pull = await forge.open(HEAD, "main", "T", "B")
    running = asyncio.create_task(forge.checks(pull))
    await begun.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await forge_bench.forge.checks(pull)).state is CiState.GREEN


async def test_ci_gets_the_commit_to_judge_and_the_base_whose_rules_count(forge_bench) -> None:
    base = await forge_bench.forge.head("main")
    await forge_bench.forge.push(HEAD, await forge_bench.commit({"a.py": "a\n"}))
    pull = await forge_bench.forge.open(HEAD, "main", "T", "B")
    assert (await forge_bench.forge.checks(pull)).log == f"judged by the rules of {base}"


async def test_a_base_that_moves_between_merging_and_moving_it_is_merged_onto(repository, forge_bench) -> None:
    async def green(commit: str, base: str) -> CiRun:
        return CiRun(sha=commit, state=CiState.GREEN)

    raced = []

    def somebody_else(name: str) -> None:
        if name == "merge" and not raced:
            raced.append(name)
            sha = repository.commit({"raced.py": "r\n"}, on=repository.git("rev-parse", "main"))
            repository.git("push", "--quiet", str(forge_bench.bare.folder), f"{sha}:refs/heads/main")

    forge = LocalForge(forge_bench.bare.folder, repository.folder, green, checkpoint=somebody_else)
    sha = await forge_bench.commit({"signup.py": "s\n"})
    await forge.push(HEAD, sha)
    pull = await forge.open(HEAD, "main", "T", "B")
    await forge.merge(pull, sha, "Sign up")
    assert {"raced.py", "signup.py"} <= set(await forge_bench.files())


async def test_what_a_push_replaces_stays_reachable(forge_bench) -> None:
    first = await forge_bench.commit({"a.py": "a\n"})
    second = await forge_bench.commit({"b.py": "b\n"})
    await forge_bench.forge.push(HEAD, first)
    await forge_bench.forge.push(HEAD, second)
    assert await forge_bench.forge.head(HEAD) == second
    assert forge_bench.bare.git("rev-parse", f"refs/setpoint/replaced/{HEAD}/{first}") == first


@pytest.mark.parametrize(
    "branch", ["-d", "--mirror", "../main", "a..b", "a b", "a:b", "refs/heads/x^{}", "x.lock", "", "a\nb", "@{-1}"]
)
async def test_names_that_are_no_branches_are_refused(tmp_path: Path, branch: str) -> None:
    async def green(commit: str, base: str) -> CiRun:
        return CiRun(sha=commit, state=CiState.GREEN)

    with pytest.raises(RefusedError, match="branch name"):
        await LocalForge(tmp_path / "forge.git", tmp_path, green).push(branch, "0" * 40)


@pytest.mark.parametrize(("size", "cut"), [(20_000, False), (20_001, True)])
async def test_a_text_too_long_for_a_pull_request_is_cut_and_says_so(forge_bench, size: int, cut: bool) -> None:
    await forge_bench.forge.push(HEAD, await forge_bench.commit({"a.py": "a\n"}))
    pull = await forge_bench.forge.open(HEAD, "main", " ", "x" * size)
    assert pull.body.endswith("(cut short)") is cut
    assert len(pull.body) <= 20_000
    assert pull.title


async def test_the_forge_follows_what_the_user_commits(repository, forge_bench) -> None:
    ahead = repository.commit({"b.py": "b\n"}, on=repository.git("rev-parse", "main"))
    repository.git("update-ref", "refs/heads/main", ahead)
    assert await forge_bench.forge.ensure("main") == ahead
    assert await forge_bench.forge.head("main") == ahead


async def test_a_forge_ahead_of_the_user_stays_ahead(forge_bench) -> None:
    merged = await forge_bench.advance({"b.py": "b\n"})
    assert await forge_bench.forge.ensure("main") == merged


async def test_diverged_branches_are_a_persons_to_join(repository, forge_bench) -> None:
    await forge_bench.advance({"theirs.py": "t\n"})
    own = repository.commit({"own.py": "o\n"}, on=repository.git("rev-parse", "main"))
    repository.git("update-ref", "refs/heads/main", own)
    with pytest.raises(RepositoryError, match="git pull"):
        await forge_bench.forge.ensure("main")


@pytest.mark.parametrize("base", ["übung/größe", "it's", "$(id)`id`;&|", 'a@b#c+"d"', "🚀"])
async def test_a_base_of_any_name_takes_a_change(repository, make_bench, base: str) -> None:
    repository.git("switch", "-q", "-c", base)
    bench = make_bench()
    assert await bench.forge.ensure(base) == repository.git("rev-parse", "HEAD")
    sha = repository.commit({"signup.py": "s\n"}, on=repository.git("rev-parse", "HEAD"))
    await bench.forge.push(HEAD, sha)
    pull = await bench.forge.open(HEAD, base, "Sign up", "What and why.")
    assert (await bench.forge.checks(pull)).state is CiState.GREEN
    await bench.forge.merge(pull, sha, "Sign up")
    assert "signup.py" in bench.bare.files(f"refs/heads/{base}")


async def test_nothing_the_repository_configures_is_run(repository, make_bench, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    hooks = repository.folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("pre-push", "post-checkout", "reference-transaction", "post-merge", "pre-receive", "update"):
        (hooks / hook).symlink_to(trap)
    for key in ("core.fsmonitor", "core.pager", "diff.external", "filter.evil.clean", "filter.evil.smudge"):
        repository.git("config", key, str(trap))
    repository.git("config", "uploadpack.packObjectsHook", str(trap))
    repository.git("config", f"url.{tmp_path}/elsewhere.insteadOf", str(tmp_path))
    base = repository.git("rev-parse", "main")
    sha = repository.commit({"signup.py": "s\n", ".gitattributes": "* filter=evil merge=evil diff=evil\n"}, on=base)
    (tmp_path / "sprung").unlink(missing_ok=True)
    bench = make_bench()
    await deliver(bench.forge, sha)
    async with bench.forge.checkout(sha) as tree:
        assert (tree / "signup.py").read_text() == "s\n"
    assert not (tmp_path / "sprung").exists()


async def test_a_tree_that_smuggles_in_a_git_folder_is_refused(repository, forge_bench) -> None:
    blob = repository.git("hash-object", "-w", "--stdin", stdin="[core]\n")
    inner = repository.git("mktree", stdin=f"100644 blob {blob}\tconfig\n")
    tree = repository.git("mktree", stdin=f"040000 tree {inner}\t.git\n")
    sha = repository.git("commit-tree", tree, "-p", repository.git("rev-parse", "main"), "-m", "smuggled")
    with pytest.raises(RefusedError):
        await forge_bench.forge.push(HEAD, sha)


async def test_a_checkout_is_clean_and_gone_afterwards(forge_bench) -> None:
    sha = await forge_bench.advance({"a/b.txt": "b\n"})
    async with forge_bench.forge.checkout(sha) as tree:
        found = sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file())
        assert found == ["README.md", "a/b.txt"]
        (tree / "a").chmod(0o500)
    assert not tree.exists()


async def test_a_file_of_a_commit_can_be_read(forge_bench) -> None:
    sha = await forge_bench.advance({"a/b.txt": "b\n"})
    assert await forge_bench.forge.show(sha, "a/b.txt") == b"b\n"
    assert await forge_bench.forge.show(sha, "a/none.txt") is None


async def test_a_shallow_clone_can_be_delivered_from(repository, make_bench, tmp_path: Path) -> None:
    main = repository.git("rev-parse", "main")
    repository.git("update-ref", "refs/heads/main", repository.commit({"b.py": "b\n"}, on=main))
    shallow = type(repository)(tmp_path / "shallow")
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.folder}", str(shallow.folder))
    bench = make_bench(shallow)
    await bench.forge.ensure("main")
    await bench.forge.push(HEAD, shallow.commit({"signup.py": "s\n"}, on=shallow.git("rev-parse", "main")))
    pull = await bench.forge.open(HEAD, "main", "T", "B")
    assert (await bench.forge.merge(pull, pull.head_sha, "Sign up")).merged_sha


async def test_a_folder_that_is_no_repository_says_so(make_bench, repository, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(RepositoryError, match="not a git repository"):
        await make_bench(type(repository)(tmp_path / "plain")).forge.ensure("main")


async def test_a_run_in_a_linked_worktree_uses_the_common_objects(repository, make_bench, tmp_path: Path) -> None:
    linked = type(repository)(tmp_path / "linked")
    repository.git("worktree", "add", "--quiet", "--detach", str(linked.folder))
    assert await make_bench(linked).forge.ensure("main") == repository.git("rev-parse", "main")


async def test_a_pull_request_merged_by_hand_is_seen_as_merged(forge_bench) -> None:
    sha = await forge_bench.commit({"a.py": "a\n"})
    await forge_bench.forge.push(HEAD, sha)
    pull = await forge_bench.forge.open(HEAD, "main", "T", "B")
    forge_bench.bare.git("update-ref", "refs/heads/main", sha)
    assert (await forge_bench.forge.merge(pull, sha, "T")).merged_sha == sha


PRINTED = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=PRINTED)
async def test_any_title_survives(forge_bench, text: str) -> None:
    if await forge_bench.forge.head(HEAD) is None:
        await forge_bench.forge.push(HEAD, await forge_bench.commit({"a.py": "a\n"}))
    pull = await forge_bench.forge.open(HEAD, "main", text, text)
    assert pull.title == text
    assert await forge_bench.forge.find(HEAD) == pull


async def test_a_crashed_creation_leaves_nothing_in_the_way(make_bench, tmp_path: Path) -> None:
    (tmp_path / "other.git.new" / "objects").mkdir(parents=True)
    bench = make_bench(bare=tmp_path / "other.git")
    assert await bench.forge.ensure("main")
    assert not (tmp_path / "other.git.new").exists()
    assert (tmp_path / "other.git" / "HEAD").is_file()
