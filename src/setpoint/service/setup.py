"""`setpoint init`: what a repository says of itself, believed only once it ran."""

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..gates.auditors import REASON
from ..gates.detect import survey
from ..gates.fresh import comparable
from ..model.evidence import GateResult
from ..model.gate import Candidate, SetAside
from ..model.settings import IGNORED, Config, ContextSettings
from ..model.sign_in import lends
from ..pipeline.rule_files import rule_files

if TYPE_CHECKING:
    from tomlkit.items import Table

NONE: Mapping[Candidate, bool] = MappingProxyType({})
SET_ASIDE = 10
"""Most commands that are named though they are no gates here."""
READS = (".github/CODEOWNERS", "CODEOWNERS", ".github/pull_request_template.md", ".worktreeinclude")
"""Beside the files with rules."""
_WRITTEN = "Written by `setpoint init`"
_NO_KEY = "No API key is set here: "
_COMMENTS = tuple(f"# {begins}" for begins in (_WRITTEN, "set aside: ", "left out: "))
"""How comments begin that are written anew each time."""


@dataclass(frozen=True)
class Stacked:
    """The compose file that was found."""

    file: str
    said: tuple[str, ...]
    """Where its services are, and what of it is not run."""


def require_free(repository: Path, *, replace: bool) -> None:
    """Raises UsageError where a configuration is there already that nobody said to replace, or that would be hidden."""
    shared = repository / "pyproject.toml"
    if (repository / "setpoint.toml").exists():
        if not replace:
            fix = "`setpoint init --yes` finds its gates anew and keeps the rest, or edit it by hand"
            raise UsageError("setpoint.toml is there already", fix=fix)
    elif shared.is_file() and "setpoint" in tomllib.loads(shared.read_text(encoding="utf-8")).get("tool", {}):
        raise UsageError(
            "[tool.setpoint] in pyproject.toml is the configuration here",
            why="a setpoint.toml beside it would take its place, whole",
            fix="move it into setpoint.toml; then `setpoint init --yes` finds the gates and keeps the rest",
        )


def written(
    repository: Path,
    confirmed: Sequence[tuple[Candidate, GateResult]],
    proposed: Mapping[Candidate, bool],
    config: Config,
    *,
    replace: bool,
    stack: Stacked | None = None,
) -> list[str]:
    """Write `setpoint.toml` with what ran green on the base, what is `proposed` without having run, by whether its
    tool is there, and the `stack` that was found, and `.setpoint/.gitignore`; the paths written. `config` is what holds
    here without that file. What a file that is replaced says beside its gates stays."""
    target = repository / "setpoint.toml"
    require_free(repository, replace=replace)
    folder = repository / ".setpoint"
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
    kept = _kept(target.read_text(encoding="utf-8")) if target.exists() else ""
    said = toml(confirmed, survey(repository).aside, proposed, None if "stack" in tomllib.loads(kept) else stack)
    target.write_text(kept + said + _proposed(config), encoding="utf-8")
    return ["setpoint.toml", ".setpoint/.gitignore"]


def _kept(before: str) -> str:
    """What a setpoint.toml says beside its gates and the comments of an earlier `init`."""
    import tomlkit

    told = tomlkit.parse(before)
    told.pop("gates", None)
    beside = re.sub(rf"^# {_NO_KEY}.*\n(?:#.*\n)*", "", told.as_string(), flags=re.MULTILINE)
    lines = [line for line in beside.splitlines() if not line.startswith(_COMMENTS)]
    text = "\n".join(lines).strip()
    return f"{text}\n\n" if text else ""


def toml(
    confirmed: Sequence[tuple[Candidate, GateResult]],
    aside: Sequence[SetAside] = (),
    proposed: Mapping[Candidate, bool] = NONE,
    stack: Stacked | None = None,
) -> str:
    """The configuration's text: gates that ran green on the base, or whose findings there can be told from new ones;
    the others as comments, with why."""
    import tomlkit  # slow to import, and only needed here

    text = tomlkit.document()
    text.add(tomlkit.comment(f"{_WRITTEN} from what ran green on the base. Yours to edit."))
    for entry in aside[:SET_ASIDE]:
        text.add(tomlkit.comment(f"set aside: {entry.command} ({entry.place}): {entry.why}"[:200].replace("\n", " ")))
    gates = tomlkit.table(is_super_table=True)
    for candidate, result in confirmed:
        if not result.green and not comparable(result):
            command = " ".join(candidate.gate.run)
            text.add(tomlkit.comment(f"left out: {candidate.name} ({command}): {result.reason}"[:200]))
            continue
        found = result.reason if result.green else f"judged by new findings only: {len(result.findings)} on the base"
        gates.add(candidate.name, _table(candidate, found))
    for candidate, there in proposed.items():
        asks = f"asks {', '.join(candidate.gate.network) or 'nobody'}, each day that a gate runs"
        if there:
            gates.add(candidate.name, _table(candidate, f"{asks}; not run yet"))
        else:
            command = " ".join(candidate.gate.run)
            text.add(tomlkit.comment(f"left out: {candidate.name} ({command}): {absent(candidate)}"[:300]))
    text.add("gates", gates)
    if stack is not None:
        beside = tomlkit.table()
        for line in stack.said:
            beside.add(tomlkit.comment(line[:400].replace("\n", " ")))
        beside.add("compose", stack.file)
        text.add("stack", beside)
    return tomlkit.dumps(text)


def _proposed(config: Config) -> str:
    """The sign-in that works here where there is no key, as comments: the file is the team's, a sign-in is one
    person's."""
    for name, provider in config.providers.items():
        if provider.sign_in is not None and lends(provider.sign_in, config.agent.kind):
            lines = (
                f"{_NO_KEY}`{config.agent.kind}` does the work, by its own sign-in (docs/agents.md). To",
                "have it so with a key, too:",
                *("[agent]", f'kind = "{config.agent.kind}"'),
                *(f"[providers.{name}]", f'api = "{provider.api}"', f'sign_in = "{provider.sign_in}"'),
            )
            return "".join(f"# {line}\n" for line in ("", *lines)).replace("# \n", "\n", 1)
    return ""


def _table(candidate: Candidate, found: str) -> "Table":
    import tomlkit

    gate = tomlkit.table()
    gate.comment(f"{candidate.because}; {found}"[:120].replace("\n", " "))
    shown = candidate.gate.model_dump(mode="json", exclude_defaults=True)
    for key, value in {"kind": candidate.gate.kind.value, **shown}.items():
        gate.add(key, value)
    return gate


def absent(candidate: Candidate) -> str:
    """What to say of a proposal whose tool is not there."""
    program = candidate.gate.run[0]
    return f"the sandbox has no {program}: install it and run `setpoint init --yes` again, or say why not: {REASON}"


def report(
    paths: Collection[str],
    confirmed: Sequence[tuple[Candidate, GateResult]],
    proposed: Mapping[Candidate, bool],
    wrote: Sequence[str],
    undecided: str,
) -> dict[str, Any]:
    """What was found, what it did, what is proposed, what of the base's `paths` is read, what was written, and what is
    `undecided` and keeps a run from starting."""
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
    audits = [
        {
            "name": candidate.name,
            "run": list(candidate.gate.run),
            "network": list(candidate.gate.network),
            "because": candidate.because,
            "left_out": "" if there else absent(candidate),
        }
        for candidate, there in proposed.items()
    ]
    return {
        "gates": rows,
        "undecided": undecided,
        "audits": audits,
        "reads": [*rules, *(name for name in READS if name in paths)],
        "wrote": list(wrote),
    }
