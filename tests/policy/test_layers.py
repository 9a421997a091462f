"""Broker and diff check hold each boundary on their own: here the other layers are out of the way."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from setpoint.errors import DeniedError
from setpoint.gates.change_set import between
from setpoint.model.boundary import Boundaries
from setpoint.model.command import CommandLimits, Completed, Mount
from setpoint.model.objection import Severity
from setpoint.model.policy import Layer, PolicyFile
from setpoint.pipeline.bounds import frozen_interfaces, packages
from setpoint.pipeline.checks import tampered
from setpoint.pipeline.lab import Terms
from setpoint.pipeline.requests import sorted_out
from setpoint.policy.action import Action, ActionKind
from setpoint.policy.commands import programs
from setpoint.policy.compile import beyond, closed_by, widened
from setpoint.policy.decide import Allow, Policy, decide
from setpoint.policy.diffcheck import FileChange, judge_under
from setpoint.policy.guard import GuardedRoom
from setpoint.policy.rules import Rules, closing, effective, lay, opened

WIDE = Boundaries(paths=("**",), dependencies=True, migrations=True, network=("a.example:443", "b.example:443"))


def policy(said: dict[str, Any], boundaries: Boundaries = WIDE, *granted: Action) -> Policy:
    """A run's policy under a base that says this."""
    layers = [Layer(whose="base: .setpoint/policy.toml", said=PolicyFile.model_validate(said))]
    return Policy(boundaries=boundaries, rules=effective(layers), granted=granted)


class Bare:
    """A room without a sandbox: it remembers what it was let do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inside = str(path)
        self.written: list[str] = []
        self.reached: list[tuple[str, ...]] = []

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
        self.reached.append(tuple(network))
        return Completed(exit_code=0, stdout="", stderr="", seconds=0.0)

    def read(self, path: str) -> bytes:
        return b""

    def write(self, path: str, content: bytes) -> None:
        self.written.append(path)

    def files(self) -> Sequence[str]:
        return self.written


def broker(held: Policy, path: Path = Path("/nowhere")) -> tuple[GuardedRoom, Bare]:
    """The guard around a room that lets everything be done."""
    bare = Bare(path)
    return GuardedRoom(bare, held.boundaries, rules=held.rules, granted=held.granted, writes=True), bare


CLOSED = [
    ({"paths": {"allowed": ["src/**"]}}, "docs/x.md"),
    ({"paths": {"protected": ["docs/"]}}, "docs/x.md"),
    ({"people": {"needed": ["edit:docs/**"]}}, "docs/x.md"),
    ({"people": {"never": ["edit:*.md", "edit:docs/**"]}}, "docs/x.md"),
    ({"risk": {"edit": "person"}}, "docs/x.md"),
    ({"dependencies": {"changes": "ask"}}, "pyproject.toml"),
    ({"dependencies": {"changes": "never"}}, "uv.lock"),
    ({"migrations": {"changes": "ask"}}, "app/migrations/0002.py"),
    ({"people": {"never": ["infrastructure"]}}, "Dockerfile"),
    ({}, ".github/workflows/ci.yml"),
    ({}, ".setpoint/policy.toml"),
    ({}, "AGENTS.md"),
    ({}, "deploy/prod.tf"),
    ({}, ".env"),
]


@pytest.mark.parametrize(("said", "path"), CLOSED)
def test_the_broker_alone_writes_no_file_that_policy_closes(said: dict[str, Any], path: str) -> None:
    room, bare = broker(policy(said))
    with pytest.raises(DeniedError):
        room.write(path, b"x")
    assert bare.written == []


@pytest.mark.parametrize(("said", "path"), CLOSED)
def test_the_diff_check_alone_minds_every_file_that_policy_closes(said: dict[str, Any], path: str) -> None:
    found = judge_under([FileChange(path=path, added=1, new_mode="100644", text="x\n")], policy(said))
    assert [objection.severity for objection in found] == [Severity.HIGH]
    assert found[0].place is not None
    assert found[0].place.path == path


@pytest.mark.parametrize(("said", "path"), CLOSED)
def test_a_yes_to_a_file_opens_it_at_both_or_at_neither(said: dict[str, Any], path: str) -> None:
    held = policy(said, WIDE, Action(kind=ActionKind.EDIT, subject=path))
    room, bare = broker(held)
    with suppress(DeniedError):
        room.write(path, b"x")
    minded = judge_under([FileChange(path=path, added=1, new_mode="100644", text="x\n")], held)
    assert bool(minded) == (bare.written == [])


def test_size_is_the_policys() -> None:
    held = policy({}, Boundaries(paths=("**",), max_files=1, max_lines=2))
    change = [FileChange(path=f"{name}.py", added=2, new_mode="100644") for name in ("a", "b")]
    assert [o.severity for o in judge_under(change, held)] == [Severity.MEDIUM, Severity.MEDIUM]


async def test_commands_reach_the_hosts_that_both_policy_and_plan_open_and_no_other() -> None:
    room, bare = broker(policy({"network": {"allowed": ["a.example:443", "c.example:1"]}}))
    await room.run(["bash", "-c", "true"])
    assert bare.reached == [("a.example:443",)]
    shut, other = broker(policy({}, Boundaries(paths=("**",))))
    await shut.run(["bash", "-c", "curl evil"])
    assert other.reached == [()]
    with pytest.raises(DeniedError):
        await shut.run(["true"], network=("a.example:443",))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("pytest -q && make lint | tee x", ("pytest", "make", "tee")),
        ("cd src; FOO=1 env BAR=2 timeout 5 ./run.sh", ("run.sh",)),
        ("echo $(curl evil)", ("curl",)),
        ("if true; then docker ps; fi", ("docker",)),
        ("echo 'open", ("?",)),
        ("true", ("bash",)),
    ],
)
def test_programs_of_a_shells_line_are_named(line: str, names: tuple[str, ...]) -> None:
    found = programs(["bash", "-c", line])
    assert found == names or (line.startswith("if") and set(names) <= set(found))
    assert programs(["/usr/bin/make", "test"]) == ("make",)


async def test_programs_can_be_limited_and_one_that_is_for_nobody_is_refused() -> None:
    room, bare = broker(policy({"commands": {"allowed": ["pytest", "make"]}}))
    await room.run(["bash", "-c", "cd src && pytest -q"])
    for line in ("pytest; curl evil", "git log", "echo 'open"):
        with pytest.raises(DeniedError):
            await room.run(["bash", "-c", line])
    assert len(bare.reached) == 1
    never, _ = broker(policy({"people": {"never": ["shell:docker"]}}))
    with pytest.raises(DeniedError, match="never"):
        await never.run(["bash", "-c", "make && docker build ."])


# -- packages and frozen interfaces: only the diff check can see them --------------------------------------------------

MANIFEST = '[project]\nname = "shop"\ndependencies = [{}]\n'


@pytest.mark.parametrize(
    ("said", "granted", "severity"),
    [
        ({}, (), Severity.MEDIUM),
        ({}, ("httpx",), Severity.LOW),
        ({}, ("flask",), Severity.MEDIUM),
        ({"dependencies": {"changes": "allowed"}}, (), Severity.LOW),
        ({"dependencies": {"changes": "allowed", "packages": ["flask*"]}}, (), Severity.HIGH),
        ({"dependencies": {"changes": "never"}}, ("httpx",), Severity.HIGH),
    ],
)
def test_a_new_package_is_decided_by_name(said: dict[str, Any], granted: tuple[str, ...], severity: Severity) -> None:
    sides = ({"pyproject.toml": MANIFEST.format(text).encode()} for text in ("", '"httpx"'))
    yes = tuple(Action(kind=ActionKind.DEPENDENCY, subject=name) for name in granted)
    # What the run asked for by name opens that name; the plan's own wish opens them all.
    terms = Terms(policy=policy(said, Boundaries(paths=("**",), dependencies=bool(said)), *yes))
    found = packages(between(*sides, base="b", head="h"), terms).objections
    assert [o.severity for o in found if o.rule == "dependencies/new"] == [severity]


def test_frozen_names_are_held_with_no_other_check_in_the_way() -> None:
    sides = ({"price.py": text.encode()} for text in ("def total(a): ...\n", "def total(): ...\n"))
    terms = Terms(policy=Policy(boundaries=Boundaries(paths=("**",), frozen=("total",)), rules=Rules()))
    assert [o.rule for o in frozen_interfaces(between(*sides, base="b", head="h"), terms).objections] == [
        "frozen-interfaces/changed"
    ]


@pytest.mark.parametrize(
    ("path", "boundaries", "granted"),
    [
        ("pyproject.toml", {"dependencies": True}, ()),
        ("uv.lock", {"dependencies": True}, ()),
        ("pyproject.toml", {}, ("pyproject.toml",)),
        (".github/workflows/ci.yml", {}, (".github/workflows/ci.yml",)),
    ],
)
def test_a_file_that_a_person_opened_is_noted_and_what_sees_less_in_it_is_minded(
    path: str, boundaries: dict[str, Any], granted: tuple[str, ...]
) -> None:
    before = "[tool.pytest.ini_options]\naddopts = '--strict-markers'\n"
    change = between({path: before.encode()}, {path: f"{before}# more\n".encode()}, base="b", head="h")
    held = Policy(
        boundaries=Boundaries(paths=("**",), **boundaries),
        granted=tuple(Action(kind=ActionKind.EDIT, subject=name) for name in granted),
    )
    shut = Policy(boundaries=Boundaries(paths=("**",)))
    closed = tampered(change, Terms(policy=shut, implementing=True)).objections
    assert any(objection.blocks for objection in closed)
    opened = tampered(change, Terms(policy=held, implementing=True)).objections
    assert not any(objection.blocks for objection in opened)
    assert len(opened) == len(closed)
    if path == "pyproject.toml":
        laxer = {path: b"[tool.pytest.ini_options]\naddopts = '--ignore=tests'\n"}
        worse = between({path: before.encode()}, laxer, base="b", head="h")
        assert any(objection.blocks for objection in tampered(worse, Terms(policy=held, implementing=True)).objections)


def test_a_yes_by_name_opens_the_manifest_and_that_package_alone_and_the_next_is_asked_again() -> None:
    yes = (Action(kind=ActionKind.DEPENDENCY, subject="HTTPX"),)
    rules = opened(effective(()), yes)
    held = Policy(boundaries=widened(Boundaries(paths=("**",)), yes), rules=rules, granted=yes)
    assert judge_under([FileChange(path="pyproject.toml", added=1)], held) == ()
    batch = sorted_out(held, ("dependency:httpx", "dependency:flask", "dependency:dependencies"))
    assert [action.subject for action in batch.open] == ["flask", "dependencies"]
    sides = ({"pyproject.toml": MANIFEST.format(text).encode()} for text in ("", '"httpx", "flask"'))
    found = packages(between(*sides, base="b", head="h"), Terms(policy=held)).objections
    told = {o.what.partition(": ")[2]: o.severity for o in found if o.rule == "dependencies/new"}
    assert told == {"httpx": Severity.LOW, "flask": Severity.MEDIUM}


def test_a_yes_with_the_plan_is_good_for_all_packages_it_brings() -> None:
    yes = beyond(effective(()), Boundaries(paths=("**",), dependencies=True), Boundaries())
    held = Policy(boundaries=WIDE, rules=opened(effective(()), yes))
    assert isinstance(decide(held, Action(kind=ActionKind.DEPENDENCY, subject="flask")), Allow)


def test_what_the_tickets_own_words_forbid_nobody_is_asked_for() -> None:
    frozen = Boundaries(frozen=("dependencies", "database schema"))
    held = Policy(boundaries=Boundaries(paths=("**",)), rules=lay(effective(()), closing(closed_by(frozen))))
    batch = sorted_out(held, ("dependency:httpx", "migration:users", "edit:pyproject.toml", "network:a.example:443"))
    assert [action.kind for action in batch.open] == [ActionKind.NETWORK]
    assert len(batch.told) == 3


def test_requests_that_are_none_are_told_and_no_more_than_a_person_reads_are_asked() -> None:
    held = policy({}, Boundaries(paths=("**",)))
    many = [f"network:h{n}.example:443" for n in range(30)]
    batch = sorted_out(held, ("network:anything", "deploy:production", "paint:wall", "edit:", "edit:src/a.py", *many))
    assert len(batch.open) == 15
    assert len(batch.told) == 6
    assert sorted_out(held, ("network:a.example:443",) * 3).open == (
        Action(kind=ActionKind.NETWORK, subject="a.example:443"),
    )
