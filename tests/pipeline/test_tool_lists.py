"""Which tools a session is offered: only what a list of its phase names, from what the base branch says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.config import parse
from setpoint.errors import ConfigError
from setpoint.model.ticket import Kind, Ticket
from setpoint.model.tool_servers import ToolServer, ToolSettings
from setpoint.pipeline.tool_servers import named, resolved, servers_in


def ticket(*labels: str, kind: Kind = Kind.FEATURE) -> Ticket:
    return Ticket(id="t", title="T", kind=kind, text="words", labels=labels)


LISTS = ToolSettings.model_validate(
    {
        "phase": {"implementation": ["docs", "github:get_*", "browser"], "review": ["setpoint:look"]},
        "kind": {"hotfix": ["github"]},
        "label": {"frontend": ["browser"]},
    }
)


@pytest.mark.parametrize(
    ("phase", "of", "found"),
    [
        ("implementation", ticket(), {"docs": (("*",),), "github": (("get_*",),)}),
        (
            "implementation",
            ticket("frontend"),
            {"docs": (("*",),), "github": (("get_*",),), "browser": (("*",), ("*",))},
        ),
        ("implementation", ticket(kind=Kind.HOTFIX), {"github": (("get_*",), ("*",))}),
        ("review", ticket(), {"setpoint": (("look",),)}),
        ("review", ticket(kind=Kind.HOTFIX), {}),
        ("planning", ticket("frontend"), {}),
    ],
)
def test_lists_of_phase_kind_and_label_each_narrow(
    phase: str, of: Ticket, found: dict[str, tuple[tuple[str, ...], ...]]
) -> None:
    assert named(LISTS, phase, of) == found


TOOLS = st.lists(st.sampled_from(["a", "b", "a:x_*", "b:y"]), max_size=3)


@given(phase=TOOLS, kind=TOOLS, label=TOOLS, labelled=st.booleans())
def test_no_further_list_ever_offers_more(phase: list[str], kind: list[str], label: list[str], labelled: bool) -> None:
    told = {"phase": {"review": phase}, "kind": {"feature": kind}, "label": {"l": label}}
    found = named(ToolSettings.model_validate(told), "review", ticket(*(["l"] if labelled else [])))
    alone = named(ToolSettings.model_validate({"phase": told["phase"]}), "review", ticket())
    assert set(found) <= set(alone)
    assert set(found) <= {pattern.partition(":")[0] for pattern in kind}
    for name, allowed in found.items():
        assert allowed[0] == alone[name][0]


FILE = json.dumps(
    {
        "mcpServers": {
            "docs": {"command": "docs-server", "args": ["--stdio"], "env": {"MODE": "fast", "KEY": "${DOCS_KEY}"}}
        }
    }
).encode()


def test_a_program_of_mcp_json_gets_hosts_and_secrets_from_the_configuration_alone() -> None:
    listed = servers_in(FILE)
    own = ToolServer.model_validate({"env": {"KEY": "env:DOCS_KEY"}, "network": ["docs.example"]})
    server = resolved("docs", own, listed)
    assert server.command == ("docs-server", "--stdio")
    assert server.env == {"MODE": "fast", "KEY": "env:DOCS_KEY"}
    assert server.network == ("docs.example",)
    with pytest.raises(ConfigError, match=r"wants `\$\{DOCS_KEY\}` of the environment"):
        resolved("docs", None, listed)
    assert resolved("docs", ToolServer(command=("mine",)), listed).command == ("mine",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"{", "not JSON"),
        (b'{"mcpServers": []}', "should be a table"),
        (b'{"mcpServers": {"far": {"url": "https://far.example/mcp"}}}', "is no program"),
        (b'{"mcpServers": {"other": {"command": "x"}}}', "nothing says what it is"),
    ],
)
def test_what_names_no_program_is_said(text: bytes, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        resolved("far", None, servers_in(text))
    assert caught.value.fix


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[mcp.servers.setpoint]\ncommand = ["a"]', "is what setpoint offers itself"),
        ('[mcp.servers."a__b"]\ncommand = ["a"]', "letters, digits and inner hyphens"),
        ('[mcp.phase]\nimplementatoin = ["a"]', "there is no phase `implementatoin`"),
        ('[mcp.servers.a]\nnetwork = ["10.0.0.1"]', "names no host"),
        ('[mcp.servers.a]\ncommnd = ["a"]', "did you mean `command`?"),
    ],
)
def test_a_wrong_setting_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "setpoint.toml")
    assert said in str(caught.value)
