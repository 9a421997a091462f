"""Sign-ins of agents of other makers: where each lies, what is asked with it, and what a person is told of it."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from .agent_settings import Api
from .record import Line, Record

SignInName = Literal["claude-code", "codex"]
Billing = Literal["metered", "subscription"]
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1")


class SignInKind(Record):
    """How one agent is signed in outside the sandbox, and where setpoint finds that."""

    called: Line
    """What people call the agent."""
    provider: Line
    """The provider that a run gets which nobody configured one for."""
    api: Api
    variable: str
    """The environment variable that holds its long-lived token; empty: it has none."""
    folder_variable: Line
    """The variable that names the folder of its sign-in."""
    folder: Line
    """That folder below the home folder, without the variable."""
    file: Line
    renewed_by: Line
    """What a person runs to sign in, or to have the sign-in renewed."""
    agents: tuple[Line, ...]
    """The agents that work with it, in the order in which one is chosen where nobody chose: the program that speaks
    ACP, else the maker's own in its headless mode."""
    installed_by: Line
    """How the program that setpoint speaks with is installed, where neither is."""
    models: dict[str, str]
    """The model of each size class that the sign-in is asked for."""

    def place(self, environ: Mapping[str, str]) -> Path:
        """The file with the sign-in, be it there or not."""
        named = environ.get(self.folder_variable, "")
        home = environ.get("HOME") or "/nonexistent"
        return (Path(named) if named else Path(home, self.folder)) / self.file


SIGN_INS: Mapping[SignInName, SignInKind] = {
    "claude-code": SignInKind(
        called="Claude Code",
        provider="anthropic",
        api="anthropic",
        variable="CLAUDE_CODE_OAUTH_TOKEN",
        folder_variable="CLAUDE_CONFIG_DIR",
        folder=".claude",
        file=".credentials.json",
        renewed_by="`claude` once and sign in, or set CLAUDE_CODE_OAUTH_TOKEN to what `claude setup-token` makes",
        agents=("claude-code", "claude-code-headless"),
        installed_by="`npm install -g @anthropic-ai/claude-code`",
        models={
            "large": "claude-opus-4-5",
            "medium": "claude-sonnet-4-5",
            "small": "claude-haiku-4-5",
            "tiny": "claude-haiku-4-5",
        },
    ),
    "codex": SignInKind(
        called="Codex",
        provider="openai",
        api="openai-responses",
        variable="",
        folder_variable="CODEX_HOME",
        folder=".codex",
        file="auth.json",
        renewed_by="`codex login`",
        agents=("codex", "codex-headless"),
        installed_by="`npm install -g @openai/codex`",
        # What Codex 0.166 lists for every plan, the free one among them.
        models={"large": "gpt-6-astra", "medium": "gpt-6.1-sol", "small": "gpt-6-luna", "tiny": "gpt-6-luna"},
    ),
}
"""Every sign-in that setpoint can work with, in the order in which one is chosen where nobody chose."""


def lends(sign_in: SignInName | None, agent: str) -> bool:
    """Whether `agent` may ask a provider that has this sign-in, or none."""
    return sign_in is None or agent in SIGN_INS[sign_in].agents


def sign_in_of(agent: str) -> SignInName | None:
    """The sign-in that `agent` works with; None for one that setpoint cannot work with so."""
    return next((name for name, kind in SIGN_INS.items() if agent in kind.agents), None)


class SignedIn(Record):
    """A sign-in as it was read just now. Its token goes into the relay and nowhere else."""

    agent: SignInName
    by: Line
    """Where it was read: a variable's name or a file."""
    token: str = Field(repr=False)
    account: str = Field(default="", repr=False)
    """The account a request must name; empty: none."""
    who: str = ""
    """Whose it is, as far as it says: address or plan."""
    billing: Billing = "subscription"
    """What it is billed to: `metered` is an API key."""
    until: datetime | None = None
    """When it runs out; None: it does not say."""

    @property
    def told(self) -> str:
        """One line for people, without a secret."""
        kind = SIGN_INS[self.agent]
        whose = f", {self.who}" if self.who else ""
        until = f", until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        billed = "covered by its subscription" if self.billing == "subscription" else "billed by the token (an API key)"
        return f"your sign-in of {kind.called} ({self.by}{whose}{until}), {billed}"


def is_loopback(url: str) -> bool:
    """Whether requests to `url` stay on this machine."""
    try:
        return _LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None
    except ValueError:
        return False
