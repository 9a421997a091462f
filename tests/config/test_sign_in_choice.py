"""A sign-in is used where the settings or the absence of any key choose it, and by its own agent alone."""

from pathlib import Path

import pytest

from setpoint.config import parse, with_environment
from setpoint.errors import ConfigError, NotSignedInError
from setpoint.model.agent_settings import AgentProgram
from setpoint.model.session import ModelRef, Role
from setpoint.model.settings import AgentSettings, Config, PhaseSettings, Provider
from setpoint.model.sign_in import SIGN_INS, SignedIn, SignInName, lends
from setpoint.pipeline.models import choose_models
from setpoint.service.agents import agents
from setpoint.service.header import header
from setpoint.service.setup import written
from setpoint.signing_in import billed, told, used

PROGRAMS = {"claude-code": "claude-agent-acp", "codex": "codex-acp"}


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """An environment in which both agents are installed and signed in, by files that hold nothing of use."""
    (tmp_path / "bin").mkdir()
    for name, kind in SIGN_INS.items():
        program = tmp_path / "bin" / PROGRAMS[name]
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        place = kind.place({"HOME": str(tmp_path)})
        place.parent.mkdir()
        place.write_text("nobody reads this to choose")
    return {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}


def without(machine: dict[str, str], *gone: str) -> dict[str, str]:
    for name in gone:
        (Path(machine["PATH"]) / name).unlink()
    return machine


def test_without_any_key_the_agent_that_is_signed_in_works(machine: dict[str, str]) -> None:
    config = with_environment(Config(), machine)
    assert config.agent.kind == "claude-code"
    assert config.providers == {
        "anthropic": Provider(api="anthropic", sign_in="claude-code", billing="subscription"),
    }
    codex = with_environment(Config(), without(machine, "claude-agent-acp"))
    assert (codex.agent.kind, codex.providers["openai"].sign_in) == ("codex", "codex")
    assert codex.models["large"] == ("openai/gpt-6-astra",)
    assert with_environment(Config(), without(machine, "codex-acp")).providers == {}


@pytest.mark.parametrize(("program", "agent"), [("claude", "claude-code-headless"), ("codex", "codex-headless")])
def test_the_makers_own_program_is_enough_where_nothing_speaks_acp(
    machine: dict[str, str], program: str, agent: str
) -> None:
    own = Path(machine["PATH"]) / program
    (Path(machine["PATH"]) / "claude-agent-acp").rename(own)
    config = with_environment(Config(), without(machine, "codex-acp"))
    assert config.agent.kind == agent
    builder = choose_models(config, "implementation", Role.PRODUCER)
    assert choose_models(config, "review", Role.REVIEWER).models[0] != builder.models[0]
    (found,) = used_in(config)
    assert lends(found, agent)
    assert not lends(found, "native")


def used_in(config: Config) -> set[SignInName]:
    return {provider.sign_in for provider in config.providers.values() if provider.sign_in is not None}


def test_a_long_lived_token_in_the_environment_is_a_sign_in(machine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".claude" / ".credentials.json").unlink()
    assert with_environment(Config(), machine).agent.kind == "codex"
    config = with_environment(Config(), {**machine, "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-secret"})
    assert config.agent.kind == "claude-code"
    assert "secret" not in config.model_dump_json()


@pytest.mark.parametrize(
    ("config", "environ"),
    [
        (Config(), {"OPENAI_API_KEY": "k"}),
        (Config(providers={"local": Provider(api="openai-chat", base_url="http://127.0.0.1:1")}), {}),
        (Config(agent=AgentSettings(kind="native")), {}),
        (Config(agent=AgentSettings(kind="replay")), {}),
        (Config(agent=AgentSettings(kind="opencode")), {}),
        (Config(), {"ANTHROPIC_BASE_URL": "https://gateway.example", "OPENAI_BASE_URL": "https://gateway.example"}),
    ],
    ids=["a key", "a provider", "native", "a replay", "another agent", "requests led elsewhere"],
)
def test_whatever_else_was_chosen_stays_chosen(
    machine: dict[str, str], config: Config, environ: dict[str, str]
) -> None:
    found = with_environment(config, {**machine, **environ})
    assert found.agent == config.agent
    assert all(provider.sign_in is None for provider in found.providers.values())


def test_the_agent_that_the_settings_name_goes_before_the_first(machine: dict[str, str]) -> None:
    config = with_environment(Config(agent=AgentSettings(kind="codex")), machine)
    assert config.providers["openai"].sign_in == "codex"


def test_a_run_that_began_with_a_sign_in_keeps_to_it_when_a_key_appears(machine: dict[str, str]) -> None:
    began = with_environment(Config(), machine)
    later = with_environment(began, {**machine, "ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"})
    assert later.providers["anthropic"].sign_in == "claude-code"
    assert later.models == began.models


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('sign_in = "gemini"', "sign_in"),
        ('sign_in = "codex"', 'asked in api = "openai-responses"'),
        ('sign_in = "claude-code"\nkey_env = "K"', "has no key_env"),
        ('sign_in = "claude-code"\nbase_url = "https://evil.example"', "goes to its maker"),
        ('sign_in = "claude-code"\nbase_url = "http://127.0.0.1.evil.example"', "goes to its maker"),
        ('sign_in = "claude-code"\nbase_url = "http://[::1"', "goes to its maker"),
        ('sign_in = "claude-code"\nbase_url = "http://127.0.0.1@evil.example"', "goes to its maker"),
    ],
)
def test_settings_that_would_lead_a_sign_in_elsewhere_are_refused(said: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f'[providers.p]\napi = "anthropic"\n{said}\n', "setpoint.toml")
    assert words in str(caught.value)
    parse('[providers.p]\napi = "anthropic"\nsign_in = "claude-code"\nbase_url = "http://127.0.0.1:9"\n', "x.toml")


def test_one_sign_in_carries_all_roles_with_different_models_and_says_that_independence_is_reduced(
    machine: dict[str, str],
) -> None:
    config = with_environment(Config(), machine)
    builder = choose_models(config, "implementation", Role.PRODUCER)
    reviewer = choose_models(config, "review", Role.REVIEWER)
    assert reviewer.independence == "reduced"
    assert reviewer.models[0] != builder.models[0]
    assert choose_models(config, "planning", Role.VALIDATOR).models[0].model == "claude-haiku-4-5"


BOTH = Config(
    agent=AgentSettings(kind="claude-code"),
    phase={"review": PhaseSettings(agent="codex")},
    providers={
        "anthropic": Provider(api="anthropic", sign_in="claude-code"),
        "openai": Provider(api="openai-responses", sign_in="codex"),
    },
)


def test_two_sign_ins_each_carry_the_phases_of_their_own_agent() -> None:
    config = with_environment(BOTH, {})
    assert choose_models(config, "implementation", Role.PRODUCER).models[0].provider == "anthropic"
    reviewer = choose_models(config, "review", Role.REVIEWER)
    assert ({model.provider for model in reviewer.models}, reviewer.independence) == ({"openai"}, "full")


def test_a_model_that_the_reviewers_agent_cannot_ask_makes_nobody_independent() -> None:
    keys = {"anthropic": Provider(api="anthropic"), "openai": Provider(api="openai-responses")}
    config = with_environment(Config(agent=AgentSettings(kind="claude-code"), providers=keys), {})
    reviewer = choose_models(config, "review", Role.REVIEWER)
    assert (reviewer.models[0].provider, reviewer.independence) == ("anthropic", "reduced")


def test_a_key_beside_a_sign_in_is_what_every_other_agent_asks_with() -> None:
    codex = {"openai": Provider(api="openai-responses", sign_in="codex")}
    phase = {"tests": PhaseSettings(agent="codex"), "planning": PhaseSettings(agent="opencode")}
    config = with_environment(Config(providers=codex, phase=phase), {"ANTHROPIC_API_KEY": "k"})
    assert config.agent.kind == "native"
    asked = {phase: choose_models(config, phase, Role.PRODUCER).models for phase in ("discovery", "planning", "tests")}
    assert {phase: {model.provider for model in models} for phase, models in asked.items()} == {
        "discovery": {"anthropic"},
        "planning": {"anthropic"},
        "tests": {"openai"},
    }
    assert choose_models(config, "discovery", Role.VALIDATOR).models[0].provider == "anthropic"


def test_a_phase_of_another_agent_does_not_work_with_it(machine: dict[str, str]) -> None:
    config = with_environment(BOTH.model_copy(update={"phase": {}, "agent": AgentSettings(kind="opencode")}), machine)
    with pytest.raises(ConfigError, match="with the sign-in of `claude-code`, and `opencode` works there"):
        used(config, machine)


def test_a_sign_in_that_is_chosen_and_of_no_use_is_told_before_anything_starts(machine: dict[str, str]) -> None:
    with pytest.raises(NotSignedInError, match="Claude Code is not signed in here") as raised:
        used(with_environment(Config(), machine), machine)
    assert "or set an API key" in raised.value.fix


def test_without_key_and_sign_in_both_ways_out_are_told() -> None:
    with pytest.raises(NotSignedInError) as raised:
        choose_models(Config(), "planning", Role.PRODUCER)
    assert "ANTHROPIC_API_KEY" in raised.value.fix
    assert "`codex login`" in raised.value.fix


def test_where_native_is_written_out_the_error_says_how_a_sign_in_is_used(machine: dict[str, str]) -> None:
    config = with_environment(parse('[agent]\nkind = "native"\n', "setpoint.toml"), machine)
    with pytest.raises(NotSignedInError) as raised:
        choose_models(config, "planning", Role.PRODUCER)
    assert 'take `kind = "native"` out of [agent]' in raised.value.fix
    assert "`codex login`" not in raised.value.fix


def test_an_api_key_in_codex_is_billed_by_the_token(machine: dict[str, str]) -> None:
    SIGN_INS["codex"].place(machine).write_text('{"OPENAI_API_KEY": "sk-of-codex"}')
    config = with_environment(Config(agent=AgentSettings(kind="codex")), machine)
    found = used(config, machine)
    assert billed(config, found).providers["openai"].billing == "metered"
    assert told(found)[0].endswith("billed by the token (an API key)")
    assert "sk-of-codex" not in told(found)[0]


def test_a_runs_first_lines_say_with_whose_sign_in_it_works(machine: dict[str, str]) -> None:
    environ = {**machine, "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-secret"}
    config = with_environment(Config(), environ)
    lines = header(config, (), told(used(config, environ)))
    assert "reviewer anthropic/claude-opus-4-5, independence reduced" in lines
    own = "your sign-in of Claude Code (CLAUDE_CODE_OAUTH_TOKEN), covered by its subscription"
    assert f"agent claude-code asks models with {own}" in lines


SIGNED = SignedIn(agent="claude-code", by="CLAUDE_CODE_OAUTH_TOKEN", token="sk-secret")


@pytest.mark.parametrize(
    ("config", "sign_in", "state", "words"),
    [
        (Config(), SIGNED, "warn", "not used"),
        (Config(), None, "warn", "no provider it could ask; not signed in here"),
        (with_environment(BOTH, {}), SIGNED, "ok", "asks models of anthropic; your sign-in of Claude Code"),
        (with_environment(BOTH, {}), NotSignedInError("expired", why="w"), "bad", "expired: w"),
        (with_environment(Config(), {"ANTHROPIC_API_KEY": "k"}), SIGNED, "ok", "not used: a provider is configured"),
        (with_environment(Config(), {"ANTHROPIC_API_KEY": "k"}), None, "ok", "not signed in here"),
    ],
)
def test_the_doctor_tells_each_agents_sign_in(
    tmp_path: Path, config: Config, sign_in: SignedIn | NotSignedInError | None, state: str, words: str
) -> None:
    program = tmp_path / "agent"
    program.write_text("")
    program.chmod(0o755)
    config = config.model_copy(update={"agents": {"claude-code": AgentProgram(command=(str(program),))}})
    found = {"claude-code": sign_in} if sign_in is not None else {}
    keys = {"anthropic": not isinstance(sign_in, NotSignedInError)}
    (line,) = [one for one in agents(config, lambda _: "1.0", keys, found) if one.name == "agent claude-code"]
    assert (line.state, "secret" in line.found) == (state, False)
    assert words in line.found
    assert ("`claude setup-token`" in line.fix) is (state != "ok" and not isinstance(sign_in, SignedIn))
    assert ('sign_in = "claude-code"' in line.fix) is (state != "ok" and isinstance(sign_in, SignedIn))


def test_an_agent_that_is_signed_in_and_lacks_its_program_is_told_with_the_way_to_it() -> None:
    (line,) = [one for one in agents(Config(), lambda _: "", {}, {"codex": SIGNED}) if one.name == "agent codex"]
    assert "`codex-acp` is not on PATH; your sign-in" in line.found
    assert line.fix.startswith("`npm install -g @openai/codex`")


def test_init_proposes_the_sign_in_that_works_here_and_forces_it_on_nobody(
    tmp_path: Path, machine: dict[str, str]
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    written(folder, [], {}, with_environment(Config(), machine), replace=False)
    text = (folder / "setpoint.toml").read_text()
    assert parse(text, "setpoint.toml") == Config()
    proposed = "\n".join(line.removeprefix("# ") for line in text.splitlines() if "=" in line or "# [" in line)
    assert parse(proposed, "setpoint.toml").providers["anthropic"].sign_in == "claude-code"
    written(folder, [], {}, with_environment(Config(), {"OPENAI_API_KEY": "k"}), replace=True)
    assert "sign_in" not in (folder / "setpoint.toml").read_text()


def test_models_of_a_sign_in_are_named_by_its_provider() -> None:
    own = {"mine": Provider(api="anthropic", sign_in="claude-code")}
    config = with_environment(Config(agent=AgentSettings(kind="claude-code"), providers=own), {})
    (model,) = choose_models(config, "planning", Role.VALIDATOR).models
    assert model == ModelRef(provider="mine", model="claude-haiku-4-5")
