"""What audits of dependencies print: npm, pnpm, yarn, uv, pip-audit, osv-scanner. High and critical advisories are
findings, milder ones notes; one without a severity counts as a finding.

They ask an advisory service. Where they could not, nothing follows from their words.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from ..model.command import Completed
from ..model.evidence import Finding
from .package_locks import LOCKS
from .reading import Layout, Reading, line, unreadable

UNIT = "packages"
_MILD = frozenset(("info", "low", "moderate", "medium", "none"))
_OUT_OF_REACH = re.compile(
    r"audit endpoint returned an error|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|getaddrinfo|ConnectionError"
    r"|NameResolutionError|Temporary failure in name resolution|Network is unreachable|dial tcp|no such host"
    r"|ERR_PNPM_AUDIT|RequestError|ProxyError|error sending request"
    r"|Tunnel connection failed|403 Forbidden|502 Bad Gateway",
)
NO_NETWORK = (
    'it could not ask its advisory service: gates have no network. Name its host for this gate, network = ["host"]; or '
    "let CI run it, or `osv-scanner --offline` with a database in the shared environment, and set required = false here"
)
_NODE = ("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock")
_PLACES = tuple(dict.fromkeys((*_NODE, "requirements.txt", *LOCKS)))
"""Where an advisory is shown: the first of these that is there."""


def npm(done: Completed, layout: Layout) -> Reading | None:
    """`npm audit --json` of npm 7 and later, and the older form that pnpm still prints."""
    told = _object(done)
    if not isinstance(told, dict) or "metadata" not in told:
        return _unread(done)
    total = told["metadata"].get("dependencies")
    count = total.get("total") if isinstance(total, dict) else told["metadata"].get("totalDependencies", total)
    if "vulnerabilities" in told:
        entries = list(_of_npm(told["vulnerabilities"]))
    else:
        entries = [
            (str(one.get("github_advisory_id") or key), one["module_name"], one.get("title"), one.get("severity"))
            for key, one in told.get("advisories", {}).items()
        ]
    return _reading(entries, int(count or 0), layout)


_Entry = tuple[str, Any, Any, Any]
"""Advisory, package, title, severity."""


def _of_npm(vulnerable: dict[str, Any]) -> Iterator[_Entry]:
    """Each advisory once; a package that is only reached through another names no advisory of its own."""
    seen = set()
    for name, one in vulnerable.items():
        for via in one.get("via", ()):
            if isinstance(via, dict):
                advisory = str(via.get("url") or via.get("source") or "").rpartition("/")[2]
                if (advisory, name) not in seen:
                    seen.add((advisory, name))
                    yield advisory, via.get("name") or name, via.get("title"), via.get("severity")


def yarn(done: Completed, layout: Layout) -> Reading | None:
    """`yarn npm audit --json`: one advisory a line, none when there is none."""
    entries: list[_Entry] = []
    for row in done.stdout.splitlines():
        try:
            told = json.loads(row)
            inner = told["children"]
            advisory = str(inner.get("URL") or inner["ID"]).rpartition("/")[2]
            entries.append((advisory, told["value"], inner.get("Issue"), inner.get("Severity")))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return _unread(done)
    if _OUT_OF_REACH.search(done.stderr) or (done.exit_code and not entries):
        return _unread(done)
    read = _reading(entries, 1, layout)
    return Reading(1, "lock files", findings=read.findings, notes=read.notes, guessed=True)


def pip_audit(done: Completed, layout: Layout) -> Reading | None:
    """`pip-audit --format json`: packages it skipped were not examined."""
    told = _object(done)
    if not isinstance(told, dict) or not isinstance(told.get("dependencies"), list):
        return _unread(done)
    known = [one for one in told["dependencies"] if "vulns" in one]
    entries: list[_Entry] = [
        (str(vuln["id"]), one["name"], f"mended in {', '.join(vuln.get('fix_versions') or ()) or 'no version'}", None)
        for one in known
        for vuln in one["vulns"]
    ]
    return _reading(entries, len(known), layout)


def uv(done: Completed, layout: Layout) -> Reading | None:
    """`uv audit --output-format json`: advisories without a severity, and what became of a project, which is a note."""
    told = _object(done)
    summary = told.get("summary") if isinstance(told, dict) else None
    count = summary.get("audited_packages") if isinstance(summary, dict) else None
    if not isinstance(count, int) or done.exit_code not in (0, 1):
        return _unread(done)
    entries: list[_Entry] = [
        (str(one["id"]), one["dependency"]["name"], one.get("summary"), None) for one in told.get("vulnerabilities", ())
    ]
    entries += [
        (str(one.get("status") or "status"), one["name"], one.get("reason") or "its project is not kept up", "info")
        for one in told.get("adverse_statuses", ())
    ]
    return _reading(entries, count, layout)


def osv(done: Completed, layout: Layout) -> Reading | None:
    """`osv-scanner --format json`: it lists what is vulnerable, and tells on the side how many packages it read."""
    told = _object(done)
    if not isinstance(told, dict) or not isinstance(told.get("results"), list):
        return _unread(done)
    entries: list[_Entry] = []
    for package in (package for result in told["results"] for package in result.get("packages", ())):
        scores = {one: group.get("max_severity") for group in package.get("groups", ()) for one in group.get("ids", ())}
        for vuln in package.get("vulnerabilities", ()):
            said = (vuln.get("database_specific") or {}).get("severity") or _by_score(scores.get(vuln["id"]))
            entries.append((str(vuln["id"]), package["package"]["name"], vuln.get("summary"), said))
    read = sum(int(number) for number in re.findall(r"found (\d+) packages?", done.stderr + done.stdout))
    return _reading(entries, max(read, len({entry[1] for entry in entries})), layout)


def _by_score(score: object) -> str:
    try:
        return "high" if float(str(score)) >= 7.0 else "moderate"
    except ValueError:
        return ""


def _object(done: Completed) -> Any:
    """The JSON object that was printed; None when there is none."""
    start = done.stdout.find("{")
    try:
        return json.JSONDecoder().raw_decode(done.stdout[start:])[0] if start >= 0 else None
    except (ValueError, RecursionError):
        return None


def _unread(done: Completed) -> Reading:
    if _OUT_OF_REACH.search(done.stderr + done.stdout):
        refused = [one.host for one in done.connections if not one.allowed and "it is not named" in one.why]
        failed = [f"{one.host}: {one.why}" for one in done.connections if one.why]
        if refused:
            hosts = ", ".join(f'"{host}"' for host in refused[:3])
            return unreadable(f"it was not let to its advisory service: its gate needs network = [{hosts}]", UNIT)
        return unreadable(f"its advisory service did not answer: {failed[0]}" if failed else NO_NETWORK, UNIT)
    return unreadable("what it printed is no audit", UNIT)


def _reading(entries: list[_Entry], count: int, layout: Layout) -> Reading:
    place = next((path for name in _PLACES if (path := layout.path(name)) in layout.files), ".")
    found: dict[bool, list[Finding]] = {True: [], False: []}
    for advisory, package, title, severity in dict.fromkeys(entries):
        weight = str(severity or "unknown").lower()
        told = line(f"{package}: {title or 'no title'} ({weight})")
        found[weight not in _MILD].append(Finding(path=line(place), rule=advisory[:200], message=told))
    return Reading(count, UNIT, findings=tuple(found[True]), notes=tuple(found[False]))
