"""The guards have the shape of what they guard, and let through only what is decided."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from setpoint.errors import DeniedError, NeedsPersonError
from setpoint.model.boundary import Boundaries
from setpoint.model.command import CommandLimits, Completed, Mount
from setpoint.model.release import Environment, Release
from setpoint.policy.action import Action, ActionKind
from setpoint.policy.decide import Allow, Ask, Decision, Deny, Policy, decide
from setpoint.policy.guard import GuardedDeployer, GuardedForge, GuardedRoom
from setpoint.ports import Deployer, Forge, Room
from setpoint.testing.deployers import MemoryDeployer
from setpoint.testing.forges import MemoryForge

BOUNDARIES = Boundaries(paths=("src/**",), network=("packages.example:443",))
STAGING = Environment(name="staging", deploy=("d",), smoke=("s",), rollback=("r",))
RELEASE = Release(sha="abc", tree="t", ticket="signup")


class FolderRoom:
    """A room over a plain folder, whose commands only echo."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inside = str(path)

    async def run(
        self,
        argv: Sequence[str],
        *,
        limits: CommandLimits | None = None,
        env: dict[str, str] | None = None,
        stdin: str = "",
        network: Sequence[str] = (),
        reports: Path | None = None,
        mounts: Sequence[Mount] = (),
    ) -> Completed:
        return Completed(exit_code=0, stdout=" ".join(argv), stderr="", seconds=0.0)

    def read(self, path: str) -> bytes:
        return (self.path / path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).write_bytes(content)

    def files(self) -> Sequence[str]:
        return sorted(str(file.relative_to(self.path)) for file in self.path.rglob("*") if file.is_file())


class Eye:
    """Remembers what it saw."""

    def __init__(self) -> None:
        self.seen: list[tuple[ActionKind, str, str]] = []

    def __call__(self, action: Action, decision: Decision) -> None:
        self.seen.append((action.kind, action.subject, decision.verdict))


@pytest.fixture
def eye() -> Eye:
    return Eye()


@pytest.fixture
def room(tmp_path: Path, eye: Eye) -> Room:
    return GuardedRoom(FolderRoom(tmp_path), BOUNDARIES, writes=True, on_action=eye)


def test_an_allowed_file_is_written_and_read(room: Room, eye: Eye) -> None:
    room.write("src/app.py", b"x")
    assert room.read("src/app.py") == b"x"
    assert room.files() == ["src/app.py"]
    assert eye.seen == [(ActionKind.EDIT, "src/app.py", "allow"), (ActionKind.READ, "src/app.py", "allow")]


@pytest.mark.parametrize("path", ["docs/x.md", "src/../x", "/etc/x", "src/.env", "src/Dockerfile", ".git/config"])
def test_a_file_that_is_not_allowed_is_named_with_the_rule_and_never_written(room: Room, eye: Eye, path: str) -> None:
    with pytest.raises(DeniedError, match="next:") as denied:
        room.write(path, b"x")
    assert path in denied.value.what
    assert denied.value.why
    assert room.files() == []
    assert eye.seen[0][2] in ("deny", "ask")


def test_a_session_that_only_reads_writes_nothing(tmp_path: Path) -> None:
    room = GuardedRoom(FolderRoom(tmp_path), BOUNDARIES, writes=False)
    with pytest.raises(DeniedError, match="only reads"):
        room.write("src/app.py", b"x")
    assert room.files() == []


def test_secrets_are_not_read(room: Room, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TOKEN=1")
    with pytest.raises(DeniedError):
        room.read(".env")


async def test_commands_pass_and_are_seen_with_their_kind(room: Room, eye: Eye) -> None:
    done = await room.run(["bash", "-c", "pip install x"])
    assert done.stdout == "bash -c pip install x"
    assert eye.seen == [(ActionKind.DEPENDENCY, "bash", "allow")]


async def test_hosts_that_are_not_on_the_list_are_not_reached(room: Room) -> None:
    assert (await room.run(["pip", "download", "x"], network=["packages.example:443"])).exit_code == 0
    with pytest.raises(DeniedError):
        await room.run(["curl", "x"], network=["packages.example:443", "elsewhere.example:443"])


async def test_commands_can_be_limited_by_name(tmp_path: Path) -> None:
    limited = GuardedRoom(FolderRoom(tmp_path), Boundaries(commands=("pytest",)), writes=False)
    assert (await limited.run(["/usr/bin/pytest"])).exit_code == 0
    for argv in (["bash"], []):
        with pytest.raises(DeniedError):
            await limited.run(argv)


def yes(_action: Action) -> Decision:
    return Allow(reason="a person said so")


def unanswered(action: Action) -> Decision:
    return Ask(reason="nobody said yes yet", risk=action.risk)


def no(_action: Action) -> Decision:
    return Deny(reason="frozen")


@pytest.mark.parametrize("branch", ["main", "feature/x", "setpoint", "refs/heads/main", "setpoint/release"])
async def test_only_the_runs_own_branches_are_pushed(branch: str) -> None:
    forge = MemoryForge(base="setpoint/release")
    guarded: Forge = GuardedForge(forge, "setpoint/release", yes)
    sha = forge.add({"a": "a"}, forge.branches["setpoint/release"])
    before = dict(forge.branches)
    with pytest.raises(DeniedError):
        await guarded.push(branch, sha)
    assert forge.branches == before


async def test_a_merge_happens_only_with_a_yes_to_this_very_commit() -> None:
    forge = MemoryForge()
    sha = forge.add({"a": "a"}, forge.branches["main"])
    agreed = Policy(boundaries=BOUNDARIES, granted=(Action(kind=ActionKind.MERGE, subject="setpoint/x", detail=sha),))
    guarded = GuardedForge(forge, "main", lambda action: decide(agreed, action))
    await guarded.push("setpoint/x", sha)
    pull = await guarded.open("setpoint/x", "main", "T", "B")
    later = forge.add({"b": "b"}, sha)
    with pytest.raises(NeedsPersonError):
        await guarded.merge(pull, later, "M")
    assert not forge.pull_requests[0].merged_sha
    assert (await guarded.merge(pull, sha, "M")).merged_sha


@pytest.mark.parametrize(("permit", "error"), [(unanswered, NeedsPersonError), (no, DeniedError)])
async def test_a_deploy_waits_for_its_yes_and_the_way_back_is_always_open(permit, error: type[Exception]) -> None:
    deployer = MemoryDeployer()
    guarded: Deployer = GuardedDeployer(deployer, permit)
    with pytest.raises(error):
        await guarded.deploy(STAGING, RELEASE)
    assert deployer.ran == []
    assert (await guarded.rollback(STAGING, None)).ok


async def test_a_permitted_deploy_goes_through() -> None:
    guarded = GuardedDeployer(MemoryDeployer(), yes)
    assert (await guarded.deploy(STAGING, RELEASE)).ok
    assert (await guarded.smoke(STAGING, RELEASE)).ok
    assert await guarded.current(STAGING) == RELEASE


def test_a_gates_whole_output_is_read_by_its_content_and_nothing_else_is(tmp_path: Path) -> None:
    kept = {"a" * 64: b"all of it"}
    room = GuardedRoom(FolderRoom(tmp_path), BOUNDARIES, writes=False, outputs=kept.get)
    assert room.read(f"output:{'a' * 64}") == b"all of it"
    for name in (f"output:{'b' * 64}", "output:a", f"output:{'a' * 64}/../x"):
        with pytest.raises((FileNotFoundError, DeniedError)):
            room.read(name)
