"""The error tree, sorted by what the engine does next.

Every error says what happened, why, and what to do now. `exit_code` is the process's exit code (design §9) when the
error reaches the command line.
"""


class SetpointError(Exception):
    """Something setpoint must tell a person."""

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        """What happened, one sentence."""
        self.why = why
        """Why it happened, where it is known."""
        self.fix = fix
        """What to do next, a command where there is one."""

    def __str__(self) -> str:
        return "\n".join(
            part for part in (self.what, self.why and f"why: {self.why}", self.fix and f"next: {self.fix}") if part
        )


# -- try again: the same job may succeed later, and no attempt is charged --------------------------------------------


class TransientError(SetpointError):
    """The other side was out of reach or gave half an answer; the same call may succeed later."""

    exit_code = 3

    def __init__(self, what: str, *, why: str = "", fix: str = "", retry_after: float | None = None) -> None:
        super().__init__(what, why=why, fix=fix)
        self.retry_after = retry_after
        """Seconds the other side asked us to wait, if it said so."""


# -- park: resumable by a person or by time --------------------------------------------------------------------------


class ParkedError(SetpointError):
    """A limit, a quota or an outage: the run keeps all it has and waits for `setpoint resume`."""

    exit_code = 3


class CapError(ParkedError):
    """A cap on money was reached before the next model request, or could not be held."""

    def __init__(self, what: str, *, why: str = "", fix: str = "", cap: str, usd: float) -> None:
        super().__init__(what, why=why, fix=fix)
        self.cap = cap
        """Which one."""
        self.usd = usd
        """Its dollars."""


class UnpricedError(ParkedError):
    """A model without a known price may not work under a hard cap."""


class DiskFullError(ParkedError):
    """No room left on the device; nothing is lost, the run parks."""


# -- ask a person ----------------------------------------------------------------------------------------------------


class NeedsPersonError(SetpointError):
    """Only a named person can go on from here."""

    exit_code = 4


class DeniedError(SetpointError):
    """A boundary forbids the action."""

    exit_code = 30


# -- refuse to start -------------------------------------------------------------------------------------------------


class UsageError(SetpointError):
    """The command, its arguments or its input cannot be used as given."""

    exit_code = 2


class ConfigError(UsageError):
    """`setpoint.toml`, the policy or the environment cannot be used as written."""


class KeyFileError(ConfigError):
    """The key that approvals are signed with cannot be trusted as it lies there."""


class TicketError(UsageError):
    """The ticket is malformed or too vague to be measured."""


class RepositoryError(UsageError):
    """The repository is not in a state a run can start from."""


class BusyError(UsageError):
    """Somebody else already works on this: a second run of one ticket, or a taken lock."""


class NotSignedInError(SetpointError):
    """No model, or no credential for it."""

    exit_code = 5


class BaselineRedError(SetpointError):
    """The untouched base already fails its own gates."""

    exit_code = 14


class RefusedError(SetpointError):
    """A judgement could not be made: nothing examined, tool crashed, result unreadable."""

    exit_code = 11


class MissingToolError(RefusedError):
    """A measurement needs a tool that is not installed where commands run."""


class StaleError(SetpointError):
    """Evidence or an approval belongs to another tree."""

    exit_code = 20


class SandboxError(SetpointError):
    """The sandbox cannot be built as asked; nothing was run."""


class StackError(SandboxError):
    """The services beside a room cannot be had as asked."""


# -- report a bug ----------------------------------------------------------------------------------------------------


class RecordingError(SetpointError):
    """A recording does not fit the code it is replayed on."""


class LostLeaseError(SetpointError):
    """Another worker adopted this worker's jobs; this one must write nothing more."""


class BugError(SetpointError):
    """An invariant of setpoint itself does not hold."""


class PoisonedError(BugError):
    """A job whose worker died again and again; it is not run any more."""
