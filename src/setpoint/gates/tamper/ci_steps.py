"""Steps, jobs and triggers of CI files that no longer count."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ...model.objection import Objection
from .config_files import Config
from .raised import LOW, REQUEST, moved_goalposts
from .settings_files import Setting

_NEVER = re.compile(r"^(?:\$\{\{\s*)?(?:false|'?never'?|!true|0)(?:\s*\}\})?$|&&\s*false\b", re.IGNORECASE)
_TRIGGERS = ("push", "pull_request", "merge_group", "pull_request_target", "merge_request_event")


def softened_steps(files: Sequence[Config]) -> Iterator[Objection]:
    """Objections against CI files whose steps may fail, never run, or are not triggered."""
    for file in files:
        if file.ci and file.delta.after is not None and file.delta.before is not None:
            yield from _more(file, "continue-on-error", "true", "a failing step or job counts as passed")
            yield from _more(file, "allow_failure", "true", "a failing job counts as passed")
            yield from _more(file, "when", "never|manual", "a job does not run on its own")
            yield from _ifs(file)
            yield from _triggers(file)


def _count(found: Sequence[Setting], name: str, values: str) -> list[Setting]:
    return [one for one in found if one.key.rpartition(".")[2] == name and re.fullmatch(values, one.value.lower())]


def _more(file: Config, name: str, values: str, why: str) -> Iterator[Objection]:
    before, after = _count(file.before, name, values), _count(file.after, name, values)
    if len(after) > len(before):
        yield _softened(file, f"`{name}: {after[-1].value}`", _line(file, after[-1], name), why)


def _line(file: Config, one: Setting, name: str) -> int:
    return next((at for at, text in file.delta.added_lines.items() if name in text), one.line)


def _ifs(file: Config) -> Iterator[Objection]:
    before = Counter(one.value for one in file.before if one.key.rpartition(".")[2] == "if")
    for one in file.after:
        if one.key.rpartition(".")[2] != "if":
            continue
        if before[one.value] > 0:
            before[one.value] -= 1
        elif _NEVER.search(one.value.strip()):
            yield _softened(file, f"`if: {one.value}`", _line(file, one, "if:"), "the step or job never runs")
        else:
            yield _softened(file, f"`if: {one.value}`", one.line, "it runs under a condition only", low=True)


def _triggers(file: Config) -> Iterator[Objection]:
    old, new = (_on(found) for found in (file.before, file.after))
    for trigger in _TRIGGERS:
        if trigger in old and trigger not in new:
            yield _softened(file, f"no longer runs on `{trigger}`", None, "changes are not judged when they come in")


def _on(found: Sequence[Setting]) -> set[str]:
    names: set[str] = set()
    for one in found:
        if one.key.startswith("on"):
            names |= set(re.split(r"[.\[\]]+", one.key)) | {one.value}
    return names


def _softened(file: Config, what: str, line: int | None, why: str, *, low: bool = False) -> Objection:
    found = moved_goalposts(
        "ci-softened", f"{file.path} judges less: {what}", file.path, line, cause=f"{why}; {REQUEST}", evidence=what
    )
    return found.model_copy(update={"severity": LOW}) if low else found
