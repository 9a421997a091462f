"""A recording is played exactly or not at all, and it is loud about it."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from wired import MakeBench, by_turn, endpoint, recorded

from setpoint.adapters.agents.endpoint import Endpoint
from setpoint.adapters.agents.native import NativeAgent
from setpoint.adapters.agents.recording import Recording, load, parse
from setpoint.adapters.agents.replay import ReplayAgent
from setpoint.errors import RecordingError
from setpoint.model.session import Role, Submitted
from setpoint.testing.agent_contract import ASK, DONE, DONE_AGAIN, LOOK, MEND, MEND_AGAIN, TASK
from setpoint.testing.model_formats import Call, Step
from setpoint.testing.model_script import from_recording
from setpoint.testing.model_server import ScriptedModel
from setpoint.testing.sessions import MemoryLog, SavingRoom, Weather, a_task

Edit = Callable[[dict[str, Any]], Any]


def edited(edit: Edit) -> Recording:
    """The good recording with one thing changed."""
    raw = json.loads(recorded(TASK).model_dump_json())
    edit(raw)
    return parse(json.dumps(raw), "test")


def steps(raw: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = raw["sessions"][0]["steps"]
    return found


def expects(at: int, **what: object) -> Edit:
    return lambda raw: steps(raw)[at].update(expect=[{"source_call_id": "c0", **what}])


async def play(recording: Recording, room: SavingRoom, log: MemoryLog) -> object:
    return await ReplayAgent(recording).work(a_task(), room, log)


MISFITS: dict[str, tuple[Edit, str]] = {
    "a text that is not there": (expects(0, contains="goodbye"), "the text 'goodbye'"),
    "a failure that does not come": (expects(2, failed=True), "a failed result"),
    "an edit that no longer matches": (
        lambda raw: steps(raw)[1]["tool_calls"][0]["arguments"].update(old="gone"),
        "a successful result",
    ),
    "a tool that does not take this": (
        lambda raw: steps(raw)[0]["tool_calls"][0]["arguments"].update(more=1),
        "no argument `more`",
    ),
    "another deliverable": (
        lambda raw: steps(raw)[3]["tool_calls"][0].update(function_name="submit_plan"),
        "no tool `submit_plan`",
    ),
    "another phase": (lambda raw: raw["sessions"][0].update(phase="review"), "no session for implementation"),
    "another round": (lambda raw: raw["sessions"][0].update(fresh=2), "no session for implementation"),
    "another cycle": (lambda raw: raw["sessions"][0].update(cycle=2), "no session for implementation"),
    "another task": (lambda raw: raw["sessions"][0].update(task="T002"), "no session for implementation"),
    "another role": (lambda raw: raw["sessions"][0].update(role="reviewer"), "no session for implementation"),
}


@pytest.mark.parametrize("name", MISFITS)
async def test_a_recording_that_does_not_fit_is_an_error(name: str, room: SavingRoom, log: MemoryLog) -> None:
    edit, words = MISFITS[name]
    for _ in range(2):  # trying again does not get past it
        with pytest.raises(RecordingError) as caught:
            await play(edited(edit), room, log)
        assert words in str(caught.value)
        assert caught.value.fix
        assert not any(
            part.name.startswith("submit_") for m in log.saved for part in m.parts if part.kind == "tool_return"
        )


async def test_what_is_expected_and_comes_is_fine(room: SavingRoom, log: MemoryLog) -> None:
    assert isinstance(await play(edited(expects(0, contains="hell world")), room, log), Submitted)


async def test_a_turn_that_was_not_recorded_is_an_error(room: SavingRoom, log: MemoryLog) -> None:
    agent = ReplayAgent(recorded(TASK))
    await agent.work(a_task("Say hello."), room, log)
    with pytest.raises(RecordingError, match="turn 2"):
        await agent.work(a_task("Say hello.", "Once more."), room, log)


async def test_a_replay_says_that_it_is_one() -> None:
    assert "replayed" in ReplayAgent(recorded(TASK)).notice


MALFORMED: dict[str, tuple[Edit, str]] = {
    "another version": (lambda raw: raw.update(schema_version="setpoint-recording/2"), "schema_version"),
    "an unknown field": (lambda raw: raw.update(more=1), "more"),
    "an unknown field of a step": (lambda raw: steps(raw)[0].update(more=1), "sessions.0.steps.0.more"),
    "an unknown tool": (lambda raw: steps(raw)[0]["tool_calls"][0].update(function_name="fly"), "unknown tool `fly`"),
    "a step left over": (lambda raw: steps(raw).append({**steps(raw)[0], "step_id": 5}), "the last call"),
    "no end": (lambda raw: steps(raw).pop(), "the last call"),
    "a number out of order": (lambda raw: steps(raw)[1].update(step_id=7), "step_id 7 stands at place 2"),
    "a step without a call": (lambda raw: steps(raw)[0].update(tool_calls=[]), "tool_calls"),
    "an expectation of nothing": (lambda raw: steps(raw)[0].update(expect=[{"source_call_id": "x"}]), "call `x`"),
    "two of one place": (lambda raw: raw["sessions"].append(raw["sessions"][0]), "twice"),
    "a second turn alone": (lambda raw: raw["sessions"][0].update(turn=2), "without turn 1"),
    "a model without provider": (lambda raw: raw["sessions"][0].update(model_name="m"), "provider/model"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_recording_is_refused_with_the_place(name: str) -> None:
    edit, words = MALFORMED[name]
    with pytest.raises(RecordingError) as caught:
        edited(edit)
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xff", b"[]"])
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "recording.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RecordingError, match=r"recording\.json"):
        load(file)


TURNS = [[LOOK, ASK], [MEND, DONE], [MEND_AGAIN, DONE_AGAIN]]


async def test_a_recording_drives_the_built_in_agent_over_http(
    api: str, room: SavingRoom, log: MemoryLog, tmp_path: Path
) -> None:
    file = tmp_path / "recording.json"
    file.write_text(recorded(TURNS).model_dump_json())
    said = ("Say hello.", "This one.", "The comma is missing.")
    with ScriptedModel(from_recording(file)) as model:
        for count in range(1, 4):
            agent = NativeAgent({"anthropic": endpoint(api, model)}, Weather())
            reply = await agent.work(a_task(*said[:count]), room, log)
        assert isinstance(reply, Submitted)
        assert reply.content == {"summary": "mended twice"}
        assert len(model.requests) == 6


async def test_sessions_over_http_are_told_apart_in_the_order_they_begin(api: str, room: SavingRoom) -> None:
    raw = json.loads(recorded([[LOOK, DONE]]).model_dump_json())
    verdict = Step(calls=(Call("submit_verdict", {"summary": "no"}),))
    for fresh in (1, 2):
        other = json.loads(recorded([[verdict]]).model_dump_json())["sessions"][0]
        raw["sessions"].append({**other, "phase": "planning", "task": "", "role": "validator", "fresh": fresh})
    raw["sessions"][2]["steps"][0]["tool_calls"][0]["arguments"] = {"summary": "yes"}
    with ScriptedModel(from_recording(parse(json.dumps(raw), "test"))) as model:
        agent = NativeAgent({"anthropic": endpoint(api, model)}, Weather())
        verdicts = []
        for brief in ("Judge the first plan.", "Judge the second plan.", "Judge the first plan."):
            task = a_task(brief, deliverable="verdict", phase="planning", role=Role.VALIDATOR, writes=False)
            reply = await agent.work(task, room, MemoryLog())
            assert isinstance(reply, Submitted)
            verdicts.append(reply.content["summary"])
        assert verdicts == ["no", "yes", "no"]


async def test_what_is_not_recorded_is_refused_over_http(api: str, room: SavingRoom, log: MemoryLog) -> None:
    with ScriptedModel(from_recording(recorded(TASK))) as model:
        agent = NativeAgent({"anthropic": endpoint(api, model)}, Weather())
        with pytest.raises(Exception, match="no recorded session is left that hands in by submit_plan"):
            await agent.work(a_task(deliverable="plan"), room, log)


async def test_replay_and_model_do_the_same_work(bench: MakeBench, tmp_path: Path) -> None:
    logs = []
    for number, agent in enumerate([ReplayAgent(recorded(TASK)), bench(by_turn(TASK)).agent]):
        folder = tmp_path / f"room{number}"
        folder.mkdir()
        (folder / "greeting.txt").write_text("hell world\n")
        log = MemoryLog()
        await agent.work(a_task(), SavingRoom(folder), log)
        logs.append([message.autosave for message in log.saved])
    assert logs[0] == logs[1]


def test_the_recording_on_the_page_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "recordings.md").read_text(encoding="utf-8")
    written = parse(page.partition("```json\n")[2].partition("```")[0], "docs/recordings.md")
    assert written.sessions[0].steps[0].expectation("c1").contains == "hell world"


async def at_once(_seconds: float) -> None:
    """A pause that does not wait."""


@pytest.mark.slow
async def test_a_recording_is_served_by_hand(api: str, room: SavingRoom, log: MemoryLog, tmp_path: Path) -> None:
    file = tmp_path / "recording.json"
    file.write_text(recorded(TASK).model_dump_json())
    served = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "setpoint.testing.model_server", "--script", str(file), "--fault", "2=cut"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert served.stdout is not None
    urls = dict([(await served.stdout.readline()).decode().strip().split("=", 1) for _ in range(3)])
    try:
        url = urls[{"anthropic": "ANTHROPIC_BASE_URL", "google": "GOOGLE_GEMINI_BASE_URL"}.get(api, "OPENAI_BASE_URL")]
        agent = NativeAgent(
            {"anthropic": Endpoint.model_validate({"api": api, "base_url": url})}, Weather(), pause=at_once
        )
        assert isinstance(await agent.work(a_task(), room, log), Submitted)
    finally:
        served.terminate()
    assert await served.wait() == 0
