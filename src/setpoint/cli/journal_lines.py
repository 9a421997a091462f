"""One line of words for an entry of the journal; entries that only machines need give none."""

from typing import Any

from ..model.run import Event
from .out import MARKS, in_a_line, paint, visible


def line_of(event: Event, *, every: bool = False) -> str:
    """What a person reads of `event`; empty when it tells them nothing new."""
    told = _TOLD.get(event.kind)
    text = told(event.data, event.stage) if told else ""
    if not text and every:
        text = in_a_line(f"{event.kind} {_short(event.data)}")
    if not text:
        return ""
    clock = event.at.astimezone().strftime("%H:%M:%S")
    return f"{paint(clock, 'dim')}  {event.stage:<14}  {text}"


def _short(data: dict[str, Any]) -> str:
    text = ", ".join(f"{key}={value}" for key, value in data.items())
    return text if len(text) <= 200 else f"{text[:200]}…"


_COLOURS = {"passed": "green", "failed": "red", "refused": "yellow", "high": "red", "medium": "yellow", "low": "dim"}
_MOST = 130
_INDENT = " " * 26


def _mark(outcome: str) -> str:
    return paint(MARKS[outcome], _COLOURS[outcome])


def _created(data: dict[str, Any], stage: str) -> str:
    return in_a_line(f"run started: route {data['route']} ({data['because']})")


_DECISIONS = {
    "accept": ("accepted", "green"),
    "correct": ("goes back", "yellow"),
    "narrow": ("goes back, narrowed", "yellow"),
    "escalate": ("a stronger model tries", "yellow"),
    "plan-fault": ("back to the plan", "red"),
    "hand-over": ("a person is called", "red"),
}


def _round(data: dict[str, Any], stage: str) -> str:
    words, colour = _DECISIONS[data["decision"]]
    marks = [f"error {data['error']:g}"]
    marks += [f"{data['blocking']} above Low"] if data["blocking"] else []
    marks += [f"{len(data['closed'])} closed"] if data["closed"] else []
    marks += [f"{len(data['reopened'])} came back"] if data["reopened"] else []
    reason = f": {data['cause']}" if data["decision"] in ("hand-over", "escalate", "narrow") else ""
    lines = [f"round {data['attempt']}: {', '.join(marks)} → {paint(words, colour)}{in_a_line(reason)}"]
    lines += [_objection(objection) for objection in data["objections"][:8]]
    return "\n".join(lines)


def _objection(objection: dict[str, Any]) -> str:
    place = objection.get("place") or {}
    where = f" {place['path']}" if place else ""
    where += f":{place['line']}" if place.get("line") else ""
    severity = paint(f"{objection['severity']:<6}", _COLOURS[objection["severity"]])
    return f"{_INDENT}{severity} {objection['source']}{in_a_line(where)}: {_cut(in_a_line(objection['what']))}"


def _cut(text: str) -> str:
    """As much of a line as fits beside its time, and a sign where that is not all."""
    return text if len(text) <= _MOST else f"{text[: _MOST - 1].rstrip()}…"


def _gates(data: dict[str, Any], stage: str) -> str:
    green = [row for row in data["results"] if row["outcome"] == "passed"]
    lines = [
        f"{_mark(row['outcome'])} {in_a_line(row['gate'])}: {_cut(in_a_line(row['reason']))}"
        for row in data["results"]
        if row not in green
    ]
    if green:
        counts = " · ".join(f"{in_a_line(row['gate'])} {row['examined']}" for row in green)
        lines.insert(0, f"{_mark('passed')} {counts}")
    return f"\n{_INDENT}".join(lines)


def _sealed(data: dict[str, Any], stage: str) -> str:
    names = ", ".join(in_a_line(name.rsplit("::", 1)[-1]) for name in data["tests"][:4])
    more = ", …" if len(data["tests"]) > 4 else ""
    return f"{_mark('passed')} red for the right reason, sealed: {names}{more}"


def _second_suite(data: dict[str, Any], stage: str) -> str:
    names = ", ".join(in_a_line(name.rsplit("::", 1)[-1]) for name in data["tests"][:4])
    more = ", …" if len(data["tests"]) > 4 else ""
    return f"{_mark('passed')} second suite, green on what was built: {names}{more}"


def _effect(data: dict[str, Any], stage: str) -> str:
    if "branch" in data:
        return in_a_line(f"pushed {data['branch']}, pull request #{data['pull_request']}")
    return f"{_mark('passed')} merged #{data['pull_request']} as {data['sha'][:12]}: {', '.join(data['stages'])}"


def _ci(data: dict[str, Any], stage: str) -> str:
    counts = " · ".join(in_a_line(f"{gate['gate']} {gate['examined']}") for gate in data["gates"])
    mark = _mark({"green": "passed", "red": "failed"}.get(data["state"], "refused"))
    return f"{mark} CI {data['state']} on {data['sha'][:12]}: {counts}"


def _deploy(data: dict[str, Any], stage: str) -> str:
    said = data["output"].strip().splitlines()
    last = "" if data["ok"] or not said else f": {in_a_line(said[-1])[:120]}"
    where = in_a_line(f"{data['step']} {data['environment']}")
    return f"{_mark('passed' if data['ok'] else 'failed')} {where} {data['sha'][:12]}{last}"


def _person(data: dict[str, Any], stage: str) -> str:
    because = f": {data['because']}" if data["because"] else ""
    return in_a_line(f"{data['by']} said {data['said']}{because}")


def _void(data: dict[str, Any], stage: str) -> str:
    return paint("void: ", "yellow") + in_a_line(data["why"])


def _moved(data: dict[str, Any], stage: str) -> str:
    to = data["to"]
    if to.get("state", "running") != "running":
        waits = f" for {to['waits']}" if to.get("waits") else ""
        return paint(in_a_line(f"{to['state']}{waits} at {to['stage']}"), "bold")
    return ""


def _stopped(data: dict[str, Any], stage: str) -> str:
    return paint("stopped: ", "red") + visible(data["error"]).replace("\n", f"\n{_INDENT}")


def _deliverable(data: dict[str, Any], stage: str) -> str:
    source = f", from {data['source']}" if "source" in data else ""
    return f"{_mark('passed')} {data['name']} locked as {data['sha256'][:12]}{in_a_line(source)}"


def _lesson(data: dict[str, Any], stage: str) -> str:
    return f"lesson candidate: {in_a_line(data['rule'])}"


def _follow_up(data: dict[str, Any], stage: str) -> str:
    return f"follow-up, outside this change: {_cut(in_a_line(data['what']))}"


def _manual(data: dict[str, Any], stage: str) -> str:
    signed = f"; signed: {', '.join(data['signed'][:8])}" if data.get("signed") else ""
    named = f"changed {', '.join(data['files'][:8])} by hand{signed}" if data["files"] else "hands the workspace back"
    return in_a_line(f"{data['by']} {named}")


def _paper(data: dict[str, Any], stage: str) -> str:
    return in_a_line(f"{data['by']} wrote the {data['name'].replace('_', ' ')}: {data['source']}")


def _joined(data: dict[str, Any], stage: str) -> str:
    torn = ", ".join(data["conflicts"][:8])
    return in_a_line(f"merged the base at {data['base'][:12]}" + (f"; conflicts in {torn}" if torn else ""))


def _restarted(data: dict[str, Any], stage: str) -> str:
    return f"starts again from {data['commit'][:12]}; {data['left'][:12]} left the branch"


def _switched(data: dict[str, Any], stage: str) -> str:
    return paint("another model", "yellow") + in_a_line(f": {data['from']} → {data['to']}: {data['why'][:200]}")


def _circuit(data: dict[str, Any], stage: str) -> str:
    return in_a_line(f"{data['name']} is left alone for {data['seconds']:.0f} s: {data['why'][:160]}")


def _waits(data: dict[str, Any], stage: str) -> str:
    return in_a_line(f"tried again in {data['seconds']:.0f} s: {data['why'][:160]}".replace("\n", " "))


def _rate_limit(data: dict[str, Any], stage: str) -> str:
    waits = "asked for longer than is waited" if data["waits"] is None else f"waits {data['waits']:g} s"
    return in_a_line(f"{data['model']} is asked too often: {waits}")


def _policy(data: dict[str, Any], stage: str) -> str:
    whose = ", ".join(layer["whose"] for layer in data["layers"]) or "nobody has written one: setpoint's own holds"
    return in_a_line(f"policy {data['sha256'][:12]}: {whose}")


def _unasked(data: dict[str, Any], stage: str) -> str:
    return in_a_line(f"nobody is asked about {data['step']}: {data['because']}")


def _released(data: dict[str, Any], stage: str) -> str:
    to = data["way_back"]["to"]
    return in_a_line(
        f"{data['environment']}: way back {f'to {to[:12]}' if to else 'to nothing, it is the first release'}"
    )


def _server(data: dict[str, Any], stage: str) -> str:
    name = visible(str(data["server"]))
    if "trouble" in data:
        return f"{_mark('refused')} server {name} is of no use: {visible(data['trouble'])[:200]}"
    told = f"server {name}: {len(data['tools'])} tools, {data['tokens']} tokens, list {data['sha256'][:12]}"
    told += "".join(
        f"\n{_INDENT}{paint(f'{how} since a person last looked', 'yellow')}: {visible(', '.join(names))[:200]}"
        for how, names in data.get("changed", {}).items()
    )
    left = "".join(f"\n{_INDENT}left out {visible(why)}" for why in data.get("left_out", ()))
    return told + left + (f"\n{_INDENT}{paint(visible(data['warning']), 'yellow')}" if "warning" in data else "")


def _unrun(data: dict[str, Any], stage: str) -> str:
    return paint("handed in without a run of its own after its last edit", "yellow") + f": {visible(data['why'])}"


def _looked(data: dict[str, Any], stage: str) -> str:
    seen = f"{len(data['pictures'])} pictures" if data["pictures"] else "no picture"
    return f"{_mark(data['outcome'])} {visible(data['by'])} looked at the app: {_cut(visible(data['reason']))}; {seen}"


_TOLD = {
    "server": _server,
    "unrun": _unrun,
    "looked": _looked,
    "policy": _policy,
    "unasked": _unasked,
    "released": _released,
    "switched": _switched,
    "circuit": _circuit,
    "rate-limit": _rate_limit,
    "waits": _waits,
    "created": _created,
    "round": _round,
    "gates": _gates,
    "sealed": _sealed,
    "second-suite": _second_suite,
    "effect": _effect,
    "ci": _ci,
    "deploy": _deploy,
    "person": _person,
    "moved": _moved,
    "stopped": _stopped,
    "deliverable": _deliverable,
    "lesson-candidate": _lesson,
    "follow-up": _follow_up,
    "manual": _manual,
    "paper": _paper,
    "void": _void,
    "joined": _joined,
    "restarted": _restarted,
}
