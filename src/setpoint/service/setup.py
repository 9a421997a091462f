"""`setpoint init`: what a repository says of itself, believed only once it ran."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..gates.detect import survey
from ..gates.fresh import comparable
from ..model.evidence import GateResult
from ..model.gate import Candidate, SetAside
from ..model.settings import IGNORED, ContextSettings
from ..pipeline.rule_files import rule_files

SET_ASIDE = 10
"""Most commands that are named though they are no gates here."""
READS = (".github/CODEOWNERS", "CODEOWNERS", ".github/pull_request_template.md", ".worktreeinclude")
"""Beside the files with rules."""


@dataclass(frozen=True)
class Stacked:
    """The compose file that was found."""

    file: str
    said: tuple[str, ...]
    """Where its services are, and what of it is not run."""


def written(
    repository: Path,
    confirmed: Sequence[tuple[Candidate, GateResult]],
    *,
    replace: bool,
    stack: Stacked | None = None,
) -> list[str]:
    """Write `setpoint.toml` with what ran green on the base, and `.setpoint/.gitignore`; the paths written."""
    target = repository / "setpoint.toml"
    if target.exists() and not replace:
        raise UsageError("setpoint.toml is there already", fix="`setpoint init --yes` replaces it, or edit it by hand")
    folder = repository / ".setpoint"
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
    target.write_text(toml(confirmed, survey(repository).aside, stack), encoding="utf-8")
    return ["setpoint.toml", ".setpoint/.gitignore"]


def toml(
    confirmed: Sequence[tuple[Candidate, GateResult]], aside: Sequence[SetAside] = (), stack: Stacked | None = None
) -> str:
    """The configuration's text: gates that ran green on the base, or whose findings there can be told from new ones;
    the others as comments, with why."""
    import tomlkit  # slow to import, and only needed here

    text = tomlkit.document()
    text.add(tomlkit.comment("Written by `setpoint init` from what ran green on the base. Yours to edit."))
    for entry in aside[:SET_ASIDE]:
        text.add(tomlkit.comment(f"set aside: {entry.command} ({entry.place}): {entry.why}"[:200].replace("\n", " ")))
    gates = tomlkit.table(is_super_table=True)
    for candidate, result in confirmed:
        if not result.green and not comparable(result):
            command = " ".join(candidate.gate.run)
            text.add(tomlkit.comment(f"left out: {candidate.name} ({command}): {result.reason}"[:200]))
            continue
        gate = tomlkit.table()
        found = result.reason if result.green else f"judged by new findings only: {len(result.findings)} on the base"
        gate.comment(f"{candidate.because}; {found}"[:120].replace("\n", " "))
        shown = candidate.gate.model_dump(mode="json", exclude_defaults=True)
        for key, value in {"kind": candidate.gate.kind.value, **shown}.items():
            gate.add(key, value)
        gates.add(candidate.name, gate)
    text.add("gates", gates)
    if stack is not None:
        beside = tomlkit.table()
        for line in stack.said:
            beside.add(tomlkit.comment(line[:200].replace("\n", " ")))
        beside.add("compose", stack.file)
        text.add("stack", beside)
    return tomlkit.dumps(text)


def report(
    paths: Collection[str], confirmed: Sequence[tuple[Candidate, GateResult]], wrote: Sequence[str]
) -> dict[str, Any]:
    """What was found, what it did, what of the base's `paths` is read, what was written."""
    settings = ContextSettings()
    rules = [file.path for file in rule_files(paths, settings.rules, settings.context)]
    rows = [
        {
            "name": candidate.name,
            "kind": candidate.gate.kind.value,
            "run": list(candidate.gate.run),
            "outcome": result.outcome.value,
            "judges": "all" if result.green else "new findings" if comparable(result) else "",
            "reason": result.reason,
            "because": candidate.because,
            "seconds": round(result.evidence.seconds, 2),
        }
        for candidate, result in confirmed
    ]
    return {"gates": rows, "reads": [*rules, *(name for name in READS if name in paths)], "wrote": list(wrote)}
