"""What a run needs on this machine, each finding with the exact fix. Offline."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from ..errors import SetpointError
from ..gates.baseline import judged_by_new
from ..gates.prove import Proven
from ..gates.steps_inside import BROWSERS
from ..gates.tests_gate import tests_gate
from ..model.evidence import GateResult
from ..model.gate import Gate
from ..model.numbers import counted
from ..model.record import Line, Record
from ..model.session import Role
from ..model.settings import Config
from ..pipeline.circuits import circuits
from ..pipeline.models import choose_models
from ..ports import Store
from .estimate import VALIDATOR_FACTOR, validator_ratio


class Check(Record):
    """One line of the doctor's report."""

    name: Line
    state: Literal["ok", "warn", "bad"]
    found: Line
    fix: str = ""


GIT_FLOOR = (2, 38)
"""`git merge-tree --write-tree` came with 2.38."""
DISK_FLOOR = 2 * 1024**3


def git(version: str) -> Check:
    """`version`: the words of `git --version`; empty when there is no git."""
    numbers = tuple(int(part) for part in version.split()[-1].split(".")[:2] if part.isdigit()) if version else ()
    if not version:
        return Check(name="git", state="bad", found="not on PATH", fix="install git 2.38 or newer")
    if numbers < GIT_FLOOR:
        return Check(name="git", state="bad", found=version, fix="install git 2.38 or newer")
    return Check(name="git", state="ok", found=version)


def disk(folder: Path) -> Check:
    """Room for worktrees."""
    free = shutil.disk_usage(folder).free
    state: Literal["ok", "bad"] = "ok" if free >= DISK_FLOOR else "bad"
    return Check(
        name="disk", state=state, found=f"{free / 1024**3:.1f} GiB free", fix="" if state == "ok" else "free 2 GiB"
    )


def browser(env: Mapping[str, str]) -> Check:
    """Whether checks can open pages. `env`: what commands are told in the sandbox."""
    named = env.get("SETPOINT_BROWSER", "")
    found = next((path for name in ([named] if named else BROWSERS) if (path := shutil.which(name))), "")
    if found:
        return Check(name="browser", state="ok", found=f"{found}: checks can open pages")
    fix = (
        "apt install chromium, or name one in [sandbox.env] SETPOINT_BROWSER and show its folder by [sandbox] readonly"
    )
    told = f"there is no {named}" if named else "none"
    return Check(
        name="browser", state="warn" if named else "ok", found=f"{told}: a `Page` step would be refused", fix=fix
    )


def database(facts: Mapping[str, Any]) -> list[Check]:
    """What the engine says of the state's database."""
    told = ", ".join(f"{key} {facts[key]}" for key in ("kind", "version", "journal") if key in facts)
    problems = [Check(name="database", state="bad", found=what, fix=fix) for what, fix in facts.get("problems", ())]
    return problems or [Check(name="database", state="ok", found=told)]


def trouble(name: str, error: SetpointError) -> Check:
    """A check that could not be made."""
    return Check(name=name, state="bad", found=error.what[:480], fix=error.fix or error.why)


def approvals(base: Config, level: str, own: str) -> Check:
    """Whose yes counts here; `base` is the base branch's configuration, `own` the public half of the key here."""
    named = base.approvals.approvers
    name = next((name for name, key in named.items() if key == own), "")
    if level == "none":
        found = "at sandbox level none an agent's commands run as you, and can read the key you sign answers with"
        return Check(name="approvals", state="warn", found=found, fix='level = "bubblewrap" under [sandbox]')
    if named and not name:
        found = f"yours is not among the keys of those who approve here: {', '.join(named)}"[:500]
        fix = "the base names it under [approvals.approvers]: `setpoint approvals key` prints it"
        return Check(name="approvals", state="warn", found=found, fix=fix)
    if not own:
        return Check(name="approvals", state="ok", found="no key yet: one is made at your first answer")
    signed = f"your answers are signed{f' as {name}' if name else ''} with {own}"
    return Check(name="approvals", state="ok", found=signed)


def models(config: Config) -> list[Check]:
    """Whether a model can be reached with what is configured; no call is made."""
    if config.agent.kind == "replay":
        return [Check(name="models", state="ok", found="sessions are replayed from a recording")]
    try:
        builder = choose_models(config, "implementation", Role.PRODUCER)
        reviewer = choose_models(config, "review", Role.REVIEWER)
        ratio = validator_ratio(config)
    except SetpointError as error:
        return [Check(name="models", state="bad", found=error.what, fix=error.fix)]
    found = [Check(name="models", state="ok", found=f"builder {builder.models[0]}, reviewer {reviewer.models[0]}")]
    if ratio is not None and ratio < VALIDATOR_FACTOR:
        told = f"only {ratio:.1f} times cheaper than the planner; {VALIDATOR_FACTOR:g} times is the aim"
        fix = "put a smaller model first in models.tiny"
        found.append(Check(name="validator", state="warn", found=told, fix=fix))
    if reviewer.independence != "full":
        told = f"reviewer independence {reviewer.independence}: same provider as the builder"
        found.append(Check(name="reviewer", state="warn", found=told, fix="configure a second provider"))
    return found


def providers(store: Store, now: datetime) -> list[Check]:
    """Providers and models that are left alone now, or failed lately."""
    found = []
    for name, circuit in circuits(store).items():
        state, rest = circuit.state(now), circuit.rest(now)
        words = f"{state}, {counted(circuit.failures, 'outages')} in a row"
        words += f", asked again in {rest:.0f} s" if rest and state == "open" else ""
        told = " ".join(f"{words}: {circuit.why}".split())[:480]
        fix = "" if state == "closed" else "wait, or put another provider's model beside it in [models]"
        well: Literal["ok", "warn"] = "ok" if state == "closed" else "warn"
        found.append(Check(name=f"provider {name}"[:80], state=well, found=told, fix=fix))
    return found


def proving(gates: Mapping[str, Gate]) -> list[Check]:
    """Whether a test can be shown to fail before the change and to pass after it."""
    if not gates:
        return []  # the check of the base says so
    try:
        tests_gate(gates)
    except SetpointError as error:
        return [Check(name="red proof", state="bad", found=error.what[:480], fix=error.fix)]
    return []


def baseline(results: Sequence[GateResult]) -> list[Check]:
    """The repository's own gates on its untouched base."""
    if not results:
        return [Check(name="gates", state="bad", found="none configured", fix="`setpoint init`")]
    known = judged_by_new(results)
    red = [result for result in results if not result.green and result not in known]
    checks = [
        Check(
            name=f"base {r.gate}"[:40],
            state="bad",
            found=r.reason,
            fix="mend the base, or take the gate out of setpoint.toml",
        )
        for r in red
    ]
    checks += [
        Check(
            name=f"base {r.gate}"[:40],
            state="warn",
            found=f"{counted(len(r.findings), 'findings')} on the base: a change is judged by new ones only",
            fix="mend them when you can",
        )
        for r in known
    ]
    green = ", ".join(f"{r.gate} {r.evidence.examined} {r.evidence.unit}" for r in results if r.green)
    return [*checks, *([Check(name="base", state="ok", found=green[:480])] if green else [])]


def decoration(proofs: Sequence[Proven], config: Config) -> list[Check]:
    """Gates that stayed green over a planted fault, and those that nobody has tried."""
    tried = {proof.gate: proof for proof in proofs}
    found = [
        Check(
            name=f"prove {proof.gate}"[:40],
            state="bad",
            found=f"decoration: it stays green over {proof.fault}"[:480],
            fix="mend its command or configuration, then `setpoint gates prove`",
        )
        for name, proof in tried.items()
        if proof.decoration and name in config.gates
    ]
    untried = [name for name in config.gates if name not in tried]
    if untried:
        told = f"not shown able to fail: {', '.join(untried)}"[:480]
        found.append(Check(name="prove", state="warn", found=told, fix="`setpoint gates prove`"))
    able = [name for name in config.gates if name in tried and tried[name].red]
    return [*found, *([Check(name="prove", state="ok", found=f"can fail: {', '.join(able)}"[:480])] if able else [])]
