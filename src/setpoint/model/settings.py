"""Everything configured, as records: read once by `config.py`, pinned to a run, handed on as plain values."""

from typing import Literal

from pydantic import Field

from .boundary import Boundaries
from .command import CommandLimits
from .gate import Gate
from .record import Line, Record
from .release import Environment

_SHARED = (".gitignore", "policy.toml", "waivers.toml", "quarantine.toml")
IGNORED = "\n".join(
    ("# Everything below .setpoint but what people decided is local.", "*", *(f"!{name}" for name in _SHARED), "")
)
"""`.setpoint/.gitignore`."""
IGNORED_UNASKED = IGNORED.replace("!.gitignore\n", "")
"""The same where nobody asked for the folder: git is not even to see this file."""

Size = Literal["large", "medium", "small", "tiny"]
Api = Literal["anthropic", "openai-chat", "openai-responses"]


class Project(Record):
    """The repository."""

    base: str = ""
    """Branch that changes land on; empty: the branch checked out when the run starts."""
    owner: str = ""
    """Who answers for changes; empty: git's user.name."""


class Provider(Record):
    """A model provider, by its wire format."""

    api: Api
    base_url: str = ""
    """Empty: the provider's own, or the usual environment variable."""
    key_env: str = ""
    """Name of the environment variable that holds the key; never the key."""
    headers: dict[str, str] = {}
    """Sent with each request. For what is no secret; a run keeps their names only."""
    header_env: dict[str, str] = {}
    """Headers whose value is in an environment variable: header to variable."""


class PhaseSettings(Record):
    """How one phase works."""

    model: str = ""
    """Size class (`large`) or `provider/model`; empty: the phase's default."""
    validator: str = ""
    """Size class or model of its validator."""
    attempts: int = 4
    """Verdicts before it is handed over."""
    requests: int = 120
    """Most model requests of one session."""
    minutes: float = 60.0
    agent: str = ""
    prompt: str = ""
    """File with rules added to the phase's instructions, relative to the repository."""


class Loop(Record):
    """Limits of the controller; the law they belong to is docs/control-law.md."""

    plateau: int = Field(default=3, ge=1)
    """Rounds without a better error before the loop counts as stuck."""
    stronger: int = Field(default=2, ge=1)
    """Rounds a stronger model gets to beat the best error so far."""
    reopened: int = Field(default=2, ge=1)
    """Times one objection may come back, or two may change places, before it counts as oscillation."""
    same_failure: int = Field(default=3, ge=2)
    """Rounds in a row one command may fail with the same output."""
    opinions: int = Field(default=2, ge=1)
    """Answers a reviewer's opinion gets before a person decides between the two."""
    growth: float = Field(default=4.0, gt=1)
    """Most growth of the diff over the first round's."""
    narrow_from: int = Field(default=5, ge=2)
    """Open objections above Low from which a loop that spreads is narrowed."""
    narrow_to: int = Field(default=3, ge=1)
    """How many of the worst the next attempt is given then."""
    reopen_cycles: int = 2
    """Times a ticket may be reopened after a failed smoke."""
    ci_fixes: int = 3
    base_moves: int = 5
    """Times in a row the base may be merged in without a person's word between, before one is called."""


class Budget(Record):
    """Money and time; reaching it parks."""

    ticket_usd: float | None = 10.0
    session_idle_seconds: float = 60.0


class SandboxSettings(Record):
    """How commands are contained."""

    level: Literal["bubblewrap", "container", "microvm", "none"] = "bubblewrap"
    limits: CommandLimits = CommandLimits()
    readonly: tuple[str, ...] = ()
    """More host folders shown read-only (toolchains, caches)."""
    env: dict[str, str] = {}


class Worktree(Record):
    """What a fresh worktree needs before work starts."""

    setup: tuple[tuple[str, ...], ...] = ()
    """Commands run once in the sandbox after the worktree is made."""
    share: tuple[str, ...] = (".venv", "venv", "node_modules")
    """Git-ignored folders of the repository shown read-only inside (environments)."""


class ForgeSettings(Record):
    """Where changes are offered."""

    kind: Literal["local"] = "local"
    path: str = ""
    """The bare repository; empty: `.setpoint/forge.git`."""


class AgentSettings(Record):
    """Who does the work."""

    kind: Literal["native", "replay"] = "native"
    recording: str = ""
    """Recording to replay, relative to the repository or absolute."""


class Interfaces(Record):
    """Commands that tell an interface, by a name for each."""

    schemas: dict[str, tuple[str, ...]] = {}
    """They print an OpenAPI description."""
    helps: dict[str, tuple[str, ...]] = {}
    """They print the help of a command."""


class Checks(Record):
    """Thresholds of the judgement."""

    coverage: float = Field(default=90.0, ge=0, le=100)
    """Percent of the changed lines that tests must run; 0 asks for none."""
    coverage_floor: float | None = Field(default=None, ge=0, le=100)
    """Percent of all lines, where the repository demands nothing higher of itself."""
    mutants: int = Field(default=30, ge=0, le=500)
    """Most faults put into the changed lines to see whether a test minds; 0 tries none."""
    mutant_seconds: float = Field(default=60.0, gt=0, le=3600)
    slower_percent: float = Field(default=10.0, ge=0)
    """How much slower a benchmark may become; 0 measures none."""
    bundle_kb: float = Field(default=10.0, ge=0)
    """How much built files may grow, compressed; 0 builds none."""
    page: tuple[str, ...] = ()
    """A command whose last number is a page's time in milliseconds; empty: none is measured."""
    page_ms: float = Field(default=100.0, ge=0)
    """How much later the page may come."""
    images: int = Field(default=3, ge=0, le=20)
    """Most container images that are built for one change, where an engine works; 0 builds none."""
    interfaces: Interfaces = Interfaces()


class IntakeSettings(Record):
    """What a ticket must say before anything starts, beyond what can be measured."""

    requires: tuple[Literal["users", "can_break", "must_stay"], ...] = ()
    """A ticket that leaves one of these out is refused. Without this its author is asked on a terminal, discovery finds
    out what was not answered, and the person who approves the plan sees what was found."""


class Config(Record):
    """Everything configured, with defaults; frozen once read."""

    project: Project = Project()
    intake: IntakeSettings = IntakeSettings()
    gates: dict[str, Gate] = {}
    checks: Checks = Checks()
    models: dict[Size, tuple[str, ...]] = {}
    """Model and fallbacks (`provider/model`) of each size class."""
    providers: dict[str, Provider] = {}
    phase: dict[str, PhaseSettings] = {}
    loop: Loop = Loop()
    budget: Budget = Budget()
    sandbox: SandboxSettings = SandboxSettings()
    worktree: Worktree = Worktree()
    boundaries: Boundaries = Boundaries()
    forge: ForgeSettings = ForgeSettings()
    agent: AgentSettings = AgentSettings()
    environment: tuple[Environment, ...] = ()
    """In the order they are deployed to."""
    autonomy: Literal["each-task", "plan+merge", "full"] = "plan+merge"
    """`plan+merge`: a person approves plan and change; `each-task`: also each task of the plan before the next begins;
    `full`: nobody is asked (said in every record)."""
    approvers: tuple[Line, ...] = ()
    """Who may approve; empty: the owner of the machine account."""
    database_url: str = ""
    """PostgreSQL URL of a team; empty: `.setpoint/setpoint.db`."""
    concurrency: int = Field(default=3, ge=1, le=256)
    """Runs at once in one worker."""
    commit_trailer: Literal["assisted-by", "co-authored-by", "generated-by", "none"] = "assisted-by"

    def settings(self, phase: str) -> PhaseSettings:
        """The phase's own settings, or the defaults."""
        return self.phase.get(phase, PhaseSettings())
