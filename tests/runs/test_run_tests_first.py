"""Tests that prove nothing are refused, each with its own reason; what is sealed and closed stays as it is."""

import pytest
import story
from playing import Play, what
from story import hand_in, shell, write

from setpoint.model.change import AcceptanceTests, TestClaim
from setpoint.model.lesson import Failure
from setpoint.model.objection import Source
from setpoint.model.run import Waits

pytestmark = pytest.mark.slow

HEAD = "import pytest\n\nfrom shop.price import discounted\n\n\ndef test_above_100_is_refused() -> None:\n"
WORTHLESS = {
    "passes on the base": (f"{HEAD}    assert discounted(10.0, 50.0) == 5.0\n", "passes on the untouched base"),
    "tautology": (f"{HEAD}    assert True\n", "passes on the untouched base"),
    "syntax": (f"{HEAD}    assert discounted(10.0, 150.0\n", "syntax error"),
    "collection": (f"from shop.limits import LIMIT\n{HEAD}    assert LIMIT == 100\n", "importing its file fails"),
    "fixture": (HEAD.replace("()", "(till)", 1) + "    assert till\n", "needs a fixture `till` that does not exist"),
    "skipped": (HEAD.replace("def ", "@pytest.mark.skip\ndef ", 1) + "    assert False\n", "it was skipped"),
    "another name": (TEXT := f"{HEAD.replace('above', 'over')}    assert False\n", "reports no test of this id"),
}


@pytest.mark.parametrize("kind", WORTHLESS)
async def test_a_worthless_test_is_refused_with_its_reason(play: Play, kind: str) -> None:
    content, reason = WORTHLESS[kind]
    sessions = story.hotfix(
        tests=[
            [
                [write(story.TEST_PATH, content), hand_in(story.CLAIMS)],
                [write(story.TEST_PATH, story.TEST), hand_in(story.CLAIMS)],
            ]
        ]
    )
    async with play(sessions) as stage:
        run = await stage.run()
        first = stage.objections(run, "tests")
        assert [objection.source for objection in first] == [Source.RED_PROOF]
        assert reason in what(first)
        assert reason in str(stage.requests("tests")[2].messages[-1])
        assert run.position.stage == "change"  # and the mended one went through


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("rm tests/test_price.py", "tests/test_price.py"),
        ("echo > tests/test_price.py", "tests/test_price.py"),
        ("echo 'collect_ignore = []' > tests/conftest.py", "tests/conftest.py"),
    ],
)
async def test_the_tests_phase_adds_tests_and_takes_none_away(play: Play, command: str, path: str) -> None:
    """A deleted or emptied test, or a conftest that could decide for all of them, is objected before any is sealed."""
    sessions = story.hotfix(tests=[[[shell(command), write(story.TEST_PATH, story.TEST), hand_in(story.CLAIMS)]]])
    async with play(sessions) as stage:
        run = await stage.run()
        objections = stage.objections(run, "tests")
        assert Source.TAMPER in [objection.source for objection in objections]
        assert path in what(objections)
        assert run.position.stage == "tests"  # nothing was sealed


STRANGER = AcceptanceTests(
    tests=(TestClaim(id=f"{story.TEST_PATH}::test_above_100_is_refused", proves=("FR-009",), what="150"),),
    files=(story.TEST_PATH,),
)


async def test_every_criterion_needs_a_test_and_no_other(play: Play) -> None:
    sessions = story.hotfix(tests=[[[write(story.TEST_PATH, story.TEST), hand_in(STRANGER)]]])
    async with play(sessions) as stage:
        run = await stage.run()
        assert "no test proves FR-001" in what(stage.objections(run, "tests"))
        assert "FR-009 is not a criterion" in what(stage.objections(run, "tests"))
        assert run.position.waits is Waits.HANDOVER


async def test_the_tests_phase_writes_no_code(play: Play) -> None:
    by_shell = shell(f"printf 'LIMIT = 100\\n' >> {story.PRICE}")
    turn = [story.edit(story.PRICE, story.RETURN, "    return 0.0\n"), by_shell, write(story.TEST_PATH, story.TEST)]
    async with play(story.hotfix(tests=[[[*turn, hand_in(story.CLAIMS)]]])) as stage:
        run = await stage.run()
        assert "is not allowed" in str(stage.requests("tests")[1].messages[-1])
        assert f"{story.PRICE} is not a test file" in what(stage.objections(run, "tests"))
        assert run.position.waits is Waits.HANDOVER


CLOSED = {
    story.TEST_PATH: "def test_above_100_is_refused() -> None: ...\n",
    "setpoint.toml": "# no gates\n",
    ".github/workflows/ci.yml": "on: push\n",
    "docs/prices.md": "outside the plan\n",
}


async def test_closed_files_are_refused_by_the_tools_and_found_in_the_diff(play: Play) -> None:
    by_tool = [write(path, content) for path, content in CLOSED.items()]
    by_shell = [shell(f"mkdir -p $(dirname {path}) && printf '# more\\n' >> {path}") for path in CLOSED]
    turn = [story.MEND, *by_tool, *by_shell, hand_in(story.CHANGE)]
    files = {".github/workflows/ci.yml": "on: push\n"}
    async with play(story.hotfix(change=[[turn]]), files=files) as stage:
        run = await stage.run()
        assert run.position.waits is Waits.HANDOVER
        asked = stage.requests("change")
        for number, path in enumerate(CLOSED, start=2):
            answer = str(asked[number].messages[-1])
            assert f"edit {path} is not allowed" in answer, answer
        minded = {o.place.path for o in stage.objections(run, "implementation") if o.place}
        assert minded >= set(CLOSED)
        refused = [event.data["denied"] for event in stage.events(run, "tool") if "denied" in event.data]
        assert len({why.splitlines()[0] for why in refused}) == len(CLOSED)
        taught = stage.house.store.witnesses()
        assert {each.failure for each in taught} >= {Failure.BOUNDARY, Failure.STOP}
        assert sum(1 for each in taught if each.what.startswith("write was refused")) == len(CLOSED)


@pytest.mark.parametrize(
    "command",
    [f"rm {story.TEST_PATH}", f"sed -i s/150/50/ {story.TEST_PATH}", f"git checkout -- . ; echo >> {story.TEST_PATH}"],
    ids=["deleted", "weakened", "through git"],
)
async def test_a_sealed_test_changed_through_the_shell_is_an_objection(play: Play, command: str) -> None:
    sessions = story.hotfix(change=[[[story.MEND, shell(command), hand_in(story.CHANGE)]]])
    async with play(sessions) as stage:
        run = await stage.run()
        assert run.position.waits is Waits.HANDOVER
        minded = stage.objections(run, "implementation")
        assert story.TEST_PATH in {objection.place.path for objection in minded if objection.place}
        assert "an approved test file" in what(minded)
