"""What the doctor says of common blockers: checks that run elsewhere only, permissions that are missing, services that
do not come up, profiles that name what is not there."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import ConfigError
from ..gates.auditors import NOT_AUDITED, require_decided
from ..gates.composed import composed
from ..gates.detect import Survey
from ..model.gate import Gate
from ..model.numbers import counted
from ..model.settings import Config
from .composing import stack_lines
from .doctor import Check
from .feedback import fitting

_FEW = 4


def elsewhere(survey: Survey, gates: Mapping[str, Gate]) -> list[Check]:
    """Checks that the repository speaks of and that no gate here runs: only CI would tell, after minutes or hours."""
    found = []
    runs = any(gate.kind.runs_tests for gate in gates.values())
    tests = [one for one in survey.candidates if one.gate.kind.runs_tests]
    if gates and not runs and tests:
        told = f"tests run only elsewhere: {' '.join(tests[0].gate.run)} ({tests[0].because}) is no gate here"
        fix = "add it to setpoint.toml: `setpoint init --yes` finds and tries it"
        found.append(Check(name="only in CI", state="bad", found=told[:480], fix=fix))
    if gates and survey.aside:
        told = "; ".join(f"{one.command} ({one.place}): {one.why}" for one in survey.aside[:_FEW])
        more = f"; {len(survey.aside) - _FEW} more" if len(survey.aside) > _FEW else ""
        fix = "make it a gate, or say under [[feedback]] who looks at it and what that costs"
        found.append(Check(name="only in CI", state="warn", found=f"{told}{more}"[:480], fix=fix))
    return found


def permissions(
    root: Path, common: Path, gates: Mapping[str, Gate], may: Callable[[Path, int], bool] = os.access
) -> list[Check]:
    """What this account may not do here and a run must. `common`: git's own folder; `may`: whether a place is open to
    this account."""
    places = {"objects": common / "objects", "refs": common / "refs", "state": root / ".setpoint"}
    shut = [str(place) for place in places.values() if place.exists() and not may(place, os.W_OK | os.X_OK)]
    found = []
    if shut:
        fix = f"give this account the right to write there: `sudo chown -R $USER {shut[0]}`"
        found.append(Check(name="permissions", state="bad", found=f"not writable: {', '.join(shut)}"[:480], fix=fix))
    for name, gate in gates.items():
        script = root / gate.where / gate.run[0] if gate.run and "/" in gate.run[0] else None
        # A person who is root could run it all the same, and whoever runs gates in the sandbox is not.
        if script is not None and script.is_file() and not script.stat().st_mode & 0o111:
            told = f"gate {name}: {gate.run[0]} may not be run"
            fix = f"`git update-index --chmod=+x {script.relative_to(root)}` and commit it"
            found.append(Check(name="permissions", state="bad", found=told[:480], fix=fix))
    return found


def audited(config: Config, root: Path) -> list[Check]:
    """Whether packages are looked up among known vulnerabilities, or somebody decided that they are not."""
    try:
        because = require_decided(config.gates.values(), config.checks.unaudited, root)
    except ConfigError as error:
        return [Check(name="audit", state="bad", found=error.what[:480], fix=error.fix)]
    return [Check(name="audit", state="warn", found=f"{NOT_AUDITED}: {because}"[:480])] if because else []


def stack(config: Config, seconds: float, trouble: str) -> list[Check]:
    """Whether the services come up on a clean checkout of the base; `trouble` says why not."""
    if not config.stack.serves:
        return []
    if trouble:
        fix = "mend [stack] in setpoint.toml; `setpoint up` shows more"
        return [Check(name="stack", state="bad", found=trouble[:480], fix=fix)]
    contained = composed(config.stack)
    names = ", ".join([*(service.name for service in config.stack.service), *(one.name for one in contained)])
    told = "; ".join([f"{names} up in {seconds:.1f} s on a clean checkout", *stack_lines(config)])
    return [Check(name="stack", state="ok", found=told[:480])]


def profiles(config: Config) -> list[Check]:
    """Whether every profile names gates and looks that are there."""
    try:
        fitting(config, ())
    except ConfigError as error:
        return [Check(name="profile", state="bad", found=error.what[:480], fix=error.fix)]
    if not config.profile:
        return []
    names = ", ".join(f"{name} ({', '.join(profile.labels)})" for name, profile in config.profile.items())
    words = f"{counted(len(config.profile), 'profiles')}: {names}"
    return [Check(name="profile", state="ok", found=words[:480])]
