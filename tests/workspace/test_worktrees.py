"""Worktrees: what is kept in the user's repository, what comes back after a loss, what a person finds."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from shop_repository import Repository

from setpoint.errors import BusyError, DeniedError, RepositoryError
from setpoint.model.settings import Config, Worktree


async def test_a_person_finds_a_git_worktree_on_the_runs_branch(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    assert bench.git("status", "--short", at=room.path) == ""
    assert bench.git("branch", "--show-current", at=room.path) == "setpoint/shop"
    room.write("a", b"1")
    assert bench.git("status", "--short", at=room.path) == "?? a"
    await room.commit("Add a")
    assert bench.git("status", "--short", at=room.path) == ""
    assert bench.git("log", "-1", "--format=%an <%ae> %s", at=room.path) == "Ann <ann@example.org> Add a"


async def test_the_users_own_folder_and_branch_are_left_alone(bench: Repository) -> None:
    bench.put("README.md", "being edited\n")
    bench.put(".gitignore", "build/\n*.log\n.setpoint/\n")
    before = bench.git("status", "--short"), bench.git("rev-parse", "main")
    room = await bench.workspaces().open(bench.run())
    room.write("README.md", b"mine")
    await room.commit("Mine")
    await bench.workspaces().close(bench.run())
    assert (bench.git("status", "--short"), bench.git("rev-parse", "main")) == before
    assert bench.git("worktree", "list", "--porcelain").count("worktree ") == 1
    assert bench.git("fsck", "--strict") == ""


async def test_every_autosave_is_reachable_from_the_last(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    saves = []
    for number in range(3):
        room.write("a", f"{number}".encode())
        saves.append(await room.autosave(f"step {number}"))
    refs = bench.git("for-each-ref", "--format=%(refname)", "refs/setpoint/").split()
    assert refs == ["refs/setpoint/r1/autosave/setpoint-shop"]
    assert bench.git("rev-list", refs[0]).split() == [*reversed(saves), bench.base]


async def test_a_deleted_worktree_comes_back_from_the_last_autosave(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    room.write("a", b"saved")
    saved = await room.autosave("step")
    subprocess.run(["rm", "-rf", str(room.path)], check=True)
    again = await bench.workspaces().open(bench.run())
    assert again.read("a") == b"saved"
    assert await again.changed(saved) == []


@pytest.mark.parametrize("lost", ["index", "admin", ".git", "all"])
async def test_unsaved_files_survive_the_loss_of_gits_own(bench: Repository, lost: str) -> None:
    room = await bench.workspaces().open(bench.run())
    room.write("a", b"unsaved")
    room.write("README.md", b"unsaved")
    gone = {
        "index": [bench.state / "workspaces" / "r1" / "index"],
        "admin": [bench.repository / ".git" / "worktrees" / "setpoint-r1"],
        ".git": [room.path / ".git"],
    }
    for place in [place for name, places in gone.items() if lost in (name, "all") for place in places]:
        subprocess.run(["rm", "-rf", str(place)], check=True)
    again = await bench.workspaces().open(bench.run())
    assert (again.read("a"), again.read("README.md")) == (b"unsaved", b"unsaved")
    assert bench.git("branch", "--show-current", at=again.path) == "setpoint/shop"


async def test_a_half_made_worktree_is_made_again(bench: Repository) -> None:
    """Killed while the files were put out: no work was done there yet."""
    room = await bench.workspaces().open(bench.run())
    (bench.state / "workspaces" / "r1" / "ready").unlink()
    (bench.state / "workspaces" / "r1" / "index").unlink()
    (room.path / "README.md").unlink()
    again = await bench.workspaces().open(bench.run())
    assert await again.changed(bench.base) == []


async def test_a_new_cycle_has_a_new_branch_and_loses_nothing_of_the_old(bench: Repository) -> None:
    workspaces = bench.workspaces()
    room = await workspaces.open(bench.run())
    room.write("a", b"first cycle, unsaved")
    moved = await workspaces.open(bench.run(branch="setpoint/shop-2"))
    assert moved.path == room.path
    assert await moved.changed(bench.base) == []
    assert bench.git("branch", "--show-current", at=moved.path) == "setpoint/shop-2"
    assert bench.git("show", "refs/setpoint/r1/autosave/setpoint-shop:a") == "first cycle, unsaved"


async def test_what_the_user_configured_never_runs(bench: Repository, tmp_path: Path) -> None:
    """Hooks, filters, line ends, monitors and signing of the user's repository are not for agents' trees."""
    trap = tmp_path / "ran"
    run = f"touch {trap}; cat"
    for name in (
        "post-checkout",
        "pre-commit",
        "commit-msg",
        "post-commit",
        "reference-transaction",
        "post-index-change",
    ):
        hook = bench.put(f".git/hooks/{name}", f"#!/bin/sh\ntouch {trap}\n")
        hook.chmod(0o755)
    bench.git("config", "filter.trap.clean", run)
    bench.git("config", "filter.trap.smudge", run)
    bench.git("config", "filter.trap.process", run)
    bench.git("config", "diff.trap.textconv", run)
    bench.git("config", "diff.trap.command", run)
    bench.git("config", "core.fsmonitor", f"touch {trap}")
    bench.git("config", "core.autocrlf", "true")
    bench.git("config", "commit.gpgSign", "true")
    bench.git("config", "gpg.program", f"touch {trap}")
    (bench.repository / ".git/info/attributes").write_text("* filter=trap diff=trap text=auto\n")
    room = await bench.workspaces().open(bench.run())
    room.write(".gitattributes", b"* filter=trap diff=trap eol=crlf ident working-tree-encoding=UTF-16\n")
    room.write("README.md", b"$Id$\r\nchanged\n")
    made = await room.commit("Change")
    async with room.checkout(made) as copy:
        assert copy.read("README.md") == b"$Id$\r\nchanged\n"
    assert await room.show(made, "README.md") == b"$Id$\r\nchanged\n"
    assert "+changed" in await room.diff(bench.base)
    await room.restore(bench.base)
    await bench.workspaces().close(bench.run())
    assert not trap.exists()


async def test_attributes_cannot_hide_a_change_from_the_diff(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    room.write(".gitattributes", b"*.py -diff linguist-generated\n* binary\n")
    room.write("shop/price.py", b"PRICE = 'stolen'\n")
    assert "+PRICE = 'stolen'" in await room.diff(bench.base)


async def test_the_set_up_runs_once_inside_the_sandbox(bench: Repository) -> None:
    setup = (("sh", "-c", "echo run >> build.log; pwd > where.log; ls -d ~"),)
    bench.config = Config(worktree=Worktree(setup=setup))
    room = await bench.workspaces().open(bench.run())
    room = await bench.workspaces().open(bench.run())
    assert room.read("build.log") == b"run\n"
    assert room.read("where.log").decode().strip() == str(bench.repository)


async def test_a_failing_set_up_says_why_and_runs_again(bench: Repository) -> None:
    bench.config = Config(worktree=Worktree(setup=(("sh", "-c", "echo no module >&2; exit 4"),)))
    with pytest.raises(RepositoryError, match=r"exit 4[\s\S]*no module"):
        await bench.workspaces().open(bench.run())
    bench.config = Config(worktree=Worktree(setup=(("touch", "made.log"),)))
    room = await bench.workspaces().open(bench.run())
    assert room.read("made.log") == b""


INCLUDE = "config/local.ini\ncache/\n.env\nREADME.md\nsecrets/\nlink\n"


async def test_included_files_are_copied_when_they_match_and_are_ignored(bench: Repository) -> None:
    bench.put(".gitignore", "config/local.ini\ncache/\n.env*\nsecrets/\nother/\nlink\n.setpoint/\n")
    bench.put(".worktreeinclude", INCLUDE)
    bench.base = bench.commit("ignore")
    for name in ("config/local.ini", "cache/a/b", ".env", ".env.local", "secrets/id_rsa", "other/x", "README.md"):
        bench.put(name, "mine\n")
    (bench.repository / "link").symlink_to("/etc/passwd")
    room = await bench.workspaces().open(bench.run())
    there = {str(place.relative_to(room.path)) for place in room.path.rglob("*") if place.is_file()}
    assert {"config/local.ini", "cache/a/b", ".env"} <= there
    assert not {".env.local", "secrets/id_rsa", "other/x", "link"} & there
    assert room.read("README.md") == b"# shop\n"
    assert await room.changed(bench.base) == []


@pytest.mark.parametrize("name", [".env", "sub/.env.production", "deploy.pem", "id_ed25519", "a/server.key", ".netrc"])
async def test_secrets_in_the_workspace_are_shown_to_nobody(bench: Repository, name: str) -> None:
    bench.put(name, "canary\n")
    bench.base = bench.commit("a committed secret")
    room = await bench.workspaces().open(bench.run())
    done = await room.run(["sh", "-c", f"cat {name}; cp {name} copy; mv {name} moved; grep -r canary . ; true"])
    assert "canary" not in done.stdout
    with pytest.raises(DeniedError):
        room.read(name)
    with pytest.raises(DeniedError):
        room.write(name, b"x")
    async with room.checkout(bench.base) as copy:
        assert "canary" not in (await copy.run(["cat", name])).stdout
    assert name not in await room.changed(bench.base)


@pytest.mark.parametrize("name", ["sub/.env", "certs/server.key"])
async def test_a_secret_stays_hidden_when_a_folder_above_it_is_moved(bench: Repository, name: str) -> None:
    bench.put(name, "canary\n")
    bench.base = bench.commit("a committed secret")
    room = await bench.workspaces().open(bench.run())
    above, _, below = name.partition("/")
    await room.run(["sh", "-c", f"mkdir tests; mv {above} tests/moved; mkdir {above}; touch {name}"])
    assert (room.path / "tests/moved" / below).read_text() == "canary\n"
    assert "canary" not in (await room.run(["grep", "-r", "canary", "."])).stdout
    with pytest.raises(DeniedError):
        room.read(f"tests/moved/{below}")
    async with room.checkout(await room.tree()) as copy:
        assert "canary" not in (await copy.run(["cat", f"tests/moved/{below}"])).stdout, "nor where a gate looks"
    await room.autosave("moved")
    again = await bench.workspaces().open(bench.run())
    assert "canary" not in (await again.run(["cat", f"tests/moved/{below}"])).stdout, "nor after the worker's end"


async def test_what_is_shown_under_another_name_is_no_secret(bench: Repository) -> None:
    for name, text in ((".env.test", "PORT=8000\n"), (".env.example", "PORT=8000\n"), (".env", ""), ("new", "")):
        bench.put(name, text)
    bench.base = bench.commit("settings")
    room = await bench.workspaces().open(bench.run())
    done = await room.run(["sh", "-c", "cat .env.example; echo x > new"])
    assert (done.exit_code, done.stdout) == (0, "PORT=8000\n")


async def test_a_file_that_a_command_makes_itself_is_its_own(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    await room.run(["sh", "-c", "echo own > .env; echo own > server.key"])
    assert (await room.run(["cat", ".env", "server.key"])).stdout == "own\nown\n"


@pytest.mark.parametrize("name", [".env.example", "tests/fixtures/ca.pem", "keyboard.py", "environment.env.py"])
async def test_what_is_no_secret_can_be_read(bench: Repository, name: str) -> None:
    bench.put(name, "plain\n")
    bench.base = bench.commit("plain")
    room = await bench.workspaces().open(bench.run())
    assert (await room.run(["cat", name])).stdout == "plain\n"
    assert room.read(name) == b"plain\n"


async def test_the_users_environment_is_shared_and_resolves_to_the_worktree(bench: Repository) -> None:
    bench.put(".gitignore", ".venv/\nnode_modules/\n.setpoint/\n")
    bench.base = bench.commit("ignore")
    program = bench.put(".venv/bin/which-code", f"#!/bin/sh\ncat {bench.repository}/shop/price.py\n")
    program.chmod(0o755)
    bench.put("node_modules/.bin/tool", "#!/bin/sh\necho from node\n").chmod(0o755)
    room = await bench.workspaces().open(bench.run())
    room.write("shop/price.py", b"PRICE = 99\n")
    assert (await room.run(["which-code"])).stdout == "PRICE = 99\n"
    assert (await room.run(["tool"])).stdout == "from node\n"
    assert (await room.run(["sh", "-c", "echo x > .venv/bin/which-code"])).exit_code != 0
    assert await room.changed(bench.base) == ["shop/price.py"]
    async with room.checkout(await room.tree()) as copy:
        assert (await copy.run(["which-code"])).stdout == "PRICE = 99\n"


async def test_environments_of_projects_below_the_root_are_shared_where_their_project_is(bench: Repository) -> None:
    bench.put(".gitignore", ".venv/\nnode_modules/\n.setpoint/\n")
    bench.put("web/package.json", "{}")
    bench.base = bench.commit("ignore")
    bench.put("web/node_modules/.bin/tool", "#!/bin/sh\necho from web\n").chmod(0o755)
    bench.put("web/node_modules/deep/node_modules/.bin/tool", "")
    bench.put("gone/.venv/bin/tool", "")
    room = await bench.workspaces().open(bench.run())
    assert (await room.run(["sh", "-c", "cd web && node_modules/.bin/tool"])).stdout == "from web\n"
    assert (await room.run(["sh", "-c", "echo x > web/node_modules/.bin/tool"])).exit_code != 0
    assert (await room.run(["ls", "gone"])).exit_code != 0
    assert await room.changed(bench.base) == []


async def test_the_forges_branch_is_fetched(bench: Repository, tmp_path: Path) -> None:
    bench.forge = tmp_path / "forge.git"
    with pytest.raises(RepositoryError):
        await bench.workspaces().fetch("main")
    bench.git("clone", "-q", "--bare", str(bench.repository), str(bench.forge))
    other = tmp_path / "other"
    bench.git("clone", "-q", str(bench.forge), str(other))
    (other / "theirs").write_text("theirs")
    bench.git("add", "-A", at=other)
    bench.git("-c", "user.name=Bo", "-c", "user.email=b@x", "commit", "-qm", "theirs", at=other)
    bench.git("push", "-q", "origin", "main", at=other)
    workspaces = bench.workspaces()
    sha = await workspaces.fetch("main")
    assert sha == bench.git("rev-parse", "HEAD", at=other)
    assert bench.git("rev-parse", "refs/setpoint/forge/main") == sha
    assert bench.git("rev-parse", "main") == bench.base
    with pytest.raises(RepositoryError, match="no branch nowhere"):
        await workspaces.fetch("nowhere")


async def test_a_dead_gits_lock_on_the_branch_is_named(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    room.write("a", b"1")
    lock = bench.put(".git/refs/heads/setpoint/shop.lock", "")
    with pytest.raises(BusyError, match=r"shop\.lock"):
        await room.commit("Add a")
    lock.unlink()
    assert await room.commit("Add a") != bench.base


async def test_a_dead_gits_lock_on_our_own_index_is_no_obstacle(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    (bench.state / "workspaces" / "r1" / "index.lock").touch()
    room = await bench.workspaces().open(bench.run())
    room.write("a", b"1")
    assert await room.changed(bench.base) == ["a"]


async def test_copies_of_dead_workers_are_removed(bench: Repository) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = bench.state / "checkouts" / f"{dead.pid}-abc" / "tree"
    left.mkdir(parents=True)
    mine = bench.state / "checkouts" / f"{os.getpid()}-abc" / "tree"
    mine.mkdir(parents=True)
    async with bench.workspaces().checkout(bench.base):
        assert not left.parent.exists()
        assert mine.exists()


async def test_a_copy_with_folders_nobody_may_enter_is_removed_too(bench: Repository) -> None:
    async with bench.workspaces().checkout(bench.base) as copy:
        await copy.run(["sh", "-c", "mkdir -p a/b && touch a/b/c && chmod 0 a/b a"])
    assert list((bench.state / "checkouts").iterdir()) == []


async def test_a_submodule_of_the_base_is_left_as_it_is(bench: Repository, tmp_path: Path) -> None:
    bench.git("update-index", "--add", "--cacheinfo", f"160000,{bench.base},lib")
    bench.git("commit", "-q", "-m", "a submodule")
    bench.base = bench.git("rev-parse", "HEAD")
    room = await bench.workspaces().open(bench.run())
    assert await room.changed(bench.base) == []
    room.write("a", b"1")
    assert await room.changed(bench.base) == ["a"]


async def test_a_repository_named_by_sha256_works(tmp_path: Path, bench: Repository) -> None:
    place = bench.repository.with_name("sha256")
    place.mkdir()
    bench.git("init", "-q", "-b", "main", "--object-format=sha256", at=place)
    (place / "a").write_text("1")
    bench.git("add", "-A", at=place)
    bench.git("-c", "user.name=A", "-c", "user.email=a@x", "commit", "-qm", "base", at=place)
    bench.repository, bench.state = place, place / ".setpoint"
    bench.base = bench.git("rev-parse", "HEAD")
    room = await bench.workspaces().open(bench.run())
    room.write("b", b"2")
    (room.path / "a").unlink()
    made = await room.commit("Add b")
    assert len(made) == 64
    assert await room.changed(bench.base, made) == ["a", "b"]


async def test_a_folder_that_is_no_repository_is_told(bench: Repository, tmp_path: Path) -> None:
    bench.repository = tmp_path / "plain"
    bench.repository.mkdir()
    with pytest.raises(RepositoryError, match="not a git repository"):
        await bench.workspaces().open(bench.run())


async def test_a_runs_name_never_leads_elsewhere(bench: Repository) -> None:
    with pytest.raises(RepositoryError):
        await bench.workspaces().open(bench.run(name="../../x"))


async def test_two_runs_beside_each_other_never_meet(bench: Repository) -> None:
    runs = [bench.run().model_copy(update={"id": name, "branch": f"setpoint/{name}"}) for name in ("r1", "r2")]
    house = bench.workspaces()
    rooms = [await house.open(run) for run in runs]

    async def work(number: int) -> str:
        for step in range(8):
            rooms[number].write("README.md", f"{number} {step}".encode())
            rooms[number].write(f"only-{number}-{step}", b"x")
            await rooms[number].autosave(f"step {step}")
        return await rooms[number].commit("All of it")

    heads = await asyncio.gather(work(0), work(1))
    for number, head in enumerate(heads):
        assert await rooms[number].show(head, "README.md") == f"{number} 7".encode()
        changed = await rooms[number].changed(bench.base, head)
        assert set(changed) == {"README.md", *(f"only-{number}-{step}" for step in range(8))}
        saves = f"refs/setpoint/r{number + 1}/autosave/setpoint-r{number + 1}"
        assert bench.git("rev-list", "--count", f"{bench.base}..{saves}") == "8"
    assert bench.git("fsck", "--strict") == ""
