"""Everything configured, as records: read once by `config.py`, pinned to a run, handed on as plain values."""

from typing import Any, Literal

from pydantic import Field, model_validator

from .agent_settings import AgentProgram
from .agent_settings import Api as Api
from .approval import ApprovalSettings
from .boundary import Boundaries
from .feedback import Feedback, Profile
from .gate import Gate
from .people_settings import PapersSettings, VoiceSettings
from .phases import PHASES as PHASES
from .record import Line, Record
from .release import Environment
from .sandbox_settings import SandboxSettings
from .sign_in import SIGN_INS, SignInName, is_loopback
from .stack import StackSettings
from .tool_servers import ToolSettings

SHARED = (
    *(".gitignore", "policy.toml", "waivers.toml", "quarantine.toml", "SYSTEM.md"),
    *(f"{folder}/{inside}" for folder in ("rules", "context", "prompts") for inside in ("", "**")),
)
"""What of setpoint's folder a repository may hold: what people decided."""
IGNORED = "\n".join(
    ("# Everything below .setpoint but what people decided is local.", "*", *(f"!{name}" for name in SHARED), "")
)
"""`.setpoint/.gitignore`."""
IGNORED_UNASKED = IGNORED.replace("!.gitignore\n", "")
"""The same where nobody asked for the folder: git is not even to see this file."""

Size = Literal["large", "medium", "small", "tiny"]


class Project(Record):
    """The repository."""

    base: str = ""
    """Branch that changes land on; empty: the branch checked out when the run starts."""
    owner: str = ""
    """Who answers for changes; empty: git's user.name."""


class Price(Record):
    """What a model costs, in dollars a million tokens."""

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cached: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Input that the provider had in its cache; empty: as any input."""


class Provider(Record):
    """A model provider, by its wire format."""

    api: Api
    base_url: str = ""
    """Empty: the provider's own, or the usual environment variable."""
    key_env: str = ""
    """Name of the environment variable that holds the key; never the key."""
    sign_in: SignInName | None = None
    """Asked with the sign-in of this agent, and by it alone, in place of a key (docs/agents.md)."""
    in_house: bool = False
    """Whether it runs within the organisation: sensitive tickets go to such providers alone."""
    headers: dict[str, str] = {}
    """Sent with each request. For what is no secret; a run keeps their names only."""
    header_env: dict[str, str] = {}
    """Headers whose value is in an environment variable: header to variable."""
    billing: Literal["metered", "subscription"] = "metered"
    """`subscription`: requests cost nothing more; what they would at list prices is counted apart, under no cap."""
    prices: dict[str, Price] = {}
    """Prices of models that no list knows, by model name, or other than listed."""

    @model_validator(mode="after")
    def _the_house_has_an_address(self) -> "Provider":
        if self.in_house and not self.base_url:
            raise ValueError("in_house needs a base_url: without one, requests go to the provider's own address")
        return self

    @model_validator(mode="after")
    def _a_sign_in_goes_to_its_maker_alone(self) -> "Provider":
        if self.sign_in is None:
            return self
        if self.api != SIGN_INS[self.sign_in].api:
            raise ValueError(f'the sign-in of {self.sign_in} is asked in api = "{SIGN_INS[self.sign_in].api}"')
        if self.key_env or self.headers or self.header_env:
            raise ValueError("a provider with a sign_in has no key_env, headers or header_env: they would go with it")
        if self.base_url and not is_loopback(self.base_url):
            raise ValueError("a sign_in goes to its maker, or to a loopback address: leave base_url out")
        return self


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
    usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Most dollars of the phase in one run, its judges included; empty: only the ticket's budget holds."""
    agent: str = ""
    """Who works in it; empty: as `[agent]` says."""
    prompt: str | tuple[Line, ...] = ""
    """Files with rules for this phase alone, one or a list, relative to the repository."""

    @property
    def own_rules(self) -> tuple[str, ...]:
        """The files with rules for this phase alone."""
        return ((self.prompt,) if self.prompt else ()) if isinstance(self.prompt, str) else self.prompt


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


CAPS = ("ticket_usd", "day_usd", "repository_usd")
"""Dollar caps of a budget."""


class Budget(Record):
    """Money and time; reaching it parks. Dollars are checked before each model request, over all sessions."""

    ticket_usd: float | None = Field(default=10.0, gt=0, allow_inf_nan=False)
    """Most dollars of one run."""
    day_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Most dollars of all runs of the repository in one day (UTC)."""
    repository_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Most dollars of all runs of the repository together."""
    unpriced: bool = True
    """Whether models without a known price may work under the caps. Unless said, they may not once a cap is written
    here: they could not be held to it."""
    session_idle_seconds: float = 60.0

    @model_validator(mode="before")
    @classmethod
    def _caps_that_are_written_are_hard(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "unpriced" in given:
            return given
        return {**given, "unpriced": all(given.get(cap) is None for cap in CAPS)}


class Breaker(Record):
    """When a provider that does not answer is left alone; the law is in docs/money.md."""

    failures: int = Field(default=5, ge=1, le=1000)
    """Outages in a row before nobody asks it for a while."""
    rest_seconds: float = Field(default=30.0, gt=0, le=86_400)
    """The first rest; each further one is twice as long."""
    longest_rest_seconds: float = Field(default=900.0, gt=0, le=86_400)
    probe_seconds: float = Field(default=90.0, gt=0, le=86_400)
    """How long one session alone tries it after a rest."""


class Prompting(Record):
    """When a ticket was prompted too often to come out well."""

    curve: tuple[float, ...] = Field(default=(95, 80, 60, 40, 25, 15, 10, 7, 5, 5), min_length=1)
    """Percent of tickets that come out well after 1, 2, … prompts, the ticket itself the first."""
    warn_below: float = Field(default=70.0, ge=0, le=100)
    """Percent from which on down a person is warned; 0 never warns."""
    own_tickets: int = Field(default=10, ge=1)
    """Finished tickets with one number of prompts from which on their own share takes the curve's place."""


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


class Sensitive(Record):
    """Which tickets may go to providers in the house alone."""

    labels: tuple[Line, ...] = ("sensitive", "confidential")
    """A ticket with one of these labels."""
    paths: tuple[Line, ...] = ()
    """Globs: a ticket that names such a file, or whose plan or diagnosis touches one."""
    because: str = ""
    """Not empty: every ticket, for this reason."""


class ContextSettings(Record):
    """What of the repository a session is given, all of it as it is in the commit a run starts from."""

    rules_tokens: int = Field(default=6_000, ge=0, le=100_000)
    """Most tokens of rules in one session; what is cut is named."""
    map_tokens: int = Field(default=1_500, ge=0, le=50_000)
    """Most tokens of the map of the repository."""
    rules: tuple[Line, ...] = ("rules", ".claude/rules", ".setpoint/rules")
    """Folders of rules to keep; those of other tools (cursor, copilot, kiro) are read where they are."""
    context: tuple[Line, ...] = ("context", ".claude/context", ".setpoint/context")
    """Folders of background to know: given after the rules, as far as it fits."""
    prompts: Line = ".setpoint/prompts"
    """Folder of the team's own instructions: `review.md` there stands in for the reviewer's."""


class AgentSettings(Record):
    """Who does the work."""

    kind: Line = "native"
    """`native`, `replay`, or an agent of other makers by its name (docs/agents.md). Left out, one that is signed in
    works where no key is set."""
    recording: str = ""
    """Recording to replay, relative to the repository or absolute."""

    @property
    def named(self) -> str:
        """The agent that somebody wrote down; empty: nobody did, and one that is signed in may stand in."""
        return self.kind if "kind" in self.model_fields_set else ""


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
    second_suite: bool = True
    """Whether a tester writes a second suite where the approved tests run too little of a change that is right
    otherwise; without it that goes back to the builder."""
    own_run: bool = True
    """Whether a session that writes code is sent back once where it ran no tests of its own since its last edit."""
    surroundings: bool = True
    """Whether the tests of a change are run in another time zone and locale, without a home and on a read-only tree."""
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
    unaudited: str = Field(default="", max_length=300, pattern=r"^(\S[^\n]*)?$")
    """Why no gate looks packages up among known vulnerabilities, where one could; it stands in a run's evidence."""


class IntakeSettings(Record):
    """What a ticket must say before anything starts, beyond what can be measured."""

    requires: tuple[Literal["users", "can_break", "must_stay"], ...] = ()
    """A ticket that leaves one of these out is refused. Without this its author is asked on a terminal, discovery finds
    out what was not answered, and the person who approves the plan sees what was found."""


class TaskSize(Record):
    """How large a plan's task may be: one session carries it and is judged on it."""

    files: int = Field(default=8, ge=1)
    """Files that a task may name."""
    criteria: int = Field(default=8, ge=1)
    """Criteria that a task may serve."""
    lines: int = Field(default=400, ge=1)
    """Changed lines expected of a task, on average over the plan."""


class ReviewSettings(Record):
    """What is demanded of the reviewer, and what its proof may cost."""

    minimum_recall: float = Field(default=0.0, ge=0, le=1)
    """Share of planted defects that the reviewer must have found in `setpoint review prove` before a run starts; 0
    demands no proof."""
    prove_usd: float = Field(default=15.0, gt=0)
    """Most money that one `setpoint review prove` may spend."""


class Notify(Record):
    """How a person is told that something waits for them."""

    command: tuple[str, ...] = ()
    """Argument list, run on the host with the message as JSON on standard input; empty: a bell and a line on this
    terminal."""
    seconds: float = Field(default=10.0, gt=0, le=300)
    """How long it may take."""


class Config(Record):
    """Everything configured, with defaults; frozen once read."""

    project: Project = Project()
    intake: IntakeSettings = IntakeSettings()
    gates: dict[str, Gate] = {}
    checks: Checks = Checks()
    feedback: tuple[Feedback, ...] = ()
    """What is looked at beside the gates."""
    profile: dict[str, Profile] = {}
    """Loops of roles, by name."""
    models: dict[Size, tuple[str, ...]] = {}
    """Model and fallbacks (`provider/model`) of each size class."""
    providers: dict[str, Provider] = {}
    phase: dict[str, PhaseSettings] = {}
    tasks: TaskSize = TaskSize()
    loop: Loop = Loop()
    review: ReviewSettings = ReviewSettings()
    budget: Budget = Budget()
    notify: Notify = Notify()
    papers: PapersSettings = PapersSettings()
    voice: VoiceSettings = VoiceSettings()
    prompting: Prompting = Prompting()
    breaker: Breaker = Breaker()
    sandbox: SandboxSettings = SandboxSettings()
    worktree: Worktree = Worktree()
    stack: StackSettings = StackSettings()
    boundaries: Boundaries = Boundaries()
    forge: ForgeSettings = ForgeSettings()
    agent: AgentSettings = AgentSettings()
    agents: dict[Line, AgentProgram] = {}
    """Agents of other makers, by name."""
    environment: tuple[Environment, ...] = ()
    """In the order they are deployed to."""
    context: ContextSettings = ContextSettings()
    mcp: ToolSettings = ToolSettings()
    sensitive: Sensitive = Sensitive()
    autonomy: Literal["each-task", "plan+merge", "full"] = "plan+merge"
    """`plan+merge`: a person approves plan and change; `each-task`: also each task of the plan before the next begins;
    `full`: nobody is asked (said in every record)."""
    approvers: tuple[Line, ...] = ()
    """Who may approve, by name; empty: the owner of the machine account."""
    approvals: ApprovalSettings = ApprovalSettings()
    database_url: str = ""
    """PostgreSQL URL of a team; empty: `.setpoint/setpoint.db`."""
    concurrency: int = Field(default=3, ge=1, le=256)
    """Runs at once in one worker."""
    commit_trailer: Literal["assisted-by", "co-authored-by", "generated-by", "none"] = "assisted-by"

    def settings(self, phase: str) -> PhaseSettings:
        """The phase's own settings, or the defaults."""
        return self.phase.get(phase, PhaseSettings())
