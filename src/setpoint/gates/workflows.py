"""Changes of CI workflows that let more in, let failures pass, or take checks away."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..model.evidence import GateKind
from ..model.judgement import Measured
from ..model.objection import Deviation, Objection, Severity
from .change_set import ChangeSet, Delta
from .measured import built_in, minded
from .workflow_files import Job, Step, UnreadableWorkflowError, Workflow, is_workflow, read_workflow

NAME = "workflows"
_PIPED = re.compile(
    r"\b(?:curl|wget|fetch)\b[^\n|;&]*\|\s*(?:sudo\s+)?(?:env\s+\S+\s+)?(?:ba|z|da|k)?sh\b"
    r"|\b(?:ba|z)?sh\s+(?:-c\s+)?[\"']?(?:<\(|\$\()\s*(?:curl|wget)\b|\b(?:iwr|Invoke-WebRequest)\b[^\n|]*\|\s*iex\b"
    r"|\b(?:curl|wget)\b[^\n|;&]*\|\s*(?:sudo\s+)?(?:python3?|node|perl|ruby)\b"
)
_INJECTED = re.compile(
    r"\$\{\{[^}]*\bgithub\.(?:head_ref|event\.(?:issue|pull_request|comment|review|discussion|head_commit|commits|pages)"
    r"[\w.\[\]*]*\.(?:title|body|message|name|email|ref|label|default_branch|page_name)|event\.inputs\.\w+)"
)
_SECRET = re.compile(r"\$\{\{[^}]*\bsecrets(?:\.\w+|\[[^\]]+\])[^}]*\}\}|toJSON\(\s*secrets\s*\)", re.IGNORECASE)
_PRINTS = re.compile(r"\b(?:echo|printf|cat|tee|base64|xxd|printenv|print|console\.log|Write-Output|env)\b")
_QUIET = re.compile(r"::add-mask::|>>?\s*[\"']?\$\{?(?:GITHUB_ENV|GITHUB_OUTPUT)|--password-stdin|gpg\b.*--import")
_FORGIVES = re.compile(
    r"\|\|\s*(?:true|:|exit\s+0|echo\b)|;\s*true\s*$|\bset\s+\+e\b|--exit-zero\b|--passWithNoTests\b|--no-error-on-unmatched"
    r"|--if-present\b|\bexit\s+0\s*$|--suppress-no-test-exit-code\b|--max-warnings[= ](?:\d{3,}|-1)"
)
_NARROWS = re.compile(
    r"\s-k[ =]|\s--deselect\b|\s--ignore(?:-glob)?[ =]|\s-m[ =][\"']not\b|\s--no-cov\b|--testPathIgnorePatterns"
    r"|--test-skip-pattern|--cov-fail-under[= ]0\b|\s--last-failed\b|\s--changedSince\b"
)
_CHECKS = re.compile(
    r"\b(?:pytest|unittest|tox|nox|coverage|ruff|flake8|pylint|mypy|pyright|black|bandit|pip-audit|pre-commit|vitest|jest"
    r"|mocha|eslint|tsc|prettier|biome|playwright|cypress|ctest)\b|\bnode\b.*--test\b"
    r"|\b(?:npm|pnpm|yarn|bun)\s+(?:run\s+)?(?:test|lint|check|typecheck|audit|ci:\w+)\b|\bnpm\s+t\b"
    r"|\b(?:make|just|task)\s+[\w\- ]*(?:test|check|lint|verify|ci|types?)\b"
    r"|\b(?:go|cargo|mvn|gradle\w*)\s+[\w\- ]*(?:test|vet|clippy|verify|check)\b"
)
_INSTALLS = re.compile(
    r"^(?:sudo\s+)?(?:python3?\s+-m\s+)?(?:pip3?|pipx|uv(?:\s+(?:pip|tool))?|poetry|npm|pnpm|yarn|bun|brew|apt(?:-get)?)"
    r"\s+(?:-\S+\s+)*(?:install|add|sync|i|ci)\b[^&;|]*$"
)
_TRUSTED_OWNERS = frozenset(("actions", "github"))
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_UNTRUSTED_EVENTS = frozenset(("pull_request_target", "workflow_run", "issue_comment", "issues", "discussion_comment"))
_HEAD_REF = re.compile(r"github\.(?:event\.pull_request\.head\.|head_ref|event\.workflow_run\.head_)|refs/pull/")
_FETCHES = re.compile(r"\b(?:git|gh\s+pr)\s+(?:fetch|checkout|clone|pull)\b")
_JUDGES = frozenset(("push", "pull_request", "merge_group", "schedule"))


@dataclass(frozen=True)
class _Sides:
    delta: Delta
    before: Workflow
    after: Workflow
    elsewhere: frozenset[str]
    """All that the other workflows of the head run."""

    def mind(self, rule: str, what: str, shown: str, cause: str, severity: Severity = Severity.HIGH) -> Objection:
        return minded(
            f"{NAME}/{rule}",
            what,
            self.delta.path,
            line_=_line(self.delta, shown),
            cause=cause,
            evidence=shown[:500],
            deviation=Deviation.BOUNDARY,
            severity=severity,
        )


def check_workflows(change: ChangeSet) -> Measured:
    """An objection for each way in which a changed workflow trusts more or checks less than the base's."""
    found: list[Objection] = []
    count = 0
    for delta in change.deltas:
        if is_workflow(delta.path) or is_workflow(delta.path_before):
            count += 1
            found += _of_file(delta, change)
    return built_in(NAME, found, examined=count, unit="workflows", tree=change.head, kind=GateKind.SECURITY)


def _of_file(delta: Delta, change: ChangeSet) -> Iterator[Objection]:
    try:
        after = read_workflow(delta.path, delta.text_after) if not delta.deleted else Workflow()
    except UnreadableWorkflowError as error:
        yield minded(
            f"{NAME}/unreadable",
            "the workflow cannot be read",
            delta.path,
            cause="CI will not run it",
            evidence=str(error),
            deviation=Deviation.BOUNDARY,
        )
        return
    try:
        before = read_workflow(delta.path_before, delta.text_before)
    except UnreadableWorkflowError:
        before = Workflow()
    sides = _Sides(delta, before, after, _elsewhere(delta, change))
    for rule in (_permissions, _triggers, _untrusted, _runners, _gone, _forgiven, _steps):
        yield from rule(sides)


def _elsewhere(delta: Delta, change: ChangeSet) -> frozenset[str]:
    from .change_set import as_text

    found: set[str] = set()
    for path in sorted(change.head_files):
        if is_workflow(path) and path != delta.path:
            try:
                found |= read_workflow(path, as_text(change.read_head(path))).commands
            except UnreadableWorkflowError:
                continue
    return frozenset(found)


def _line(delta: Delta, shown: str) -> int | None:
    first = next((text.strip() for text in shown.splitlines() if text.strip()), "")
    return next((at for at, text in delta.added_lines.items() if first and first in text), None)


# -- what is let in --------------------------------------------------------------------------------------------------


def _permissions(sides: _Sides) -> Iterator[Objection]:
    scopes = [("the workflow", sides.before.permissions, sides.after.permissions, sides.before.exists)]
    for name, job in sides.after.jobs.items():
        old = sides.before.jobs.get(name)
        own = old.permissions if old else None
        scopes.append((f"job {name}", own if own is not None else sides.before.permissions, job.permissions, True))
    for who, before, after, known in scopes:
        if after is None:
            if before is not None and who == "the workflow" and sides.after.jobs:
                yield sides.mind(
                    "permissions",
                    "the workflow's permissions are no longer bounded",
                    "permissions",
                    "without the block the token may do what the repository's default allows",
                )
            continue
        wider = sorted(scope for scope, level in after.items() if level == "write" and _level(before, scope) != "write")
        if wider and (known or before is not None or "*" in wider):
            yield sides.mind(
                "permissions",
                f"{who} may write more: {', '.join(wider)}",
                f"{wider[0]}: write" if wider[0] != "*" else "write-all",
                "what runs in it could push, release or answer in the repository's name",
            )


def _level(permissions: Mapping[str, str] | None, scope: str) -> str:
    if permissions is None:
        return ""
    return permissions.get(scope, permissions.get("*", ""))


def _untrusted(sides: _Sides) -> Iterator[Objection]:
    events = sides.after.events & _UNTRUSTED_EVENTS
    fresh = events - sides.before.events
    for step in sides.after.steps if events else ():
        place = f"{step.inputs.get('ref', '')} {step.inputs.get('repository', '')} {step.run}"
        fetches = step.uses.startswith("actions/checkout") or _FETCHES.search(step.run)
        if fetches and _HEAD_REF.search(place) and (fresh or step not in sides.before.steps):
            yield sides.mind(
                "untrusted-checkout",
                "code of a pull request runs with the repository's secrets",
                step.inputs.get("ref") or step.run,
                f"on {', '.join(sorted(events))} the token is the base's; check out nothing of the head there",
            )
            return
    if "pull_request_target" in fresh:
        yield sides.mind(
            "untrusted-trigger",
            "strangers' pull requests start it with the repository's secrets",
            "pull_request_target",
            "use pull_request, unless nothing of the head is ever run",
            Severity.MEDIUM,
        )


def _runners(sides: _Sides) -> Iterator[Objection]:
    before = {label for job in sides.before.jobs.values() for label in job.runs_on}
    for name, job in sides.after.jobs.items():
        if "self-hosted" in job.runs_on and "self-hosted" not in before:
            yield sides.mind(
                "self-hosted",
                f"job {name} runs on the project's own machines",
                "self-hosted",
                "what a pull request runs there stays there; a person decides",
                Severity.MEDIUM,
            )


def _steps(sides: _Sides) -> Iterator[Objection]:
    known = {step.run for step in sides.before.steps}
    for step in sides.after.steps:
        if step.run and step.run not in known:
            yield from _command(sides, step)
    yield from _actions(sides)


def _command(sides: _Sides, step: Step) -> Iterator[Objection]:
    old = {line.strip() for other in sides.before.steps for line in other.run.splitlines()}
    for text in step.run.replace("\\\n", " ").splitlines():
        line = text.strip()
        if not line or line in old or line.startswith("#"):
            continue
        if _PIPED.search(line):
            cause = "what that host answers today is run unread; pin a version and check its digest"
            yield sides.mind("pipe-to-shell", "a download is run as it comes", line, cause)
        if _INJECTED.search(line):
            cause = "whoever writes that text writes the command; hand it over in an environment variable"
            yield sides.mind("injection", "text of strangers becomes part of a command", line, cause)
        named = _SECRET.search(line) or any(
            re.search(rf"\$\{{?{re.escape(name)}\b|%{re.escape(name)}%", line) for name in step.secrets
        )
        if "tojson(secrets" in line.lower().replace(" ", "") or (
            named and _PRINTS.search(line) and not _QUIET.search(line) and not re.search(r"\|\s*\S+ login\b", line)
        ):
            cause = "logs are read by many, and a changed form of a secret is not masked"
            yield sides.mind("secret-exposed", "a secret is written into the log", line, cause)


def _actions(sides: _Sides) -> Iterator[Objection]:
    before = {step.uses for step in sides.before.steps}
    pinned = {uses.partition("@")[0] for uses in before if _HASH.fullmatch(uses.partition("@")[2])}
    for uses in dict.fromkeys(step.uses for step in sides.after.steps if step.uses and step.uses not in before):
        name, _, ref = uses.partition("@")
        if uses.startswith("./") or _HASH.fullmatch(ref) or "@sha256:" in uses:
            continue
        owner = name.partition("/")[0]
        if name in pinned:
            cause = "it was pinned to a commit; a tag can be moved to other code"
            yield sides.mind("unpinned-action", f"{name} is no longer pinned to a commit", uses, cause)
        elif owner not in _TRUSTED_OWNERS:
            cause = "a tag or branch of theirs can be moved to other code; name the commit"
            yield sides.mind(
                "unpinned-action", f"{name} is somebody else's and not pinned", uses, cause, Severity.MEDIUM
            )


# -- what is let pass ------------------------------------------------------------------------------------------------


def _triggers(sides: _Sides) -> Iterator[Objection]:
    if not sides.after.jobs:
        return
    for event in sorted((sides.before.events - sides.after.events) & _JUDGES):
        yield sides.mind(
            "trigger",
            f"the workflow no longer runs on {event}",
            event,
            "what it checks is not checked then",
        )
    for event, narrowed in sides.after.filters.items():
        fresh = narrowed - sides.before.filters.get(event, frozenset())
        if fresh and event in sides.before.events:
            yield sides.mind(
                "trigger",
                f"the workflow leaves out changes on {event}",
                sorted(fresh)[0],
                f"newly left out or narrowed: {', '.join(sorted(fresh))[:200]}",
                Severity.MEDIUM,
            )


def _check(line: str) -> str:
    """What checks something in a line; empty for one that only installs it."""
    found = _CHECKS.search(line)
    return found[0] if found and not _INSTALLS.match(line) else ""


def _gone(sides: _Sides) -> Iterator[Objection]:
    now = sides.after.commands | sides.elsewhere
    for name, job in sides.before.jobs.items():
        lost = [line for line in job.lines if _check(line) and line not in now]
        kept = sides.after.jobs.get(name)
        if kept is None and (lost or not job.steps):
            yield sides.mind(
                "job-removed", f"job {name} is gone", lost[0] if lost else name, "what it checked is not checked"
            )
            continue
        for line in lost:
            twin = next((other for other in sorted(now) if _check(other) and _check(line) in other), "")
            cause = f"it is `{twin[:200]}` now"
            if not twin:
                yield sides.mind("check-removed", f"CI no longer runs `{line}`", line, "put the step back")
            elif (_NARROWS.search(f" {twin}") and not _NARROWS.search(f" {line}")) or _FORGIVES.search(twin):
                yield sides.mind("check-narrowed", f"CI runs less of `{line}`", twin, cause)
            else:
                yield sides.mind(
                    "check-changed", f"CI runs `{line}` otherwise", twin, f"it is `{twin[:200]}` now", Severity.LOW
                )


def _forgiven(sides: _Sides) -> Iterator[Objection]:
    for name, job in sides.after.jobs.items():
        old = sides.before.jobs.get(name, Job())
        if job.forgiven and not old.forgiven:
            yield sides.mind(
                "ignored-failure", f"a failure of job {name} no longer counts", "continue-on-error", job.forgiven
            )
        if job.never and not old.never:
            yield sides.mind("never-runs", f"job {name} never runs", job.never, "its condition is always false")
        known = {step.key: step for step in old.steps}
        for step in job.steps:
            earlier = known.get(step.key, Step())
            if step.forgiven and not earlier.forgiven and sides.before.exists:
                yield sides.mind(
                    "ignored-failure",
                    f"a failure of step {step.title} no longer counts",
                    "continue-on-error",
                    step.forgiven,
                )
            if step.never and not earlier.never:
                yield sides.mind(
                    "never-runs", f"step {step.title} never runs", step.never, "its condition is always false"
                )
    seen = {line.strip() for step in sides.before.steps for line in step.run.splitlines()}
    for step in sides.after.steps:
        for line in (text.strip() for text in step.run.splitlines()):
            if line not in seen and _FORGIVES.search(line) and (_check(line) or "set +e" in line):
                yield sides.mind(
                    "ignored-failure", "a failure of a check no longer counts", line, "let the command fail the job"
                )
