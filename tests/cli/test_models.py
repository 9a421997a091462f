"""`setpoint models` and `setpoint models test`: what is configured, and one real request to each over loopback."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commanded import setpoint

from setpoint.testing.model_formats import Call, Step
from setpoint.testing.model_server import Fault, ScriptedModel, Seen

KEY = "sk-test-4f9d2c7be1a0"
READY = Step(calls=(Call("submit_trial", {"word": "ready"}),))


def configured(repository: Path, url: str, api: str = "anthropic", model: str = "claude-haiku-4-5") -> None:
    name = api.partition("-")[0]
    text = (repository / "setpoint.toml").read_text()
    provider = f'[providers.{name}]\napi = "{api}"\nbase_url = "{url}"\nkey_env = "THE_API_KEY"\n'
    models = "\n".join(f'{size} = ["{name}/{model}"]' for size in ("large", "medium", "small", "tiny"))
    (repository / "setpoint.toml").write_text(f"{text}\n{provider}[models]\n{models}\n")


def tried(repository: Path, *words: str) -> tuple[int, list[dict[str, Any]], str]:
    done = setpoint(repository, "models", "test", *words, "--json", THE_API_KEY=KEY)
    return done.returncode, json.loads(done.stdout or "[]"), done.stdout + done.stderr


@pytest.mark.parametrize("api", ["anthropic", "openai-chat", "openai-responses", "google"])
def test_a_model_that_does_all_is_passed_with_what_was_seen(repository: Path, api: str) -> None:
    name = {"anthropic": "claude-haiku-4-5", "google": "gemini-2.5-flash"}.get(api, "gpt-5-mini")
    with ScriptedModel(lambda seen: READY, key=KEY) as model:
        configured(repository, model.base_url(api), api, name)
        code, found, words = tried(repository)
        assert code == 0
        (trial,) = found
        assert trial["state"] == "ok"
        assert [trial[key] for key in ("reached", "signed_in", "called", "in_form", "counted", "priced")] == [True] * 6
        assert trial["seconds"] >= 0
        assert KEY not in words
        assert len(model.requests) == 1  # all four classes name the same model
        assert model.requests[0].submit == "submit_trial"


def says(step: Step) -> Callable[[Seen], Step]:
    return lambda seen: step


BAD: dict[str, tuple[Step, str | None, str, dict[str, bool | None]]] = {
    "prose": (Step(text="ready"), None, "does not call the tool", {"reached": True, "called": False}),
    "form": (
        Step(calls=(Call("submit_trial", {"words": 1}),)),
        None,
        "does not fit its form",
        {"called": True, "in_form": False},
    ),
    "key": (READY, "401", "does not accept the key", {"reached": True, "signed_in": False}),
    "gone": (READY, "404", "is not there", {"reached": True, "called": None}),
    "money": (READY, "quota", "no quota or money", {"reached": True}),
    "busy": (READY, "529", "could not answer", {"reached": True}),
    "garbage": (READY, "garbage", "not its format", {"called": None}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_model_that_cannot_do_the_work_fails_with_what_to_do(repository: Path, name: str) -> None:
    step, fault, said, seen = BAD[name]
    faults = {number: Fault(fault) for number in range(1, 6)} if fault else {}
    with ScriptedModel(says(step), faults=faults) as model:
        configured(repository, model.root)
        code, (trial,), words = tried(repository)
    assert code == 1
    assert trial["state"] == "bad"
    assert said in trial["found"]
    assert trial["fix"]
    assert {key: trial[key] for key in seen} == seen
    assert KEY not in words


def test_an_unknown_price_and_uncounted_tokens_warn_and_do_not_fail(repository: Path) -> None:
    with ScriptedModel(lambda seen: READY) as model:
        configured(repository, model.root, model="house-blend")
        code, (trial,), _ = tried(repository)
    assert (code, trial["state"], trial["priced"]) == (0, "warn", False)
    assert "no price is known" in trial["found"]


def test_nobody_there_and_no_key_are_told_apart(repository: Path) -> None:
    configured(repository, "http://127.0.0.1:9")
    code, (trial,), _ = tried(repository)
    assert (code, trial["reached"]) == (1, False)
    assert "base_url" in trial["fix"]
    done = setpoint(repository, "models", "test", "--json")
    (trial,) = json.loads(done.stdout)
    assert (done.returncode, trial["reached"], trial["signed_in"]) == (1, None, False)


def test_a_model_that_refuses_an_optional_field_is_asked_without_it(repository: Path) -> None:
    with ScriptedModel(lambda seen: READY, refuses="cache_control") as model:
        configured(repository, model.root)
        code, (trial,), _ = tried(repository)
    assert (code, trial["state"], len(model.requests)) == (0, "ok", 2)


def test_a_key_that_a_provider_repeats_is_not_shown(repository: Path) -> None:
    with ScriptedModel(lambda seen: Step(calls=(Call(f"call_{KEY}", {}),)), key="another") as model:
        configured(repository, f"{model.root}/{KEY}")
        _, _, words = tried(repository)
    assert KEY not in words


def test_the_list_says_who_is_used_where_and_what_each_costs(repository: Path) -> None:
    done = setpoint(repository, "models", "--json", ANTHROPIC_API_KEY=KEY, OPENAI_API_KEY=KEY)
    lines = {line["model"]: line for line in json.loads(done.stdout)}
    large = lines["anthropic/claude-opus-4-5"]
    assert large["classes"] == ["large"]
    assert "planning" in large["used_by"]
    assert large["input_usd"] == 5.0
    medium = lines["anthropic/claude-sonnet-4-5"]
    assert (medium["input_usd"], medium["output_usd"]) == (3.0, 15.0), "not what only very long requests cost"
    assert large["context_window"] == 200_000
    assert "planning validator" in lines["openai/gpt-5-nano"]["used_by"]
    assert "planning validator (fallback)" in lines["anthropic/claude-haiku-4-5"]["used_by"]
    assert any(use.endswith("(fallback)") for use in lines["openai/gpt-5.1"]["used_by"])
    told = setpoint(repository, "models", ANTHROPIC_API_KEY=KEY)
    assert "anthropic/claude-opus-4-5  large; $5.00 in $25.00 out a million; 200k context" in told.stdout
    assert KEY not in told.stdout + done.stdout


def test_a_model_that_is_not_configured_is_refused_by_name(repository: Path) -> None:
    configured(repository, "http://127.0.0.1:9")
    done = setpoint(repository, "models", "test", "openai/gpt-9")
    assert done.returncode == 2
    assert "anthropic/claude-haiku-4-5" in done.stderr


def test_what_a_provider_says_cannot_steer_the_terminal(repository: Path) -> None:
    told = {"message": "\x1b[2J\x1b]0;mine\x07 all \u202e well\nok"}
    with ScriptedModel(lambda seen: READY, key=KEY, faults={n: Fault("400", told=told) for n in range(1, 9)}) as model:
        configured(repository, model.base_url("anthropic"))
        done = setpoint(repository, "models", "test", THE_API_KEY=KEY)
    assert done.returncode == 1
    assert "well ok" in done.stdout
    assert not set(done.stdout) & set("\x1b\x07\u202e")
