"""The sandbox levels of a machine: which it has, what each protects from and what it does not, and what is missing."""

from collections.abc import Mapping, Sequence

from ..errors import SetpointError
from ..model.command import Layer
from ..model.numbers import counted
from ..model.record import Line, Record
from ..model.sandbox_settings import STRENGTH, Level
from .doctor import Check

Found = Mapping[Level, "Sequence[Layer] | SetpointError"]
"""Each level's layers on this machine, or why it cannot be had."""
_LIMITS = ("memory", "process count")


class Worth(Record):
    """What a level is good for, in words."""

    stops: Line
    leaves: Line
    """What it does not stop."""


WORTH: Mapping[Level, Worth] = {
    "none": Worth(
        stops="nothing but a flood: limits on time, output and disk",
        leaves="all else: commands run on this host with your rights; never with autonomy full",
    ),
    "seatbelt": Worth(
        stops="reading and writing outside of the workspace, the network; macOS only, never tried on one",
        leaves="holes of the kernel, other processes in sight, memory",
    ),
    "bubblewrap": Worth(
        stops="reading and writing outside of the workspace, other processes, the network, rights, floods",
        leaves="holes of the kernel, which it shares with this host",
    ),
    "container": Worth(
        stops="what bubblewrap stops, with the engine's own limits, or in an image of yours",
        leaves="holes of the kernel, which it shares with this host, and of the engine",
    ),
    "microvm": Worth(
        stops="what bubblewrap stops, twice, and holes of the kernel that commands see: it is another one",
        leaves="holes of QEMU and KVM; commands reach no host at all, not even named ones",
    ),
}


class LevelView(Record):
    """One level on this machine."""

    level: Level
    here: bool
    why: str = ""
    """Why it is not here."""
    fix: str = ""
    worth: Worth
    layers: tuple[Layer, ...] = ()


def levels(found: Found) -> tuple[LevelView, ...]:
    """The levels, the weakest first."""
    return tuple(_view(level, found[level]) for level in STRENGTH if level in found)


def _view(level: Level, told: Sequence[Layer] | SetpointError) -> LevelView:
    worth = WORTH[level]
    if isinstance(told, SetpointError):
        why = told.what + (f": {told.why}" if told.why else "")
        return LevelView(level=level, here=False, why=why, fix=told.fix, worth=worth)
    return LevelView(level=level, here=True, worth=worth, layers=tuple(told))


def missing(layers: Sequence[Layer]) -> Sequence[str]:
    """The layers that are not in force."""
    return [layer.name for layer in layers if not layer.in_force]


def checks(configured: Level, found: Found) -> list[Check]:
    """The doctor's lines: the configured level with each layer it lacks, then what else there is."""
    views = levels(found)
    lines = [line for view in views if view.level == configured for line in _configured(view)]
    return [*lines, *(_other(view) for view in views if view.level != configured)]


def _configured(view: LevelView) -> list[Check]:
    if not view.here:
        return [Check(name="sandbox", state="bad", found=_line(f"level {view.level}: {view.why}"), fix=view.fix)]
    if view.level == "none":
        told = "level none: a worktree only, commands run on the host"
        return [Check(name="sandbox", state="warn", found=told, fix='level = "bubblewrap"')]
    in_force = counted(sum(layer.in_force for layer in view.layers), "layers")
    limits = {layer.note for layer in view.layers if layer.name in _LIMITS and layer.in_force}
    told = f"level {view.level}, {in_force} in force" + (f"; limits by {'; '.join(sorted(limits))}" if limits else "")
    told += f"; stops {view.worth.stops}; leaves {view.worth.leaves}"
    lacking = (layer for layer in view.layers if not layer.in_force)
    return [
        Check(name="sandbox", state="ok", found=_line(told)),
        *(Check(name=layer.name[:40], state="warn", found="not in force", fix=layer.note) for layer in lacking),
    ]


def _other(view: LevelView) -> Check:
    name = f"level {view.level}"
    if not view.here:
        return Check(name=name, state="ok", found=_line(f"not on this machine: {view.why}"), fix=view.fix)
    without = ", ".join(missing(view.layers)) if view.level != "none" else ""
    told = f"here{f', without {without}' if without else ''}; stops {view.worth.stops}; leaves {view.worth.leaves}"
    return Check(name=name, state="ok", found=_line(told))


def _line(text: str) -> str:
    return " ".join(text.split())[:480]
