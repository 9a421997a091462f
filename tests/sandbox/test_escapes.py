"""Everything that `setpoint escape-test` tries is held and written down; where nothing holds it, it gets out."""

import asyncio
import codecs
import json
import os
import traceback
from collections.abc import Sequence
from pathlib import Path

import pytest

from setpoint.adapters.sandboxes.bare import Bare
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.adapters.sandboxes.groups import hierarchy
from setpoint.cli.journal_lines import line_of
from setpoint.cli.main import run
from setpoint.errors import UsageError
from setpoint.escapes.escape import Escape, Outcome, Report, Result, chosen, escapes
from setpoint.escapes.levels import BARE, containing, here, levels, tried
from setpoint.model.command import Command, Completed, Layer, Mount
from setpoint.ports import Sandbox

GROUPS = tuple(dict.fromkeys(one.group for one in escapes()))
ASKED = (
    *("writes outside", "symlinks", "hard links", ".git", "hooks", "config", "worktree pointer", "/proc", "/sys"),
    *("ptrace", "mounts", "namespaces", "setuid", "devices", "sockets", "loopback", "DNS", "IP literals", "proxies"),
    *("fork bomb", "memory", "disk", "output", "survivors", "time", "nested shells", "LD_PRELOAD", "PATH hijack"),
    *("editable install", "lock file", "CI file", "migration", "secrets", "tests", "terminal escapes", "tool result"),
)
"""What the issue names."""
NOBODY = 65534


def silent(_result: Result) -> None:
    """Tell nobody."""


def told(report: Report, outcome: Outcome) -> list[str]:
    """Name and reason of what came out so."""
    return [f"{result.group}: {result.name}: {result.how}" for result in report.of(outcome)]


async def in_(sandbox: Sandbox, wanted: Sequence[Escape]) -> Report:
    return await tried(sandbox, wanted, line_of, silent)


def test_every_way_that_was_asked_for_is_tried() -> None:
    words = " ".join(f"{one.group} {one.name}" for one in escapes()).casefold()
    assert [name for name in ASKED if name.casefold() not in words] == []
    assert len(escapes()) >= 60
    names = [(one.group, one.name) for one in escapes()]
    assert len(set(names)) == len(names)


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
async def test_all_of_it_is_held_and_written_down(group: str) -> None:
    """At the default level; `setpoint escape-test` tries every level that a machine has."""
    report = await in_(here("bubblewrap"), [one for one in escapes() if one.group == group])
    assert told(report, Outcome.OUT) == []
    assert told(report, Outcome.UNTRIED) == []
    assert [result.name for result in report.unlogged] == []
    assert {result.layer for result in report.results} <= {"sandbox", "broker", "diff check"}
    assert report.exit_code == 0


def real(group: str) -> list[Escape]:
    """Some of a group that only a sandbox can hold."""
    bound = os.getuid() != 0
    found = [one for one in escapes() if one.group == group and not (one.bare or one.unsafe or (bound and one.root))]
    return found[::6]


@pytest.mark.slow
async def test_without_a_sandbox_the_same_gets_out() -> None:
    wanted = [one for group in GROUPS for one in real(group)]
    assert len(wanted) > 15
    report = await in_(Bare(), wanted)
    assert told(report, Outcome.BLOCKED) == []
    assert told(report, Outcome.UNTRIED) == []
    assert report.exit_code == 30


async def test_what_would_touch_the_machine_itself_is_never_tried_without_a_sandbox() -> None:
    unsafe = [one for one in escapes() if one.unsafe]
    report = await in_(Bare(), unsafe)
    assert [result.outcome for result in report.results] == [Outcome.UNTRIED] * len(unsafe)
    assert len(unsafe) > 4


class Leaking:
    """Bubblewrap with one hole: the user's home is shown, as a profile that starts from the whole disk shows it."""

    level = "leaking"

    def __init__(self, *, writable: bool) -> None:
        self._sound = Bubblewrap()
        self._writable = writable

    def layers(self) -> Sequence[Layer]:
        return self._sound.layers()

    async def run(self, command: Command) -> Completed:
        home = Path(command.mounts[0].host.partition("/shop/")[0], "home")
        hole = Mount(host=str(home), inside=str(home), writable=self._writable)
        return await self._sound.run(command.model_copy(update={"mounts": (*command.mounts, hole)}))


async def test_a_hole_is_seen_by_what_comes_through_it() -> None:
    wanted = [*chosen("shell start-up file"), *chosen("the history of the shell"), *chosen("abstract socket")]
    report = await in_(Leaking(writable=False), wanted)
    assert [result.outcome for result in report.results] == [Outcome.BLOCKED, Outcome.OUT, Outcome.BLOCKED]
    assert report.results[1].how == "it read home, .bash_history"
    report = await in_(Leaking(writable=True), wanted)
    assert [result.outcome for result in report.results] == [Outcome.OUT, Outcome.OUT, Outcome.BLOCKED]
    assert report.results[0].how == "the host was changed: home/.bashrc"


async def test_what_cannot_be_tried_is_no_success() -> None:
    missing = Escape(name="x", group="x", what="x", shell="echo x", needs=("no-such-program",))
    broken = Escape(name="y", group="x", what="y", python="this is no program")
    report = await in_(Bubblewrap(), [missing, broken])
    assert told(report, Outcome.UNTRIED)[0] == "x: x: there is no no-such-program inside"
    assert "SyntaxError" in told(report, Outcome.UNTRIED)[1]
    assert report.exit_code == 11


def a_report(*outcomes: Outcome, logged: str = "shell") -> Report:
    given = {"group": "x", "what": "x", "layer": "sandbox", "how": "x", "logged": logged, "seconds": 0.0}
    found = tuple(Result.model_validate({"name": str(n), "outcome": o, **given}) for n, o in enumerate(outcomes))
    return Report(level="x", results=found, missing=(), seconds=0.0)


def test_the_code_says_the_worst() -> None:
    held, out, untried = Outcome.BLOCKED, Outcome.OUT, Outcome.UNTRIED
    assert a_report(held, held).exit_code == 0
    assert a_report(held, untried).exit_code == 11
    assert a_report(untried, out).exit_code == 30
    assert a_report(held, logged="").exit_code == 30
    assert a_report().exit_code == 11


def test_a_name_that_nothing_has_is_told_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="writes outside"):
        chosen("no such thing")
    assert [one.name for one in chosen("SYMLINKS: a link to a file")] == ["a link to a file"]


def test_the_command_gives_one_document_with_each_layer(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["escape-test", "--only", "hard links", "--level", "bubblewrap", "--json"]) == 0
    [report] = json.loads(capsys.readouterr().out)
    assert (report["level"], report["exit_code"]) == ("bubblewrap", 0)
    assert {(one["outcome"], one["layer"]) for one in report["results"]} == {("blocked", "sandbox")}
    assert all("bubblewrap" in one["logged"] for one in report["results"])


def test_the_command_names_what_got_out_and_leaves_with_30(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["escape-test", "--only", "write through a hard link", "--level", "none"]) == 30
    told = capsys.readouterr().out
    assert "got out: hard links: write through a hard link" in told
    assert "the host was changed: outside/notes.txt" in told
    assert run(["escape-test", "--level", "no-such-level"]) == 2


def test_the_level_without_a_sandbox_is_tried_by_name_alone() -> None:
    assert levels()[-1] == BARE
    assert BARE not in containing()
    assert "bubblewrap" in containing()


# -- as an ordinary user ----------------------------------------------------------------------------------------------


def as_ordinary_user(binary: Path, wanted: Sequence[Escape]) -> Report:
    """What came of `wanted` for a worker without any right; as anybody but root, the test itself is one."""
    if os.getuid() != 0:
        return asyncio.run(in_(Bubblewrap(binary), wanted))
    # Once as root: what is imported on the way lies where an ordinary user may not read.
    codecs.lookup("ascii")
    asyncio.run(in_(Bubblewrap(), [wanted[0], wanted[-1]]))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            hierarchy.cache_clear()
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.environ["HOME"] = "/nonexistent"
            os.chdir("/")
            report = asyncio.run(in_(Bubblewrap(binary), wanted))
            os.write(writer, report.model_dump_json().encode())
            code = 0
        finally:
            if code:
                os.write(writer, traceback.format_exc().encode())
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        answer = said.read()
    os.waitpid(child, 0)
    assert answer.startswith(b"{"), answer.decode()
    return Report.model_validate_json(answer)


@pytest.mark.slow
def test_an_ordinary_user_is_held_too(binary: Path) -> None:
    sample = [one for one in escapes() if one.wall != "diff check"][1::10]
    report = as_ordinary_user(binary, sample)
    assert told(report, Outcome.OUT) == []
    assert told(report, Outcome.UNTRIED) == []
    assert len(report.results) > 12
