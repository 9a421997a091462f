"""The built-in agent on a scripted model over real HTTP."""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from setpoint.adapters.agents.endpoint import Endpoint
from setpoint.adapters.agents.native import NativeAgent
from setpoint.adapters.agents.recording import VERSION, Recording, parse
from setpoint.testing.model_formats import Step
from setpoint.testing.model_server import ScriptedModel, Seen
from setpoint.testing.sessions import Weather

APIS = ("anthropic", "openai-chat", "openai-responses", "google")
PROVIDERS = ("anthropic", "openai", "google")
MODEL = {
    "anthropic": "anthropic/claude-opus-4-5",
    "openai-chat": "openai/gpt-5.1",
    "openai-responses": "openai/gpt-5.1",
    "google": "google/gemini-2.5-pro",
}
KEY = "k-123"


class Bench(NamedTuple):
    """An agent and the model it speaks to."""

    agent: NativeAgent
    model: ScriptedModel
    pauses: list[float]
    """What the agent would have waited."""
    name: str
    """The model's name in a task."""
    weather: Weather
    """Whom the agent leaves alone."""


MakeBench = Callable[..., Bench]


def endpoint(api: str, model: ScriptedModel, **more: object) -> Endpoint:
    """The scripted model as a provider."""
    return Endpoint.model_validate({"api": api, "base_url": model.base_url(api), "key": KEY, **more})


def by_turn(turns: Sequence[Sequence[Step]]) -> Callable[[Seen], Step]:
    """The steps of each user turn."""
    return lambda seen: turns[seen.turns - 1][seen.replies_in_turn]


def recorded(turns: Sequence[Sequence[Step]], **place: object) -> Recording:
    """The same steps as a recording of an implementation session."""
    sessions = [
        {
            "phase": "implementation",
            "task": "T001",
            "model_name": MODEL["anthropic"],
            "turn": number,
            **place,
            "steps": [
                {
                    "step_id": at,
                    "source": "agent",
                    "message": step.text,
                    "tool_calls": [
                        {"tool_call_id": f"c{where}", "function_name": call.name, "arguments": call.arguments}
                        for where, call in enumerate(step.calls)
                    ],
                    "metrics": {"prompt_tokens": step.input_tokens, "completion_tokens": step.output_tokens},
                }
                for at, step in enumerate(steps, 1)
            ],
        }
        for number, steps in enumerate(turns, 1)
    ]
    return parse(as_json(sessions), "test")


def as_json(sessions: object) -> str:
    """A recording file's text."""
    return json.dumps(
        {
            "schema_version": VERSION,
            "about": "a greeting is mended",
            "ticket": "greeting",
            "agent": {"name": "setpoint-replay", "version": "1"},
            "sessions": sessions,
        }
    )
