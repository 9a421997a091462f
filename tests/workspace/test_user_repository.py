"""The branch a run starts from, under any name that git allows."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop_repository import Repository

from setpoint.adapters.folders import is_branch_name
from setpoint.adapters.git import private_git
from setpoint.adapters.repository import UserRepository
from setpoint.errors import RepositoryError

ODD = (
    "übung/größe",
    "発売",
    "🚀",
    "it's",
    'say-"hi"',
    "a@b#c+d",
    "$(id)`id`;&|<>!",
    "%s{0}(x),=",
    "x" * 200,
    "heads/main",
    "release.1/2",
)


@pytest.mark.parametrize("name", ODD)
async def test_the_branch_that_is_checked_out_is_the_base(bench: Repository, name: str) -> None:
    bench.git("switch", "-q", "-c", name)
    user = await UserRepository.around(bench.repository)
    assert await user.base("") == await user.base(name) == (name, bench.base)


async def test_a_tag_of_the_same_name_changes_nothing(bench: Repository) -> None:
    bench.git("tag", "main")
    assert await (await UserRepository.around(bench.repository)).base("") == ("main", bench.base)


NO_BRANCH = (
    "main~0",
    "main^{commit}",
    "@",
    "HEAD",
    "-q",
    "a b",
    "main..main",
    "nowhere",
    "refs/heads/main",
    "a\u200db",
)


@pytest.mark.parametrize("name", NO_BRANCH)
async def test_what_is_no_branch_is_refused_at_the_start(bench: Repository, name: str) -> None:
    with pytest.raises(RepositoryError, match=r"cannot be the base branch|has no commit") as refused:
        await (await UserRepository.around(bench.repository)).base(name)
    assert refused.value.exit_code == 2
    assert refused.value.fix


async def test_a_branch_that_is_not_utf_8_is_refused_at_the_start(bench: Repository) -> None:
    subprocess.run([b"git", b"switch", b"-q", b"-c", b"caf\xe9"], cwd=bench.repository, check=True)
    with pytest.raises(RepositoryError, match="cannot be the base branch"):
        await (await UserRepository.around(bench.repository)).base("")


async def test_without_a_branch_the_user_is_told(bench: Repository) -> None:
    bench.git("switch", "-q", "--detach")
    with pytest.raises(RepositoryError, match="no branch is checked out"):
        await (await UserRepository.around(bench.repository)).base("")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(
    st.text(max_size=12) | st.text("ab/.@{~^:?*[\\-lock ", max_size=9) | st.sampled_from(["a.lock/b", "a.lock", "//"])
)
def test_what_is_taken_for_a_branch_git_takes_for_one(tmp_path: Path, name: str) -> None:
    if is_branch_name(name):
        words = ["git", "check-ref-format", "--branch", name]
        done = subprocess.run(words, cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, check=False)
        assert done.returncode == 0


FOREIGN = (
    ".setpoint/git/commondir",
    ".setpoint/setpoint.db",
    ".setpoint/evidence/x",
    ".Setpoint/git/config",
    ".setpoint",
)


@pytest.mark.parametrize("name", FOREIGN)
async def test_a_branch_that_brings_setpoints_own_state_is_not_entered(bench: Repository, name: str) -> None:
    """Whoever checks it out to judge it would take its git folders, its evidence and its approvals for their own."""
    place = bench.repository / name
    shutil.rmtree(bench.repository / ".setpoint", ignore_errors=True)
    place.parent.mkdir(exist_ok=True, parents=True)
    place.write_text("../evil\n")
    bench.git("add", "-f", name)
    with pytest.raises(RepositoryError, match="brings 1 files into setpoint's own folder"):
        await UserRepository.around(bench.repository)


async def test_what_people_decided_may_lie_there(bench: Repository) -> None:
    for name in ("policy.toml", "waivers.toml", "SYSTEM.md", ".gitignore", "rules/a.md", "prompts/review.md"):
        bench.put(f".setpoint/{name}", "x\n")
        bench.git("add", "-f", f".setpoint/{name}")
    await UserRepository.around(bench.repository)


def test_a_private_git_folder_leads_to_no_other_configuration(bench: Repository, tmp_path: Path) -> None:
    trap, elsewhere = tmp_path / "ran", tmp_path / "elsewhere"
    bench.git("init", "-q", "--bare", str(elsewhere))
    bench.git("--git-dir", str(elsewhere), "config", "filter.trap.smudge", f"touch {trap}; cat")
    (elsewhere / "info").mkdir(exist_ok=True)
    (elsewhere / "info/attributes").write_text("* filter=trap\n")
    private = tmp_path / "private"
    git = private_git(private, bench.repository / ".git")
    (private / "commondir").write_text(f"{elsewhere}\n")
    out = tmp_path / "out"
    out.mkdir()
    git.call("read-tree", "--reset", "-u", bench.base, work_tree=out, index=tmp_path / "index")
    assert list(out.iterdir())
    assert not trap.exists()
