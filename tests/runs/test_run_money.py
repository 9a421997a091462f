"""Money in whole runs: caps over all sessions, a provider that dies in mid-run, and what a stopped run says."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import story
from playing import QUICK, Play, Playing, cli, documents, playing, silent
from story import Story

from setpoint.app import House
from setpoint.errors import ConfigError, ParkedError, TransientError
from setpoint.model.money import Quote, Scope
from setpoint.model.run import Run, State, Waits
from setpoint.model.session import Role, SessionId
from setpoint.pipeline.bench import Ground
from setpoint.pipeline.purse import StoredLog
from setpoint.testing.model_server import Fault, ScriptedModel
from setpoint.testing.processes import until
from setpoint.testing.projects import PYTEST_GATE, commit_all, python_project, write_files

pytestmark = pytest.mark.slow

EDITS = 6
"""The request that edits the code: after diagnosis, its verdict, the tests' two and their verdict."""


def paid(stage: Playing, run: Run) -> list[float]:
    return [float(event.data["usd"]) for event in stage.events(run, "model")]


async def test_a_cap_of_five_cents_is_passed_by_less_than_one_request_and_a_yes_goes_on(play: Play) -> None:
    sessions = story.hotfix(change=[[[*[story.shell(f"echo {n}") for n in range(12)], story.MEND, DONE]]])
    async with play(sessions, config="[budget]\nticket_usd = 0.05\n") as stage:
        run = await stage.run()
        assert (run.position.state, stage.code(run)) == (State.PARKED, 3)
        requests = paid(stage, run)
        assert 0.05 <= sum(requests) < 0.05 + max(requests)
        assert len(stage.model.requests) == len(requests), "no request was made after the cap"
        view = stage.view(run)
        assert view.stopped is not None
        assert "diagnosis" in view.stopped.done
        assert view.stopped.left[0] == run.position.stage
        assert view.stopped.more_usd is not None
        assert view.next[0] == f"setpoint approve {run.id}"
        raised = view.stopped.raise_usd or 0.0
        assert raised > 0.05
        run = await stage.approve(run)
        assert stage.house.pinned(run).budget.ticket_usd == raised
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert stage.rounds(run, "implementation") == 1, "a cap costs no attempt"


DONE = story.hand_in(story.CHANGE)


async def test_a_phase_has_a_cap_of_its_own_which_its_judges_count_under(play: Play) -> None:
    async with play(story.hotfix(), config="[phase.diagnosis]\nusd = 0.006\n") as stage:
        run = await stage.run()
        assert (run.position.state, run.position.stage) == (State.PARKED, "diagnosis")
        assert "the budget of diagnosis is used up" in run.note
        assert len(stage.requests("diagnosis")) == 1
        assert stage.requests("verdict") == [], "the validator was not asked"
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)


async def test_runs_beside_each_other_share_the_cap_of_the_day(play: Play) -> None:
    other = story.HOTFIX_TICKET.replace("# Fix: a discount", "# Fix: again a discount")
    twice = {name: [*sessions, *sessions] for name, sessions in story.hotfix().items()}
    async with play(twice, config="concurrency = 2\n[budget]\nday_usd = 0.03\n") as stage:
        for name, text in (("one", story.HOTFIX_TICKET), ("two", other)):
            await stage.house.submit(text, name=name, kind=None, detach=True)
        await stage.house.work(silent, once=True)
        runs = stage.house.store.runs()
        requests = [usd for run in runs for usd in paid(stage, run)]
        assert {run.position.state for run in runs} == {State.PARKED}
        assert all("budget of the day" in run.note for run in runs)
        assert 0.03 <= sum(requests) < 0.03 + max(requests)
        day = Scope(repository=str(stage.folder), day=datetime.now(UTC).date().isoformat())
        spent = stage.house.store.spent(day, datetime.now(UTC))
        assert (spent.held, spent.lost) == (0.0, 0)
        assert spent.settled == pytest.approx(sum(requests))


async def test_a_storm_of_rate_limits_costs_no_attempt(play: Play) -> None:
    storm = {EDITS + later: Fault("429", seconds=0.01) for later in range(5)}
    async with play(story.hotfix(), faults=storm) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert [stage.rounds(run, phase) for phase in ("diagnosis", "tests", "implementation", "review")] == [1] * 4
        assert len(stage.events(run, "rate-limit")) == 5
        assert stage.house.store.spent(Scope(run=run.id), datetime.now(UTC)).lost == 0


async def test_a_run_that_waits_for_a_model_says_so_and_for_how_long(play: Play) -> None:
    law = "[breaker]\nfailures = 1\nrest_seconds = 0.1\n"
    async with play(story.hotfix(), faults={2: "503"}, config=law) as stage:
        run = await stage.run()
        assert run.position.stage == "change"
        (waits,) = [event.data for event in stage.events(run, "waits")]
        assert waits["seconds"] == 1.0
        assert "could not answer" in waits["why"]
        assert "tried again in 1 s" in cli(stage.folder, "log", run.id).stdout


async def test_no_money_at_the_provider_parks_with_what_is_done_and_left(play: Play) -> None:
    async with play(story.hotfix(), faults={EDITS: "quota"}) as stage:
        run = await stage.run()
        assert (run.position.state, stage.code(run)) == (State.PARKED, 3)
        view = stage.view(run)
        assert view.stopped is not None
        assert view.stopped.done == ("diagnosis", "tests")
        assert view.stopped.left[:2] == ("implementation", "review")
        assert len(stage.model.requests) == EDITS, "it is asked once"


async def test_a_reply_that_was_lost_counts_as_the_most_it_can_have_cost(play: Play) -> None:
    async with play(story.hotfix(), faults={EDITS: "cut"}) as stage:
        run = await stage.run()
        store, now = stage.house.store, datetime.now(UTC)
        spent = store.spent(Scope(run=run.id), now)
        assert (spent.lost, spent.held) == (1, 0.0)
        assert spent.settled == pytest.approx(sum(paid(stage, run)) + spent.lost_usd)
        assert store.run(run.id).cost.usd == pytest.approx(sum(paid(stage, run)))
        found = stage.house.costs(run.id)
        assert (found["lost_requests"], found["lost_usd"]) == (1, spent.lost_usd)


async def test_what_others_hold_for_too_long_parks_the_run_and_is_no_outage_of_the_model(play: Play) -> None:
    async with play(story.hotfix(), config="[budget]\nday_usd = 1.0\n") as stage:
        started = await stage.house.submit(story.HOTFIX_TICKET, name="ticket", kind=None, detach=True)
        ground = Ground(stage.house.bench(stage.house.pinned(started.run)), started.run)
        sessions = [SessionId(run=started.run.id, cycle=0, phase=f"p{n}", role=Role.PRODUCER) for n in (1, 2)]
        quote = Quote(model="anthropic/claude-opus-4-5", worst_usd=0.7, seconds=60)
        await StoredLog(ground, sessions[0]).reserve(quote)
        with pytest.raises(ParkedError, match="other requests under way hold") as caught:
            await StoredLog(ground, sessions[1], longest_wait=0.0).reserve(quote)
        assert not isinstance(caught.value, TransientError)
        assert f"setpoint resume {started.run.id}" in caught.value.fix


async def test_a_process_killed_in_mid_request_leaves_sums_that_are_right(play: Play) -> None:
    async with play(story.hotfix(), faults={EDITS: "hang"}, config="[budget]\nticket_usd = 9.0\n") as stage:
        write_files(stage.folder.parent, {"ticket.md": story.HOTFIX_TICKET})
        words = ("run", "--json", str(stage.folder.parent / "ticket.md"))
        process = subprocess.Popen(
            [sys.executable, "-m", "setpoint.cli", *words], cwd=stage.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        await until(lambda: len(stage.model.requests) == EDITS, 60.0)
        process.kill()
        process.wait()
        (run,) = stage.house.store.runs()
        store, scope = stage.house.store, Scope(run=run.id)
        held = store.spent(scope, datetime.now(UTC)).held
        assert held > 0, "the request was written down before it was made"
        resumed = cli(stage.folder, "resume", run.id)
        assert resumed.returncode == 4, resumed.stderr
        spent = store.spent(scope, datetime.now(UTC))
        assert (spent.held, spent.lost, spent.lost_usd) == (0.0, 1, held)
        requests = paid(stage, run)
        assert spent.settled == pytest.approx(sum(requests) + held)
        assert store.run(run.id).cost.usd == pytest.approx(sum(requests))
        assert len(requests) == len(stage.model.requests) - 1
        assert "1 request without a reply" in cli(stage.folder, "cost", run.id).stdout


# -- two providers ---------------------------------------------------------------------------------------------------

BOTH = """
[breaker]
failures = 2

[providers.anthropic]
api = "anthropic"
base_url = "{first}"

[providers.openai]
api = "openai-chat"
base_url = "{second}"

[models]
large = ["anthropic/claude-opus-4-5", "openai/gpt-5.1"]
medium = ["anthropic/claude-sonnet-4-5", "openai/gpt-5.1-codex"]
small = ["anthropic/claude-haiku-4-5", "openai/gpt-5-mini"]
tiny = ["anthropic/claude-haiku-4-5", "openai/gpt-5-nano"]
"""
GATE = f'[gates.tests]\nkind = "tests"\nrun = {json.dumps(list(PYTEST_GATE))}\nreport = "junit"\ntimeout = 60.0\n'


@asynccontextmanager
async def two_providers(folder: Path, faults: Mapping[int, str]) -> AsyncIterator[tuple[Playing, ScriptedModel]]:
    """A house whose first provider has `faults`, and the backup."""
    python_project(folder)
    told = Story(story.hotfix(), faults)
    with ScriptedModel(told, faults=faults) as first, ScriptedModel(told) as second:
        config = QUICK + GATE + BOTH.format(first=first.root, second=second.base_url("openai-chat"))
        write_files(folder, {"setpoint.toml": config})
        commit_all(folder, "setpoint init")
        house = await House.open(folder)
        try:
            yield Playing(folder, house, first), second
        finally:
            await house.close()


async def test_an_outage_in_mid_run_switches_to_the_backup_with_the_session_intact(tmp_path: Path) -> None:
    dead = dict.fromkeys(range(EDITS + 1, 200), "529")
    async with two_providers(tmp_path / "shop", dead) as (stage, backup):
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        goes_on = next(seen for seen in backup.requests if seen.submit == "submit_change")
        assert (goes_on.api, goes_on.replies) == ("openai-chat", 1), "the conversation of the first goes on"
        assert stage.rounds(run, "implementation") == 1
        switches = [e for e in stage.events(run, "switched") if e.stage == "implementation"]
        (switch,) = [e for e in switches if "producer" in e.data["session"]]
        assert (switch.data["from"], switch.data["to"]) == ("anthropic/claude-sonnet-4-5", "openai/gpt-5.1-codex")
        shown = cli(stage.folder, "show", run.id).stdout
        assert "anthropic/claude-sonnet-4-5 → openai/gpt-5.1-codex" in shown
        assert "another model" in cli(stage.folder, "log", run.id).stdout
        doctor = cli(stage.folder, "doctor").stdout
        assert "provider anthropic/claude-sonnet-4-5" in doctor
        tried = Counter(str(seen.body["model"]) for seen in stage.model.requests if seen.number > EDITS)
        assert set(tried.values()) == {2}, "a dead model is not tried anew with each request"


# -- without a price -------------------------------------------------------------------------------------------------

LOCAL = """
[providers.local]
api = "openai-chat"
base_url = "http://127.0.0.1:1/v1"

[models]
large = ["local/big"]
medium = ["local/big"]
small = ["local/big"]
tiny = ["local/big"]
"""


@pytest.mark.parametrize(
    ("budget", "runs"),
    [
        ("", True),
        ("[budget]\nticket_usd = 2.0\n", False),
        ("[budget]\nday_usd = 2.0\n", False),
        ("[budget]\nticket_usd = 2.0\nunpriced = true\n", True),
        ('[budget]\nticket_usd = 2.0\n[providers.local.prices."big"]\ninput = 1\noutput = 2\n', True),
    ],
    ids=["the default cap", "a cap", "a day's cap", "with consent", "with a price"],
)
async def test_what_has_no_price_works_under_no_hard_cap_without_consent(
    tmp_path: Path, budget: str, runs: bool
) -> None:
    folder = python_project(tmp_path / "shop")
    write_files(folder, {"setpoint.toml": QUICK + GATE + LOCAL + budget})
    commit_all(folder, "setpoint init")
    house = await House.open(folder)
    try:
        if runs:
            await house.submit(story.HOTFIX_TICKET, name="ticket", kind=None, detach=True)
        else:
            with pytest.raises(ConfigError, match="no price is known for local/big"):
                await house.submit(story.HOTFIX_TICKET, name="ticket", kind=None, detach=True)
        assert bool(house.store.runs()) is runs
    finally:
        await house.close()


# -- forecasts -------------------------------------------------------------------------------------------------------


async def test_a_run_is_forecast_compared_and_teaches_the_next_forecast(tmp_path: Path) -> None:
    async with playing(tmp_path / "shop", story.hotfix()) as stage:
        write_files(tmp_path, {"ticket.md": story.HOTFIX_TICKET})
        planned = cli(stage.folder, "plan", str(tmp_path / "ticket.md"))
        assert "no data of own runs: a rule of thumb" in planned.stdout
        assert cli(stage.folder, "cost", "--calibration").stdout.startswith("no data")
        run = await stage.to_the_end(await stage.run())
        assert run.position.state is State.DONE
        spent = stage.house.store.run(run.id).cost.usd or 0.0
        (whole, *phases) = documents(cli(stage.folder, "cost", "--calibration", "--json"))
        assert (whole["route"], whole["runs"]) == ("hotfix", 1)
        assert whole["usd"] == pytest.approx(spent)
        assert whole["bias"] == pytest.approx(spent / whole["expected_usd"])
        assert {row["phase"] for row in phases} == {"diagnosis", "tests", "implementation", "review"}
        again = documents(cli(stage.folder, "plan", str(tmp_path / "ticket.md"), "--json"))
        assert again["forecast"]["runs"] == 1
        low, expected, worst = again["estimate_usd"]
        assert expected == pytest.approx(spent, rel=1e-6)
        assert low < expected < worst
