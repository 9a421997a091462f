"""A base that a linter minds already: a run is judged by what is new, up to CI and the merge."""

import pytest
import story
from playing import Play, merged
from story import hand_in

from setpoint.model.run import State

pytestmark = pytest.mark.slow

LINTER = """import json, pathlib, sys

found = [
    {"ruleId": "M1", "message": {"text": "a mark is left"}, "locations": [{"physicalLocation": {
        "artifactLocation": {"uri": str(path)}, "region": {"startLine": number}}}]}
    for path in sorted(pathlib.Path(".").glob("shop/*.py"))
    for number, line in enumerate(path.read_text().splitlines(), 1) if "FIXME" in line
]
pathlib.Path(sys.argv[1]).write_text(json.dumps({"runs": [{"results": found}]}))
sys.exit(bool(found))
"""
FILES = {"lint.py": LINTER, "shop/old.py": "TAX = 20  # FIXME: from the settings\n"}
GATE = '[gates.lint]\nkind = "lint"\nrun = ["python", "lint.py", "{report}"]\nreport = "sarif"\n'
MARK = "    # FIXME: percent\n"
MARKED = story.edit(story.PRICE, story.DOCSTRING + "    if", f"{story.DOCSTRING}{MARK}    if")
CLEARED = story.edit(story.PRICE, MARK, "")


async def test_old_findings_stop_nothing_and_a_new_one_comes_back_to_the_session(play: Play) -> None:
    change = [[[story.MEND, MARKED, hand_in(story.CHANGE)], [CLEARED, hand_in(story.CHANGE)]]]
    async with play(story.hotfix(change=change), config=GATE, files=FILES) as stage:
        run = await stage.run()
        told = [row for event in stage.events(run, "gates") for row in event.data["results"] if row["gate"] == "lint"]
        assert [row["outcome"] for row in told if row["outcome"] != "passed"] == ["failed"]
        assert told[-1]["reason"].startswith("nothing new in")
        words = str(stage.requests("change")[-1].messages)
        assert "M1: a mark is left" in words
        assert "shop/old.py:1" not in words
        run = await stage.approve(run)
        assert run.position.state is State.DONE
        assert "percent > 100" in merged(stage.folder, story.PRICE)
        (ci,) = stage.events(run, "ci")
        assert ci.data["state"] == "green"
