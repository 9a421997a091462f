"""A sensitive ticket, run for real beside a market provider that is configured first and never hears of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import story
from playing import Play, Playing, cli, documents
from story import Story

from setpoint.errors import ConfigError
from setpoint.model.run import State
from setpoint.testing.model_server import ScriptedModel

pytestmark = pytest.mark.slow

SENSITIVE = f"---\nlabels: [sensitive]\n---\n{story.HOTFIX_TICKET}"
PATHS = '[sensitive]\npaths = ["shop/**"]\n'


def house_of(url: str) -> str:
    """A provider in the house, beside the story's own, which is a market one. It is named for one class alone."""
    return f'[providers.inhouse]\napi = "openai-chat"\nbase_url = "{url}"\nin_house = true\n'


@pytest.fixture
def inside() -> Iterator[ScriptedModel]:
    """The model in the house, on a server of its own."""
    with ScriptedModel(Story(story.hotfix())) as model:
        yield model


def both(stage: Playing, inside: ScriptedModel) -> None:
    """Name the model in the house behind the market's, in the house's own configuration."""
    models = {size: (*names, "inhouse/llama") for size, names in stage.house.config.models.items()}
    stage.house.config = stage.house.config.model_copy(update={"models": models})


async def test_every_request_of_a_sensitive_run_stays_in_the_house(play: Play, inside: ScriptedModel) -> None:
    async with play(story.hotfix(), config=house_of(inside.base_url("openai-chat"))) as stage:
        both(stage, inside)
        run = await stage.run(SENSITIVE)
        assert run.position.stage == "change"
        assert stage.model.requests == []
        submits = {seen.submit.removeprefix("submit_") for seen in inside.requests}
        assert submits == {"diagnosis", "tests", "change", "review", "verdict"}
        assert {event.data["model"] for event in stage.events(run, "model")} == {"inhouse/llama"}
        assert stage.events(run, "created")[0].data["sensitive"] == "label `sensitive`"
        assert all(event.data["sensitive"] == "label `sensitive`" for event in stage.events(run, "context"))
        assert any("sensitive (label `sensitive`): only inhouse" in line for line in stage.house.header(run))


async def test_what_a_plan_touches_makes_the_rest_of_the_run_sensitive(play: Play, inside: ScriptedModel) -> None:
    config = house_of(inside.base_url("openai-chat")) + PATHS
    ticket = story.HOTFIX_TICKET.replace("shop/price.py", "the price")
    assert "shop/" not in ticket
    async with play(story.hotfix(), config=config) as stage:
        both(stage, inside)
        run = await stage.run(ticket)
        assert {seen.submit for seen in stage.model.requests} == {"submit_diagnosis", "submit_verdict"}
        told = {event.stage: event.data.get("sensitive", "") for event in stage.events(run, "context")}
        assert told["diagnosis"] == ""
        assert "is sensitive" in told["implementation"]


async def test_an_outage_in_the_house_parks_the_run_and_no_market_model_takes_over(play: Play) -> None:
    faults = dict.fromkeys(range(1, 60), "500")
    with ScriptedModel(Story(story.hotfix()), faults=faults) as inside:
        async with play(story.hotfix(), config=house_of(inside.base_url("openai-chat"))) as stage:
            both(stage, inside)
            run = await stage.run(SENSITIVE)
            assert run.position.state is State.PARKED
            assert inside.requests
            assert stage.model.requests == []


async def test_without_a_model_in_the_house_nothing_starts(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        with pytest.raises(ConfigError, match="no model in the house"):
            await stage.run(SENSITIVE)
        assert stage.house.store.runs() == []
        assert stage.model.requests == []


async def test_the_preview_says_it_too(play: Play, inside: ScriptedModel, tmp_path: Path) -> None:
    config = house_of(inside.base_url("openai-chat"))
    async with play(story.hotfix(), config=config) as stage:
        text = (stage.folder / "setpoint.toml").read_text().replace('medium = ["', 'medium = ["inhouse/llama", "')
        (stage.folder / "setpoint.toml").write_text(text)
        (tmp_path / "ticket.md").write_text(SENSITIVE)
        told = documents(cli(stage.folder, "plan", str(tmp_path / "ticket.md"), "--json"))
        models = {phase["model"] for phase in told["phases"] if phase["model"]}
        assert models == {"inhouse/llama"}
        assert "sensitive (label `sensitive`): only models in the house are asked" in told["warnings"]
