"""A command for the sandbox, and what came of it."""

from .network import Connection
from .record import Line, Record


class Mount(Record):
    """A host path shown inside the sandbox."""

    host: Line
    inside: Line
    writable: bool = False


class CommandLimits(Record):
    """Bounds of one command; each has a test at the number and one above."""

    seconds: float = 600.0
    memory_mib: int = 2048
    processes: int = 256
    output_bytes: int = 1_048_576
    """Kept output per stream: the first and the last half; the rest is dropped and said so."""
    disk_mib: int = 512
    """Growth of all writable mounts together."""
    files: int = 20_000
    """Growth in number of files of all writable mounts together."""


class Command(Record):
    """One command, as the sandbox is to run it."""

    argv: tuple[str, ...]
    mounts: tuple[Mount, ...]
    """What is visible besides the system's toolchain; nothing else of the host is."""
    cwd: Line
    """Working folder, inside."""
    env: dict[str, str] = {}
    """Added to the sandbox's own minimal environment."""
    stdin: str = ""
    network: tuple[Line, ...] = ()
    """Hosts (`name:port`) it may reach, as `model.network` writes them; empty: no network at all."""
    limits: CommandLimits = CommandLimits()


class Completed(Record):
    """What came of a command."""

    exit_code: int
    """The command's own code; 124 when its time ran out, 137 when it was killed for memory, disk or processes."""
    stdout: str
    stderr: str
    seconds: float
    truncated: bool = False
    timed_out: bool = False
    killed: str = ""
    """Which limit killed it: `memory`, `disk`, `files`, `time`; empty when none did."""
    level: str = ""
    """Sandbox level it ran in."""
    missing: tuple[Line, ...] = ()
    """Layers of that level that were not in force."""
    connections: tuple[Connection, ...] = ()
    """Hosts it reached or tried to, where it was given any."""
    services: str = ""
    """What was wrong with the services beside it, where it asked for them; empty: nothing."""

    @property
    def contained(self) -> str:
        """Level and missing layers in words, as evidence names them."""
        return f"{self.level} without {', '.join(self.missing)}" if self.missing else self.level


class Layer(Record):
    """One layer of a sandbox on this machine."""

    name: Line
    in_force: bool
    note: str = ""
    """How it is enforced, or why it is missing and how to get it."""
