"""Where commands run, as configured."""

from typing import Literal, get_args

from .command import CommandLimits
from .record import Record
from .ticket import Kind

Level = Literal["none", "seatbelt", "bubblewrap", "container", "microvm"]
STRENGTH: tuple[Level, ...] = get_args(Level)
"""Sandbox levels, the weakest first. Between bubblewrap and container it is a matter of degree, microvm is another
kernel."""


class ContainerSettings(Record):
    """What level `container` works with."""

    engine: Literal["podman", "docker", ""] = ""
    """Empty: podman where it works, else docker."""
    image: str = ""
    """An image of this machine, never pulled, with `/bin/sh`; empty: the host's own toolchain, read-only."""


class MicrovmSettings(Record):
    """What level `microvm` works with."""

    kernel: str = ""
    """A Linux kernel; empty: the newest in `/boot` whose modules are here."""
    modules: str = ""
    """Its folder of modules; empty: the one below `/lib/modules` that has the kernel's name."""
    emulate: bool = False
    """Without hardware support for virtual machines, let software play the machine: tens of times slower, and no
    boundary that QEMU vouches for. For trying the level out."""


class SandboxSettings(Record):
    """How commands are contained."""

    level: Level = "bubblewrap"
    minimum: Level = "none"
    """The weakest level that commands may run at, whatever else is configured."""
    minimum_for: dict[Kind, Level] = {}
    """The same for runs of one kind of ticket."""
    container: ContainerSettings = ContainerSettings()
    microvm: MicrovmSettings = MicrovmSettings()
    limits: CommandLimits = CommandLimits()
    readonly: tuple[str, ...] = ()
    """More host folders shown read-only (toolchains, caches)."""
    env: dict[str, str] = {}
