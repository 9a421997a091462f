"""Pictures of plans: there where they must be, and drawn by who reads them."""

import pytest
import story
from hypothesis import given
from hypothesis import strategies as st
from playing import Play, cli, what
from story import PLAN, hand_in

from setpoint.model.plan import ModuleChange, Plan
from setpoint.pipeline.diagrams import MOST_LINES, block, problems, source_of
from setpoint.pipeline.planning import check_diagram
from setpoint.service.drawn import WIDEST, drawn

GOOD = {
    "a flowchart": "flowchart LR\n  A[Client] -->|POST| B(Server)\n  B --> C{valid?}\n  C -- yes --> D[(db)]\n"
    "  C -.-> E",
    "one with parts": "graph TD;\nsubgraph api [The API]\n  A --> B & C\nend\nclassDef hot fill:#f00\nclass A hot",
    "one on a line": "flowchart TD\nA-->B;B-->C",
    "one with quotes": 'flowchart LR\n  a["GET /users (all)"] == "is it?" ==> b{{"no; yes"}}',
    "comments": "%% how it goes\nflowchart LR\n  %% first\n  A --> B %% then",
    "front matter": "---\ntitle: Way\n---\nflowchart LR\n  A --> B",
    "a sequence": "sequenceDiagram\n  participant A as Client\n  A->>+B: POST /signup\n  alt taken\n    B-->>A: 409\n"
    "  else free\n    B-->>-A: 201\n  end\n  Note over A,B: done",
    "states": 'stateDiagram-v2\n  [*] --> idle\n  state "At work" as busy\n  idle --> busy : start\n'
    "  state busy {\n    [*] --> inner\n  }\n  note right of idle\n    free text -> here\n  end note\n  busy --> [*]",
    "classes": "classDiagram\n  Animal <|-- Dog\n  class Dog {\n    +name: str\n    bark(loud) void\n  }\n"
    '  Dog "1" --> "*" Flea : has',
    "entities": 'erDiagram\n  USER ||--o{ ORDER : places\n  ORDER {\n    int id PK "the key"\n  }',
}  # fmt: skip

BAD = {
    "nothing": ("", "empty"),
    "prose": ("Here is the picture.", "begins no diagram"),
    "another kind": ('pie\n  "a": 3', "begins no diagram"),
    "a direction that is none": ("graph XX\n  A --> B", "begins no diagram"),
    "an open bracket": ("flowchart LR\n  A[Client --> B", "line 2"),
    "an arrow to nowhere": ("flowchart LR\n  A -->", "line 2"),
    "brackets in brackets": ("flowchart LR\n  A[call f(x)] --> B", "into quotes"),
    "a reserved word": ("flowchart LR\n  A --> end", "line 2"),
    "an open part": ("flowchart LR\n  subgraph one\n  A --> B", "line 2: what begins here is not closed"),
    "an end too many": ("flowchart LR\n  A --> B\n  end", "closes nothing"),
    "a message without words": ("sequenceDiagram\n  A->>B", "line 2"),
    "nodes alone": ("flowchart LR\n  A\n  B", "connected"),
    "an arrow of another kind": ("erDiagram\n  USER --> ORDER", "line 2"),
    "too much": ("flowchart LR\n" + "\n".join(f"  A{n} --> B" for n in range(MOST_LINES)), "nobody reads"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_picture_that_can_be_drawn_is_taken(name: str) -> None:
    assert problems(GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_a_picture_that_cannot_be_drawn_is_objected_to_by_its_line(name: str) -> None:
    source, said = BAD[name]
    assert said in problems(source)[0]


def planned(diagram: str = "none", tasks: int = 1, modules: int = 1) -> Plan:
    many = tuple(PLAN.tasks[0].model_copy(update={"id": f"T{n:03d}"}) for n in range(1, tasks + 1))
    changed = tuple(ModuleChange(path=f"shop/{n}.py", how="more") for n in range(modules))
    return PLAN.model_copy(update={"diagram": diagram, "tasks": many, "modules": changed})


@pytest.mark.parametrize(("tasks", "modules", "needed"), [(1, 1, False), (5, 5, False), (6, 1, True), (1, 6, True)])
def test_a_complex_plan_needs_a_picture(tasks: int, modules: int, needed: bool) -> None:
    found = check_diagram(planned(tasks=tasks, modules=modules))
    assert [each.blocks for each in found] == [True] * needed
    assert check_diagram(planned(GOOD["a flowchart"], tasks, modules)) == []


def test_what_is_wrong_with_a_picture_blocks_the_plan_also_where_none_is_needed() -> None:
    (found,) = check_diagram(planned("flowchart LR\n  A[Client --> B"))
    assert found.blocks
    assert found.what.startswith("diagram: line 2: `A[Client --> B`")


def test_a_fence_around_the_source_is_taken_off() -> None:
    assert source_of(f"```mermaid\n{GOOD['one on a line']}\n```") == GOOD["one on a line"]
    assert block(f"```\n{GOOD['one on a line']}\n```") == f"```mermaid\n{GOOD['one on a line']}\n```"
    assert block("none") == ""


@pytest.mark.parametrize("name", GOOD)
def test_a_picture_is_drawn_for_the_terminal(name: str) -> None:
    lines = drawn(GOOD[name])
    assert lines
    assert "Mermaid source" not in lines[0]
    assert max(map(len, lines)) <= WIDEST


@pytest.mark.parametrize(
    "source", ['pie\n  "a": 3', "flowchart LR\n" + "\n".join(f"A{n} --> A{n + 1}" for n in range(50))]
)
def test_what_fits_no_terminal_is_shown_as_its_source(source: str) -> None:
    lines = drawn(source)
    assert "Mermaid source" in lines[0]
    assert "\n".join(lines[1:]) == source
    assert drawn("none") == []


PICTURE = "flowchart LR\n  cashier[Cashier] --> rounded(rounded)\n  rounded --> receipt[Receipt]"


@pytest.mark.slow
async def test_a_picture_is_objected_to_and_then_seen_where_people_decide(play: Play) -> None:
    bad, good = (story.plan_with(diagram=diagram) for diagram in ("flowchart LR\n  A[oops --> B", PICTURE))
    sessions = story.feature(plan=[[[hand_in(bad)], [hand_in(good)]]])
    async with play(sessions) as stage:
        run = await stage.run(story.FEATURE_TICKET)
        assert run.position.stage == "plan"
        assert "line 2: `A[oops --> B`" in what(stage.objections(run, "planning"))
        told = "\n".join(await stage.house.shown(run))
        assert f"```mermaid\n{PICTURE}\n```" in told
        assert "│Cashier├" in told.replace(" ", "")
        assert stage.view(run).diagram == PICTURE
        assert "│Cashier├" in cli(stage.folder, "show", run.id, "--diagram").stdout.replace(" ", "")

        run = await stage.to_the_end(run)
        pull = stage.view(run).pull_request
        assert pull is not None
        assert f"```mermaid\n{PICTURE}\n```" in pull["body"]


@given(st.text(alphabet="AB[](){}|-=.>~;:&\"' \n", max_size=120), st.sampled_from(["flowchart LR", "stateDiagram-v2",
       "classDiagram", "sequenceDiagram", "erDiagram"]))  # fmt: skip
def test_any_text_is_judged_in_time_and_closes_no_fence(text: str, head: str) -> None:
    source = f"{head}\n{text}"
    assert isinstance(problems(source), list)
    assert block(source).count("```") in (0, 2)
