"""Agents of other makers, as configured: how each is started, what it speaks, how it hands in."""

import shutil
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, field_validator

from .record import Line, Record

Api = Literal["anthropic", "openai-chat", "openai-responses", "google"]
Way = Literal["acp", "claude-json", "claude-sdk", "codex-json"]


class AgentProgram(Record):
    """One agent that runs as a program of its own."""

    command: tuple[Line, ...] = ()
    """Argument list. The first word is looked up on the worker's PATH; what it lies in is shown read-only inside."""
    talk: Way = "acp"
    """How it is spoken to, on its standard input and output: by ACP (Agent Client Protocol), or in a headless mode of
    its own, `claude -p --output-format stream-json` or `codex exec --json`; `claude-sdk` is the former by the maker's
    SDK (extra `claude-sdk`), which lets the boundaries answer for every call."""
    speaks: tuple[Api, ...] = ("anthropic", "openai-chat", "openai-responses", "google")
    """Wire formats it can ask a model in: its model is the first of the phase's whose provider speaks one of them."""
    env: dict[str, str] = {}
    """Its environment besides the sandbox's. `{here}` is the relay's address, `{model}` the model's name, `{maker}` is
    `anthropic`, `openai` or `google` by its wire format, `{key}` stands for a key, `{home}` is its home folder."""
    files: dict[str, str] = {}
    """Files put into its home before each start, by their path below it; the same words are filled in."""
    asks: bool = False
    """Whether it asks leave for every command before it runs it: where a policy limits commands it is let in then, and
    ended when it runs one unasked."""
    mode: str = ""
    """The ACP session mode it is put into; empty: its own default."""
    folders: tuple[Line, ...] = ()
    """More host folders that it needs, shown read-only."""
    served: tuple[Literal["read", "write"], ...] = ("read", "write")
    """What of its file work it is offered to do through us; the rest it does itself, in its sandbox."""
    hand_in: Literal["mcp", "file"] = "mcp"
    """`file`: for an agent that takes no MCP servers; it writes the deliverable to a file in its home."""
    start_seconds: float = Field(default=60.0, gt=0, le=600)
    """How long it may take until it has a session."""
    silence_seconds: float = Field(default=900.0, gt=0, le=7200)
    """How long it may neither ask a model nor tell of anything while none of its commands runs into a limit."""
    memory_mib: int = Field(default=4096, ge=64)
    processes: int = Field(default=512, ge=8)
    disk_mib: int = Field(default=2048, ge=16)
    """Growth of the workspace and of its home together."""
    can: tuple[Line, ...] = ()
    """What it can do beyond the least that ACP asks, for people: `resume`, `permissions`, `file service`, `usage`,
    `cost`."""

    def found(self, environ: Mapping[str, str]) -> str:
        """Where its program lies; empty when it is not here, or none is named."""
        return (shutil.which(self.command[0], path=environ.get("PATH", "")) or "") if self.command else ""

    @field_validator("files")
    @classmethod
    def _below_its_home(cls, files: dict[str, str]) -> dict[str, str]:
        # They are laid out on the host first, where nothing holds a name that climbs.
        for name in files:
            parts = PurePosixPath(name).parts
            if not parts or name.startswith("/") or ".." in parts or not name.isprintable():
                raise ValueError(f"{name!r} is not a path below the agent's home")
        return files


CLAUDE_CODE = AgentProgram(
    command=("claude-agent-acp",),
    speaks=("anthropic",),
    env={
        "ANTHROPIC_BASE_URL": "{here}",
        "ANTHROPIC_AUTH_TOKEN": "{key}",
        "ANTHROPIC_MODEL": "{model}",
        "ANTHROPIC_SMALL_FAST_MODEL": "{model}",
        "ANTHROPIC_DEFAULT_OPUS_MODEL": "{model}",
        "ANTHROPIC_DEFAULT_SONNET_MODEL": "{model}",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "{model}",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_NON_ESSENTIAL_MODEL_CALLS": "1",
        "ENABLE_TOOL_SEARCH": "false",
        "MCP_CONNECTION_NONBLOCKING": "0",
        "CLAUDE_CONFIG_DIR": "{home}/.claude",
    },
    files={".claude/settings.json": '{"permissions": {"ask": ["Bash"]}}\n'},  # else not for those it deems safe
    asks=True,
    can=("resume", "permissions", "usage", "cost"),
)
CODEX = AgentProgram(
    command=("codex-acp",),
    speaks=("openai-responses",),
    env={"CODEX_HOME": "{home}/.codex", "OPENAI_API_KEY": "{key}", "CODEX_API_KEY": "{key}"},
    files={
        ".codex/config.toml": """model = "{model}"
model_provider = "relay"
approval_policy = "never"
sandbox_mode = "danger-full-access"

[model_providers.relay]
name = "relay"
base_url = "{here}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
"""
    },
    mode="agent-full-access",  # its own sandbox cannot be made inside ours, which is the boundary
    can=("resume", "usage"),
)
OPENCODE = AgentProgram(
    command=("opencode", "acp"),
    speaks=("anthropic", "openai-responses"),
    env={
        "OPENCODE_CONFIG": "{home}/opencode.json",
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    },
    files={
        "opencode.json": """{
  "model": "{maker}/{model}",
  "small_model": "{maker}/{model}",
  "provider": {"{maker}": {"options": {"baseURL": "{here}/v1", "apiKey": "{key}"}, "models": {"{model}": {}}}},
  "permission": {"edit": "ask", "bash": "ask", "webfetch": "deny"},
  "autoupdate": false,
  "share": "disabled"
}
"""
    },
    asks=True,
    can=("resume", "permissions", "writes through us", "usage", "cost"),
)
CLAUDE_CODE_HEADLESS = CLAUDE_CODE.model_copy(update={"command": ("claude",), "talk": "claude-json"})
CODEX_HEADLESS = CODEX.model_copy(
    update={
        "command": ("codex",),
        "talk": "codex-json",
        "mode": "",
        "files": {name: f"{text}\n[analytics]\nenabled = false\n" for name, text in CODEX.files.items()},
    }
)
GEMINI = AgentProgram(
    command=("gemini", "--acp"),
    speaks=("google",),
    env={
        "GOOGLE_GEMINI_BASE_URL": "{here}",
        "GEMINI_API_KEY": "{key}",
        "GEMINI_MODEL": "{model}",
        "GEMINI_CLI_NO_RELAUNCH": "true",  # else it starts itself once more, for more memory than it is given
    },
    files={
        # It would take another model than it is told, ask after updates, and send what it counts.
        ".gemini/settings.json": """{
  "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": false}},
  "experimental": {"dynamicModelConfiguration": true},
  "modelConfigs": {"modelIdResolutions": {"{model}": {"default": "{model}", "contexts": []}}},
  "general": {
    "enableAutoUpdate": false,
    "enableAutoUpdateNotification": false,
    "plan": {"enabled": false},
    "topicUpdateNarration": false
  },
  "privacy": {"usageStatisticsEnabled": false},
  "telemetry": {"enabled": false},
  "tools": {"exclude": ["google_web_search", "web_fetch"], "shell": {"enableInteractiveShell": false}},
  "advanced": {"ignoreLocalEnv": true}
}
"""
    },
    served=("write",),  # told by us that a file is not there, it gives up instead of making it
    can=("permissions", "writes through us"),
)
KNOWN: Mapping[str, AgentProgram] = {
    "claude-code": CLAUDE_CODE,
    "claude-code-headless": CLAUDE_CODE_HEADLESS,
    "codex": CODEX,
    "codex-headless": CODEX_HEADLESS,
    "opencode": OPENCODE,
    "gemini": GEMINI,
}
"""Agents that need no configuration but to be installed."""


def programs(own: Mapping[str, AgentProgram]) -> dict[str, AgentProgram]:
    """All agents by name: what is configured under a known name is laid over what is known of it."""
    found = dict(KNOWN)
    for name, program in own.items():
        before = KNOWN.get(name, AgentProgram())
        told = {key: getattr(program, key) for key in program.model_fields_set}
        for key in ("env", "files"):
            told[key] = {**getattr(before, key), **getattr(program, key)}
        found[name] = before.model_copy(update=told)
    return found
