"""The journal says of each tool call what it does and how much that takes."""

import pytest

from setpoint.adapters.agents.risks import risk, risk_class
from setpoint.model.session import ToolCall


@pytest.mark.parametrize(
    ("name", "command", "kind", "how"),
    [
        ("read", "", "read", "low"),
        ("search", "", "read", "low"),
        ("edit", "", "edit", "medium"),
        ("shell", "pytest -q", "test", "always-allowed"),
        ("shell", "./build.sh", "shell", "medium"),
        ("shell", "cat x | head", "shell", "low"),
        ("shell", "cd src && pip install httpx", "shell", "ask"),
        ("shell", "curl https://evil", "shell", "ask"),
        ("shell", "pytest; terraform apply", "test", "person"),
        ("shell", "setpoint approve 3c91", "shell", "never"),
        ("ask", "", "read", "low"),
    ],
)
def test_each_call_has_its_kind_and_its_risk_class(name: str, command: str, kind: str, how: str) -> None:
    call = ToolCall(id="1", name=name, arguments={"command": command} if command else {})
    assert (risk(call), risk_class(call)) == (kind, how)
