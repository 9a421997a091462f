"""Each tool in a real folder: what it gives, what it refuses, and where its numbers end."""

from typing import Any

import pytest

from setpoint.adapters.agents.risks import risk
from setpoint.adapters.agents.tools import LONGEST_RESULT, MOST_MATCHES, Toolbox, Used
from setpoint.model.command import CommandLimits
from setpoint.model.session import ToolCall
from setpoint.testing.sessions import SavingRoom, a_task

Use = Any


@pytest.fixture
def use(room: SavingRoom) -> Use:
    box = Toolbox(a_task(), room, CommandLimits())

    async def call(name: str, **arguments: Any) -> Used:
        return await box.use(ToolCall(id="c", name=name, arguments=arguments), 60.0)

    return call


async def test_read_gives_the_text_and_says_which_lines(use: Use, room: SavingRoom) -> None:
    room.write("a.txt", b"one\ntwo\nthree\n")
    assert (await use("read", path="a.txt")).content == "one\ntwo\nthree"
    assert (await use("read", path="a.txt", start=2, lines=1)).content == "two\n[lines 2-2 of 3]"
    assert (await use("read", path="a.txt", start=9)).content == "[`a.txt` has 3 lines; none from 9]"
    room.write("none.txt", b"")
    assert (await use("read", path="none.txt")).content == "[`none.txt` is empty]"


@pytest.mark.parametrize("prefix", ["./", "{inside}/"])
async def test_a_path_may_be_written_from_the_folder_itself(use: Use, room: SavingRoom, prefix: str) -> None:
    used = await use("read", path=prefix.format(inside=room.inside) + "greeting.txt")
    assert used.content == "hell world"


async def test_a_long_file_is_read_in_pieces(use: Use, room: SavingRoom) -> None:
    room.write("long.txt", b"".join(b"line %05d\n" % number for number in range(1, 5001)))
    first = await use("read", path="long.txt")
    assert len(first.content) <= LONGEST_RESULT + 100
    assert first.content.endswith("of 5000]")
    last = int(first.content.rpartition("-")[2].split(" ")[0])
    rest = await use("read", path="long.txt", start=last + 1, lines=1)
    assert rest.content.startswith(f"line {last + 1:05d}\n")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("read", {"path": "gone.txt"}, "no file `gone.txt`"),
        ("read", {"path": "."}, "is a folder"),
        ("read", {"path": "greeting.txt/x"}, "error"),
        ("read", {"path": "../x"}, "leads out"),
        ("read", {"path": "/etc/passwd"}, "leads out"),
        ("read", {}, "`path` is missing"),
        ("read", {"path": "greeting.txt", "start": 0}, "at least 1"),
        ("read", {"path": "greeting.txt", "start": "1"}, "must be a integer"),
        ("read", {"path": "greeting.txt", "start": True}, "must be a integer"),
        ("read", {"path": 3}, "must be a string"),
        ("read", {"path": "greeting.txt", "line": 3}, "no argument `line`; it takes: path, start, lines"),
        ("edit", {"path": "greeting.txt", "old": "nope", "new": "x"}, "occurs 0 times"),
        ("edit", {"path": "greeting.txt", "old": "l", "new": "x"}, "occurs 3 times"),
        ("edit", {"path": "greeting.txt", "old": "", "new": "x"}, "occurs 0 times"),
        ("edit", {"path": "greeting.txt", "old": "hell", "new": "hell"}, "the same"),
        ("search", {"pattern": "("}, "search failed"),
        ("shell", {"command": "true", "timeout": 0}, "more than 0"),
        ("fly", {}, "no tool `fly`"),
    ],
)
async def test_what_cannot_be_done_is_a_failed_result_and_changes_nothing(
    use: Use, room: SavingRoom, name: str, arguments: dict[str, Any], words: str
) -> None:
    used = await use(name, **arguments)
    assert used.failed
    assert words in used.content
    assert room.read("greeting.txt") == b"hell world\n"


async def test_what_is_not_text_is_not_read(use: Use, room: SavingRoom) -> None:
    room.write("a.bin", b"\xff\xfe\x00")
    assert "not UTF-8 text (3 bytes)" in (await use("read", path="a.bin")).content


async def test_an_edit_keeps_the_files_line_ends(use: Use, room: SavingRoom) -> None:
    room.write("dos.txt", b"one\r\ntwo\r\nthree\r\n")
    used = await use("edit", path="dos.txt", old="one\ntwo", new="1\n2")
    assert used.content == "edited dos.txt at line 1"
    assert room.read("dos.txt") == b"1\r\n2\r\nthree\r\n"


async def test_write_makes_the_folders_above(use: Use, room: SavingRoom) -> None:
    used = await use("write", path="a/b/c.txt", content="x\ny\n")
    assert (used.content, used.changed) == ("wrote 2 lines to a/b/c.txt", ("a/b/c.txt",))


async def test_search_is_sorted_and_leaves_other_peoples_folders_out(use: Use, room: SavingRoom) -> None:
    for name in ("b.py", "a.py", "node_modules/x.js", "deep/er.py"):
        room.write(name, b"".join(b"value = %d\n" % number for number in range(12)))
    used = await use("search", pattern=r"value = \d$")
    lines = used.content.splitlines()
    assert lines[0] == "a.py:1:value = 0"
    assert lines[9] == "a.py:10:value = 9"
    assert [line.split(":")[0] for line in lines[::10]] == ["a.py", "b.py", "deep/er.py"]
    assert (await use("search", pattern="nowhere")).content == "[no match]"
    assert "b.py" not in (await use("search", pattern="value", path="deep")).content


async def test_search_shows_a_bounded_number(use: Use, room: SavingRoom) -> None:
    room.write("many.txt", b"x\n" * (MOST_MATCHES + 5))
    room.write("wide.txt", b"y" * 5000)
    assert (await use("search", pattern="^x")).content.splitlines()[-1].startswith("[5 more")
    assert len((await use("search", pattern="y+")).content) < 500


async def test_a_pattern_that_looks_like_an_option_is_a_pattern(use: Use) -> None:
    assert (await use("search", pattern="--version")).content == "[no match]"


async def test_shell_tells_output_and_exit_code(use: Use) -> None:
    good = await use("shell", command="echo out; echo err >&2")
    assert (good.content, good.failed) == ("out\nerr\n[exit code 0]", False)
    bad = await use("shell", command="exit 7")
    assert (bad.content, bad.failed, bad.exit_code) == ("[exit code 7]", True, 7)


async def test_shell_output_is_cut_in_its_middle(use: Use) -> None:
    used = await use("shell", command="seq 1 100000")
    assert len(used.content) < LONGEST_RESULT + 400
    assert used.content.startswith("1\n2\n")
    assert "characters left out" in used.content
    assert used.content.endswith("100000\n[exit code 0]")


async def test_a_command_is_stopped_at_its_time(use: Use) -> None:
    used = await use("shell", command="sleep 30", timeout=0.1)
    assert used.failed
    assert "stopped after 0.1 s" in used.content


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("pytest -q", "test"),
        ("python -m pytest tests", "test"),
        ("cd web && npm run test", "test"),
        ("node --test", "test"),
        ("make check", "test"),
        ("ls tests", "shell"),
        ("cat pytest.ini", "shell"),
        ("npm install left-pad", "shell"),
    ],
)
def test_a_command_that_tests_is_journaled_as_one(command: str, kind: str) -> None:
    assert risk(ToolCall(id="c", name="shell", arguments={"command": command})) == kind
