"""What an agent may lay into its tree for the host to stumble over."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from shop_repository import Repository

from setpoint.adapters.folders import remove_folder
from setpoint.adapters.rooms import exec_here
from setpoint.adapters.sandboxes.bare import Bare
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.errors import DeniedError, UsageError
from setpoint.model.sandbox_settings import SandboxSettings
from setpoint.model.settings import Config
from setpoint.ports import Workspace

REPLACEMENTS = {
    "written": "echo 'gitdir: /tmp/evil' > .git",
    "removed": "rm -f .git; rm -rf .git",
    "moved": "mv .git other",
    "replaced by a folder": "rm -f .git; mkdir .git && echo '[core]' > .git/config",
    "replaced by a link": "ln -sf /tmp/evil .git",
    "mounted over": "mount -t tmpfs none .git",
    "swapped with the folder above": "cd .. && mv shop x",
}


@pytest.mark.parametrize("how", REPLACEMENTS)
async def test_git_cannot_be_replaced(bench: Repository, how: str) -> None:
    room = await bench.workspaces().open(bench.run())
    before = (room.path / ".git").read_bytes()
    await room.run(["sh", "-c", REPLACEMENTS[how]])
    assert (room.path / ".git").read_bytes() == before
    assert stat.S_ISREG((room.path / ".git").lstat().st_mode)


async def test_without_a_sandbox_a_replaced_git_is_put_back_and_told(tmp_path: Path) -> None:
    bench = Repository(tmp_path / "shop", Bare())
    room = await bench.workspaces().open(bench.run())
    before = (room.path / ".git").read_bytes()
    with pytest.raises(DeniedError, match="replaced"):
        await room.run(["sh", "-c", "rm .git && mkdir .git"])
    assert (room.path / ".git").read_bytes() == before
    assert (await room.run(["true"])).exit_code == 0


LISTED = (
    "import pathlib, sys; from setpoint.adapters.git import private_git; tree, private, common = map(pathlib.Path, "
    "sys.argv[1:]); private_git(private, common).call('ls-files', '--others', work_tree=tree, index=private / 'index')"
)


@pytest.mark.parametrize("first", ["node_modules/.bin", "", "HERE/node_modules/.bin"])
def test_no_program_of_the_tree_is_the_hosts_whatever_path_says(bench: Repository, tmp_path: Path, first: str) -> None:
    """Many put folders of their project first on their PATH; git is started in the agent's."""
    tree, trap = bench.repository / ".setpoint/worktrees/r1", tmp_path / "ran"
    for place in (tree, tree / "node_modules/.bin"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "git").write_text(f"#!/bin/sh\ntouch {trap}\n")
        (place / "git").chmod(0o755)
    env = {**os.environ, "PATH": f"{first.replace('HERE', str(tree))}:{os.environ['PATH']}"}
    words = [sys.executable, "-c", LISTED, str(tree), str(tmp_path / "private"), str(bench.repository / ".git")]
    subprocess.run(words, env=env, check=True)
    assert not trap.exists()


TRAP = """
git init -q nested && cd nested &&
git config user.name x && git config user.email x &&
git config core.fsmonitor "touch {trap}" &&
git config filter.trap.clean "touch {trap}; cat" &&
git config filter.trap.smudge "touch {trap}; cat" &&
echo '* filter=trap' > .gitattributes && echo x > file && git add -A && git commit -qm x &&
echo '#!/bin/sh\ntouch {trap}' > .git/hooks/post-checkout && chmod +x .git/hooks/post-checkout && echo y > file
"""


def left(room: Workspace) -> list[str]:
    """The paths of what was not saved."""
    return [one.path for one in room.unsaved()]


async def test_a_nested_repository_is_named_left_out_and_runs_nothing(bench: Repository, tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    workspaces = bench.workspaces()
    room = await workspaces.open(bench.run())
    script = TRAP.format(trap=trap).strip()
    done = await room.run(["sh", "-c", f"{script} && echo kept > ../kept && echo 2 > ../README.md"])
    assert done.exit_code == 0, done.stderr
    saved = await room.autosave("step")
    assert [str(one) for one in room.unsaved()] == [
        "nested/.git: a git repository inside the workspace is not saved, for git run there obeys the configuration it "
        "finds. Now: remove nested/.git; make repositories for trials below /tmp."
    ]
    assert await room.changed(bench.base) == await room.changed(bench.base, saved) == ["README.md", "kept"]
    assert "nested" not in await room.diff(bench.base)
    assert await room.show(await room.commit("work"), "kept") == b"kept\n"
    assert not any("nested" in name for name in bench.git("ls-tree", "-r", "--name-only", room.branch).splitlines())
    assert (room.path / "nested/.git/config").is_file()
    await room.restore(bench.base)
    assert await room.changed(bench.base) == []
    assert left(room) == []
    await workspaces.close(bench.run())
    assert list(bench.state.glob("workspaces/r1/unsaved/*/.git/config")), "what could not be saved is kept"
    assert not trap.exists()


async def test_what_lay_in_a_repository_is_saved_once_it_is_none(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    await room.run(["sh", "-c", "git init -q package && echo 1 > package/code.py"])
    assert await room.changed(bench.base) == []
    await room.run(["rm", "-rf", "package/.git"])
    assert await room.changed(bench.base) == ["package/code.py"]
    assert left(room) == []


async def test_a_submodule_that_a_session_fills_runs_nothing(bench: Repository, tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    bench.git("update-index", "--add", "--cacheinfo", f"160000,{bench.base},nested")
    bench.git("commit", "-q", "-m", "a submodule")
    bench.base = bench.git("rev-parse", "HEAD")
    room = await bench.workspaces().open(bench.run())
    script = TRAP.format(trap=trap).strip()
    assert (await room.run(["sh", "-c", f"{script} && mkdir d && git init -q d/e"])).exit_code == 0
    assert await room.changed(bench.base) == []
    assert left(room) == ["nested/.git", "nested/d/e/.git"]
    await room.restore(bench.base)
    assert left(room) == []
    assert not trap.exists()


HIDDEN = {
    "in a tracked folder": ("git init -q shop", ["shop/.git"]),
    "as a file": ("echo 'gitdir: /tmp' > shop/.git", ["shop/.git"]),
    "as a link": ("ln -s /tmp shop/.git", ["shop/.git"]),
    "in other letters": ("mkdir shop/.GIT && touch shop/.GIT/x", ["shop/.GIT"]),
    "with the short name": ("mkdir 'shop/git~1' && touch 'shop/git~1/x'", ["shop/git~1"]),
    "as a bare look-alike": ("git init -q --bare shop/fixture", ["shop/fixture"]),
    "saved before it looked like one": ("git init -q --bare shop/fixture", ["shop/fixture"]),
    "with its objects elsewhere": (
        "git init -q --bare shop/store; mkdir shop/fixture; cd shop; mv store/HEAD fixture; echo ../store > "
        "fixture/commondir",
        ["shop/fixture"],
    ),
    "around tracked files": ("git init -q --bare shop", ["shop/HEAD", "shop/objects", "shop/refs"]),
    "under a name that is not text": ('n=$(printf \'a\\nb\\377\') && mkdir "$n" && git init -q "$n"', None),
}


@pytest.mark.parametrize("where", HIDDEN)
async def test_a_repository_is_left_out_wherever_it_hides(bench: Repository, where: str) -> None:
    room = await bench.workspaces().open(bench.run())
    if where.startswith("saved before"):
        room.write("shop/fixture/HEAD", b"ref: refs/heads/main\n")
        assert await room.changed(bench.base) == ["shop/fixture/HEAD"]
    script, places = HIDDEN[where]
    done = await room.run(["sh", "-c", f"echo 2 > shop/price.py; {script}"])
    assert done.exit_code == 0, done.stderr
    changed = await room.changed(bench.base)
    assert left(room) == (places or ["a\nb\udcff/.git"])
    assert "shop/price.py" in changed
    tree = bench.git("ls-tree", "-r", "-t", "--name-only", await room.tree()).splitlines()
    assert not {*left(room)} & {*tree}
    assert all(one.shown.isprintable() for one in room.unsaved())
    await room.restore(bench.base)
    assert await room.changed(bench.base) == []
    assert left(room) == []


async def test_a_look_alike_that_is_written_file_by_file_is_left_out_at_once(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    await room.run(["true"])
    for name in ("objects/x", "refs/x", "HEAD"):
        room.write(f"new/{name}", b"ref: refs/heads/main\n")
    assert await room.changed(bench.base) == []
    assert left(room) == ["new"]


async def test_a_person_who_commits_a_look_alike_by_hand_makes_it_a_fixture(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    bench.git("init", "-q", "--bare", "fixture.git", at=room.path)
    assert (room.path / "fixture.git/HEAD").is_file()
    await room.tree()
    assert left(room) == ["fixture.git"]
    (room.path / "fixture.git/objects/info/x").write_text("")
    (room.path / "fixture.git/refs/heads/x").write_text("")
    bench.git("add", "fixture.git", at=room.path)
    bench.git("commit", "-q", "-m", "a fixture", at=room.path)
    await room.tree()
    assert left(room) == []


async def test_repositories_in_ignored_folders_are_nobodys_business(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    await room.run(["sh", "-c", "git init -q build/cache && touch build/cache/x"])
    assert await room.changed(bench.base) == []


async def test_a_committed_look_alike_is_a_fixture(bench: Repository) -> None:
    for name in ("HEAD", "objects/x", "refs/x"):
        bench.put(f"tests/fixture.git/{name}", "ref: refs/heads/main\n")
    bench.base = bench.commit("a fixture")
    room = await bench.workspaces().open(bench.run())
    assert await room.changed(bench.base) == []


async def test_pipes_sockets_and_set_id_bits_are_gone_after_a_command(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    program = "import os, socket; os.mkfifo('.gitignore2'); os.mkfifo('shop/pipe'); socket.socket(1).bind('sock')"
    await room.run(["sh", "-c", f'rm .gitignore; mkfifo .gitignore; python3 -c "{program}"'])
    kinds = {stat.S_IFMT(place.lstat().st_mode) for place in room.path.rglob("*")}
    assert kinds <= {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}
    assert await room.changed(bench.base) == [".gitignore"]


async def test_set_id_bits_and_pipes_of_an_unsandboxed_command_are_stripped(tmp_path: Path) -> None:
    bench = Repository(tmp_path / "shop", Bare())
    room = await bench.workspaces().open(bench.run())
    await room.run(["sh", "-c", "cp tool mine; chmod 6755 mine; mkfifo shop/pipe"])
    assert stat.S_IMODE((room.path / "mine").stat().st_mode) == 0o755
    assert not (room.path / "shop/pipe").exists()


async def test_a_pipe_in_place_of_a_file_holds_nobody_up(bench: Repository) -> None:
    room = await bench.workspaces().open(bench.run())
    os.mkfifo(room.path / "pipe")
    with pytest.raises(DeniedError):
        room.read("pipe")
    with pytest.raises(DeniedError):
        room.write("pipe", b"x")
    assert await room.changed(bench.base) == []


async def test_a_link_in_place_of_a_file_is_kept_as_a_link(bench: Repository, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    room = await bench.workspaces().open(bench.run())
    await room.run(["sh", "-c", f"ln -sf {secret} README.md; rm -r shop; ln -s {tmp_path} shop; ln -s {secret} new"])
    tree = await room.tree()
    assert await room.show(tree, "README.md") == str(secret).encode()
    assert await room.show(tree, "new") == str(secret).encode()
    assert "canary" not in await room.diff(bench.base)
    for path in ("README.md", "new", "shop/secret"):
        with pytest.raises(DeniedError):
            room.write(path, b"x")
    await room.restore(bench.base)
    assert secret.read_text() == "canary"
    assert list(tmp_path.glob("price.py")) == []


async def test_a_link_in_place_of_a_shared_folder_makes_nothing_on_the_host(bench: Repository, tmp_path: Path) -> None:
    bench.put(".venv/bin/x", "")
    room = await bench.workspaces().open(bench.run())
    (room.path / ".venv").symlink_to(tmp_path / "made")
    assert (await room.run(["true"])).exit_code == 0
    assert not (tmp_path / "made").exists()


async def test_other_runs_and_the_state_are_out_of_reach(bench: Repository) -> None:
    workspaces = bench.workspaces()
    one = await workspaces.open(bench.run("r1", "setpoint/one"))
    two = await workspaces.open(bench.run("r2", "setpoint/two"))
    two.write("canary.txt", b"canary")
    bench.put(".setpoint/setpoint.db", "canary")
    script = (
        f"cat {two.path}/* {bench.state}/* .setpoint/* ../*/canary.txt; ls {bench.state} {bench.repository}/.git/refs"
    )
    done = await one.run(["sh", "-c", script])
    assert "canary" not in done.stdout
    assert done.exit_code != 0


async def test_a_worktree_that_is_no_longer_ours_is_kept(tmp_path: Path) -> None:
    bench = Repository(tmp_path / "shop", Bare())
    workspaces = bench.workspaces()
    room = await workspaces.open(bench.run())
    (room.path / ".git").unlink()
    with pytest.raises(DeniedError, match="is kept"):
        await workspaces.close(bench.run())
    assert room.path.exists()


# -- setpoint sandbox exec ----------------------------------------------------------------------------------------


async def test_exec_here_writes_in_the_folder_and_nowhere_else(bench: Repository) -> None:
    script = (
        "pwd; echo x > made; echo x > ../outside; cat .git/config; rm -rf .git; echo hook > .git/hooks/post-checkout"
    )
    done = await exec_here(Bubblewrap(), bench.repository, ["sh", "-c", script])
    assert done.stdout == f"{bench.repository}\n"
    assert done.exit_code != 0
    assert (bench.repository / "made").read_text() == "x\n"
    assert not (bench.repository.parent / "outside").exists()
    assert bench.git("rev-parse", "HEAD") == bench.base
    assert not (bench.repository / ".git/hooks/post-checkout").exists()


async def test_exec_here_passes_input_and_code_on(bench: Repository) -> None:
    done = await exec_here(Bubblewrap(), bench.repository, ["sh", "-c", "cat; exit 7"], stdin="in")
    assert (done.stdout, done.exit_code) == ("in", 7)


async def test_exec_here_shows_no_secret_and_no_state(bench: Repository) -> None:
    bench.put(".env", "canary")
    bench.put("deep/er/.env.local", "canary")
    bench.put(".setpoint/setpoint.db", "canary")
    bench.put(".venv/lib/site-packages/certifi/cacert.pem", "certificates")
    script = "cat .env deep/er/.env.local .setpoint/setpoint.db; cat .venv/lib/site-packages/certifi/cacert.pem"
    done = await exec_here(Bubblewrap(), bench.repository, ["sh", "-c", script])
    assert done.stdout == "certificates"


async def test_exec_here_lets_no_repository_be_made_or_changed(bench: Repository, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    await exec_here(Bubblewrap(), plain, ["git", "init", "-q", "."])
    assert list(plain.iterdir()) == []
    bench.git("init", "-q", "sub")
    await exec_here(Bubblewrap(), bench.repository, ["sh", "-c", "echo x >> sub/.git/config; rm -rf sub/.git"])
    assert "x" not in (bench.repository / "sub/.git/config").read_text().splitlines()


async def test_exec_here_leaves_what_is_the_users(bench: Repository) -> None:
    os.mkfifo(bench.repository / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(bench.repository / "socket"))
        await exec_here(Bubblewrap(), bench.repository, ["true"])
    assert (bench.repository / "pipe").exists()
    assert (bench.repository / "socket").exists()


async def test_exec_here_takes_the_policys_limits(bench: Repository) -> None:
    limits = Config().sandbox.limits.model_copy(update={"seconds": 0.3})
    settings = SandboxSettings(limits=limits, env={"GIVEN": "yes"})
    done = await exec_here(Bubblewrap(), bench.repository, ["sh", "-c", "echo $GIVEN; sleep 60"], settings=settings)
    assert (done.exit_code, done.stdout) == (124, "yes\n")


@pytest.mark.parametrize("folder", ["/", "/usr", str(Path.home())])
async def test_exec_here_hands_out_no_folder_that_is_too_wide(folder: str) -> None:
    with pytest.raises(UsageError):
        await exec_here(Bubblewrap(), Path(folder), ["true"])


async def test_folders_in_folders_without_end_are_named_and_stop_nobody(bench: Repository) -> None:
    """Deeper than any path can say, and than a program that goes down by itself can bear."""
    room = await bench.workspaces().open(bench.run())
    down = "import os\nfor _ in range(1100):\n    os.mkdir('down'); os.chdir('down')\nopen('f', 'w').write('x')"
    assert (await room.run(["python3", "-c", down])).exit_code == 0
    assert await room.changed(bench.base) == []
    (one,) = room.unsaved()
    assert (one.why, one.fix) == ("it lies more than 128 folders deep", "remove down, or move what you need of it up")
    await room.restore(bench.base)
    assert (await room.run(["sh", "-c", "rm -rf down; ls"])).exit_code == 0
    assert room.unsaved() == ()
    async with room.checkout(bench.base) as copy:
        assert (await copy.run(["python3", "-c", down])).exit_code == 0
    assert not list((bench.repository / ".setpoint/checkouts").iterdir())
    remove_folder(bench.repository / ".setpoint/workspaces")
