"""How people hand things in: papers, and words that are spoken."""

from typing import Literal

from pydantic import Field

from .record import Line, Record


class PapersSettings(Record):
    """How `setpoint papers` writes spec, design and plan."""

    layout: Literal["setpoint", "spec-kit", "kiro"] = "setpoint"
    """`spec-kit`: `specs/NNN-name/`; `kiro`: `.kiro/specs/name/`; `setpoint`: below `.setpoint/runs/`. All three are
    read wherever they lie."""


class VoiceSettings(Record):
    """How `setpoint new --voice` hears."""

    command: tuple[Line, ...] = ()
    """Any speech-to-text command that writes words to standard output; run on the host, without keys of models."""
    seconds: float = Field(default=300.0, gt=0, le=3600)
    """How long it may listen."""
