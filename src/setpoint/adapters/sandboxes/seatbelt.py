"""Level `seatbelt`: macOS's own sandbox, by a profile built up from "deny default". Never tried on a real macOS.

There are no namespaces there: a command sees the host's paths and the host's process list, and a mask is a place that
may be neither read nor written.
"""

import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...errors import SandboxError
from ...model.command import Command, Completed, Layer, Mount
from ...model.sandbox_settings import SandboxSettings
from .bare import Bare

PROGRAM = Path("/usr/bin/sandbox-exec")
_READ = (
    *("/usr/lib", "/usr/bin", "/usr/share", "/usr/libexec", "/usr/local", "/bin", "/sbin", "/usr/sbin"),
    *("/System/Library", "/System/Cryptexes", "/Library/Frameworks", "/Library/Developer", "/Library/Apple"),
    *("/opt/homebrew", "/private/etc/ssl", "/private/var/db/timezone", "/Applications/Xcode.app"),
)
_FILES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/private/etc/localtime", "/private/etc/protocols")
_HEAD = """\
(version 1)
(deny default)
(allow process-fork)
(allow process-exec)
(allow signal (target same-sandbox))
(allow process-info* (target same-sandbox))
(allow sysctl-read)
(allow ipc-posix-sem)
(allow file-read-metadata)
(allow file-read* (literal "/"))
(allow file-write-data (literal "/dev/null"))"""


def profile(mounts: Sequence[Mount], home: str) -> str:
    """What a command with these mounts may do, in seatbelt's words; `home` is its private folder. The last rule that
    fits wins: what is hidden inside a folder comes after the folder."""
    lines = [_HEAD, *(f"(allow file-read* (literal {_quoted(name)}))" for name in _FILES)]
    lines += [f"(allow file-read* (subpath {_quoted(name)}))" for name in _READ]
    lines += [f"(allow file-read* file-write* (subpath {_quoted(os.path.realpath(home))}))"]
    for mount in sorted(mounts, key=lambda mount: mount.inside.count("/")):
        place = _on_host(mount, mounts)
        if place != mount.host:
            # Something else of the host is shown there: what lies there itself is out of reach.
            lines.append(f"(deny file-read* file-write* (subpath {_quoted(place)}))")
        if mount.writable:
            lines.append(f"(allow file-read* file-write* (subpath {_quoted(mount.host)}))")
        else:
            lines += [f"(allow file-read* (subpath {_quoted(mount.host)}))"]
            lines += [f"(deny file-write* (subpath {_quoted(mount.host)}))"]
    return "\n".join((*lines, "(deny network*)", ""))


def _on_host(mount: Mount, mounts: Sequence[Mount]) -> str:
    """Where the host itself has what a mount lies over: below the folder that holds it inside."""
    above = [one for one in mounts if mount.inside.startswith(f"{one.inside.rstrip('/')}/")]
    if not above:
        return mount.host
    nearest = max(above, key=lambda one: len(one.inside))
    return nearest.host.rstrip("/") + mount.inside[len(nearest.inside.rstrip("/")) :]


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Seatbelt:
    """Runs commands at the host's paths, held by `sandbox-exec`."""

    level = "seatbelt"

    @classmethod
    def of(cls, settings: SandboxSettings) -> "Seatbelt":
        """As configured."""
        return cls()

    def layers(self) -> Sequence[Layer]:
        """What is meant to protect. Raises SandboxError anywhere but on macOS."""
        if platform.system() != "Darwin" or not PROGRAM.exists():
            raise SandboxError(
                "seatbelt is macOS's own sandbox, and this is not macOS",
                why=f"there is no {PROGRAM}",
                fix='level = "bubblewrap" in [sandbox]',
            )
        untried = "never tried on a real macOS by those who made it; look before you trust it"
        apart = "macOS has no namespaces: other processes are in sight"
        return (
            Layer(name="tried", in_force=False, note=untried),
            Layer(name="files", in_force=True, note="sandbox-exec, built up from deny default"),
            Layer(name="network", in_force=True, note="denied; hosts cannot be named at this level"),
            Layer(name="processes", in_force=False, note=apart),
            Layer(name="system calls", in_force=False, note="not filtered"),
            Layer(name="memory", in_force=False, note="rlimit per process"),
            Layer(name="process count", in_force=False, note="not counted"),
            Layer(name="disk", in_force=True, note="file size limit, growth watched ten times a second"),
            Layer(name="output and time", in_force=True, note="by the supervising process"),
        )

    async def run(self, command: Command) -> Completed:
        """Run `command` as `ports.Sandbox` promises, but for hosts: SandboxError for a command that names any."""
        layers = self.layers()
        if command.network:
            raise SandboxError(
                "level seatbelt has no way out for hosts; nothing was run",
                why=f"the command names {', '.join(command.network)}",
                fix="no `network` at that gate",
            )
        with tempfile.TemporaryDirectory(prefix="setpoint-home-") as home:
            front = (str(PROGRAM), "-p", profile(command.mounts, home))
            done = await Bare(front, Path(home)).run(command)
        lacking = tuple(layer.name for layer in layers if not layer.in_force)
        return done.model_copy(update={"level": self.level, "missing": lacking})
