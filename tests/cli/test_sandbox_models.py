"""`setpoint sandbox exec --model`: a command asks its models without a key, within a limit; what it used is told."""

from pathlib import Path

import pytest
from commanded import setpoint

from setpoint.testing.model_formats import Step
from setpoint.testing.model_server import ScriptedModel

ASK = """
import json, os, urllib.error, urllib.request as r
said = {"model": "claude-opus-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]}
body = json.dumps(said).encode()
asked = r.Request(os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", body, {"content-type": "application/json"})
try:
    print(json.load(r.urlopen(asked))["content"][0]["text"])
except urllib.error.HTTPError as error:
    print(error.code, json.load(error)["error"]["message"])
"""
SAID = [Step(text="Good day.", input_tokens=1000, output_tokens=50)] * 4


@pytest.mark.parametrize(
    ("usd", "told", "used"),
    [
        ("5", "Good day.\n", "setpoint: 1 model requests, 1000 tokens in, 50 out, $0.00"),
        ("0.01", "403 setpoint: the limit of $0.01 is reached", "setpoint: 0 model requests"),
    ],
)
def test_a_command_asks_its_model_within_its_limit(repository: Path, usd: str, told: str, used: str) -> None:
    with ScriptedModel(SAID) as model:
        done = setpoint(
            repository, "sandbox", "exec", "--model", "anthropic/claude-opus-4-5", "--usd", usd,
            "--", "python3", "-I", "-c", ASK,
            ANTHROPIC_API_KEY="k-held-here", ANTHROPIC_BASE_URL=model.base_url("anthropic"),
        )  # fmt: skip
    assert done.stdout.startswith(told), done.stderr
    assert used in done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("name", ["claude-opus-4-5", "nobody/claude-opus-4-5"])
def test_a_model_that_is_not_there_is_told_before_anything_runs(repository: Path, name: str) -> None:
    done = setpoint(repository, "sandbox", "exec", "--model", name, "--", "touch", "ran", ANTHROPIC_API_KEY="k")
    assert (done.returncode, (repository / "ran").exists()) == (2, False)
    assert "providers: anthropic" in done.stderr
