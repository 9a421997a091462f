"""What every request of a session opens with is small, and its submit tool still says all that the record takes."""

import json
from typing import Any

import pytest

from setpoint.adapters.agents.endpoint import WIRES
from setpoint.adapters.agents.tools import offered
from setpoint.adapters.agents.wire.answer import Offer
from setpoint.model.boundary import Boundaries
from setpoint.model.record import Record
from setpoint.model.session import SessionId, Task
from setpoint.model.terse import terse_schema
from setpoint.pipeline.prompts import names, prompt
from setpoint.service.schemas import DELIVERABLES

MOST = 1_500
"""Tokens of system text and tools, a token being four characters."""
WRITING = {"tests", "implementation", "edge_tests", "ci_fix", "rework"}
HANDED = {
    "discovery": "functional_spec",
    "planning": "plan",
    "implementation": "change",
    "edge_tests": "tests",
    "rework": "change",
}


def deliverable(name: str) -> str:
    return "verdict" if name.startswith("validate_") else HANDED.get(name, name)


def opening(name: str, api: str) -> tuple[str, str]:
    """System text and tools of a session with the prompt `name`, as they stand in the request's own bytes."""
    handed = deliverable(name)
    task = Task(
        session=SessionId(run="r", phase="p"),
        instructions=prompt(name).system(f"submit_{handed}"),
        turns=("",),
        deliverable=handed,
        deliverable_schema=terse_schema(DELIVERABLES[handed]),
        models=(),
        writes=name in WRITING,
        boundaries=Boundaries(),
    )
    offer = Offer("m", task.instructions, offered(task), max_output_tokens=1)
    tools = json.dumps(json.loads(WIRES[api].head(offer) + "]}")["tools"], separators=(",", ":"), ensure_ascii=False)
    return task.instructions, tools


@pytest.mark.parametrize("api", WIRES)
@pytest.mark.parametrize("name", names())
def test_system_text_and_tools_stay_under_1500_tokens_in_every_phase_and_format(name: str, api: str) -> None:
    system, tools = opening(name, api)
    assert (len(system) + len(tools)) / 4 < MOST


@pytest.mark.parametrize("name", DELIVERABLES)
def test_every_field_of_the_record_is_named_with_all_that_is_required(name: str) -> None:
    said = terse_schema(DELIVERABLES[name])
    compare(DELIVERABLES[name].model_json_schema(), said, said, name)


def compare(whole: dict[str, Any], terse: dict[str, Any], root: dict[str, Any], where: str) -> None:
    """Every object of the whole schema has its equal in the terse one."""
    definitions = whole.get("$defs", {})
    seen: set[str] = set()

    def resolved(schema: Any, defined: dict[str, Any]) -> Any:
        while isinstance(schema, dict) and "$ref" in schema:
            schema = defined[schema["$ref"].removeprefix("#/$defs/")]
        return schema

    def walk(one: Any, other: Any, place: str) -> None:
        one, other = resolved(one, definitions), resolved(other, root.get("$defs", {}))
        assert one.get("required", []) == other.get("required", []), place
        for key in ("pattern", "enum", "minItems", "maxItems", "type", "const"):
            assert one.get(key) == other.get(key), f"{place}: {key}"
        for name, inner in one.get("properties", {}).items():
            seen.add(f"{place}.{name}")
            walk(inner, other.get("properties", {}).get(name, other.get("additionalProperties")), f"{place}.{name}")
        if "items" in one:
            walk(one["items"], other["items"], f"{place}[]")
        for number, choice in enumerate(one.get("anyOf", ())):
            walk(choice, other["anyOf"][number], f"{place}|{number}")

    walk(whole, terse, where)
    assert seen


def test_a_text_is_left_out_only_where_the_instructions_explain_the_field() -> None:
    plan = terse_schema(DELIVERABLES["plan"])
    assert "description" not in plan["properties"]["boundaries"]["properties"]["paths"]
    told = prompt("planning").text
    assert "narrowest globs" in told
    assert plan["properties"]["boundaries"]["properties"]["frozen"]["description"].startswith("Interfaces")


class Pair(Record):
    """Two of one shape are no pattern."""

    one: str
    two: str
    more: tuple[str, ...] = ()


def test_few_fields_of_one_shape_stay_fields_and_empty_defaults_are_not_said() -> None:
    said = terse_schema(Pair)
    assert list(said["properties"]) == ["one", "two", "more"]
    assert "default" not in said["properties"]["more"]
    assert "description" not in said
