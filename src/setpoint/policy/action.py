"""What somebody wants to do, and how much it takes to be allowed."""

from enum import StrEnum

from ..model.record import Record


class ActionKind(StrEnum):
    """What is done, by what it can break."""

    READ = "read"
    EDIT = "edit"
    TEST = "test"
    SHELL = "shell"
    TOOL = "tool"
    PUSH = "push"
    DEPENDENCY = "dependency"
    MIGRATION = "migration"
    NETWORK = "network"
    API = "api"
    INFRASTRUCTURE = "infrastructure"
    SECRET = "secret"  # noqa: S105  # the name of a class of actions
    CI = "ci"
    AGENT_FILES = "agent-files"
    MERGE = "merge"
    DEPLOY = "deploy"
    CONTROL_PLANE = "control-plane"


class Risk(StrEnum):
    """How much an action takes."""

    LOW = "low"
    MEDIUM = "medium"
    ALWAYS_ALLOWED = "always-allowed"
    ASK = "ask"
    """Asked once a phase, in one batch."""
    PERSON = "person"
    """A named person, every time."""
    NEVER = "never"


RISK: dict[ActionKind, Risk] = {
    ActionKind.READ: Risk.LOW,
    ActionKind.EDIT: Risk.MEDIUM,
    ActionKind.TEST: Risk.ALWAYS_ALLOWED,
    ActionKind.SHELL: Risk.MEDIUM,
    ActionKind.TOOL: Risk.MEDIUM,
    ActionKind.PUSH: Risk.MEDIUM,
    ActionKind.DEPENDENCY: Risk.ASK,
    ActionKind.MIGRATION: Risk.ASK,
    ActionKind.NETWORK: Risk.ASK,
    ActionKind.API: Risk.ASK,
    ActionKind.INFRASTRUCTURE: Risk.PERSON,
    ActionKind.SECRET: Risk.PERSON,
    ActionKind.CI: Risk.PERSON,
    ActionKind.AGENT_FILES: Risk.PERSON,
    ActionKind.MERGE: Risk.PERSON,
    ActionKind.DEPLOY: Risk.PERSON,
    ActionKind.CONTROL_PLANE: Risk.NEVER,
}


class Action(Record):
    """One thing somebody wants to do."""

    kind: ActionKind
    subject: str
    """What it is done to: a path, a command name, `host:port`, `SERVER__TOOL`, a branch, an environment."""
    detail: str = ""
    """The particulars a yes is bound to: the commit, the whole command, the package and version."""

    @property
    def risk(self) -> Risk:
        """The action's risk class."""
        return RISK[self.kind]
