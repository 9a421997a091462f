"""One line of words for an entry of the journal; entries that only machines need give none."""

from typing import Any

from ..model.run import Event
from .out import MARKS, money, paint, visible


def line_of(event: Event, *, every: bool = False) -> str:
    """What a person reads of `event`; empty when it tells them nothing new."""
    told = _TOLD.get(event.kind)
    text = told(event.data, event.stage) if told else ""
    if not text and every:
        text = f"{event.kind} {_short(event.data)}"
    if not text:
        return ""
    clock = event.at.astimezone().strftime("%H:%M:%S")
    return f"{paint(clock, 'dim')}  {event.stage:<14} {visible(text)}"


def _short(data: dict[str, Any]) -> str:
    text = ", ".join(f"{key}={value}" for key, value in data.items())
    return text if len(text) <= 200 else f"{text[:200]}…"


def _created(data: dict[str, Any], stage: str) -> str:
    return f"run started: route {data['route']} ({data['because']})"


def _round(data: dict[str, Any], stage: str) -> str:
    marks = [f"error {data['error']:g}", f"{data['blocking']} above Low"]
    if data["closed"]:
        marks.append(f"{len(data['closed'])} closed")
    if data["reopened"]:
        marks.append(f"{len(data['reopened'])} came back")
    lines = [f"round {data['attempt']}: {', '.join(marks)} → {data['decision']}"]
    for objection in data["objections"][:8]:
        place = objection.get("place") or {}
        where = f" {place['path']}:{place['line']}" if place.get("line") else f" {place['path']}" if place else ""
        lines.append(
            f"{'':<26}{objection['severity'].upper():<6} {objection['source']}:{where} {objection['what'][:160]}"
        )
    return "\n".join(lines)


def _gate(data: dict[str, Any], stage: str) -> str:
    return f"{MARKS[data['outcome']]} {data['gate']}: {data['reason']}"


def _sealed(data: dict[str, Any], stage: str) -> str:
    return f"✓ red proof: {len(data['tests'])} tests fail on the base for the right reason; sealed"


def _effect(data: dict[str, Any], stage: str) -> str:
    if "branch" in data:
        return f"pushed {data['branch']}, pull request #{data['pull_request']}"
    return f"merged #{data['pull_request']} as {data['sha'][:12]}: {', '.join(data['stages'])} passed"


def _ci(data: dict[str, Any], stage: str) -> str:
    counts = ", ".join(f"{gate['gate']} {gate['examined']}" for gate in data["gates"])
    return f"CI {data['state']} on {data['sha'][:12]} ({counts})"


def _deploy(data: dict[str, Any], stage: str) -> str:
    mark = MARKS["passed" if data["ok"] else "failed"]
    last = "" if data["ok"] else f": {data['output'].strip().splitlines()[-1][:160] if data['output'].strip() else ''}"
    return f"{mark} {data['step']} {data['environment']} ({data['sha'][:12]}){last}"


def _person(data: dict[str, Any], stage: str) -> str:
    because = f": {data['because']}" if data["because"] else ""
    return f"{data['by']} said {data['said']}{because}"


def _moved(data: dict[str, Any], stage: str) -> str:
    to = data["to"]
    if to.get("state", "running") in ("waiting", "parked", "paused", "done", "declined", "cancelled"):
        waits = f" for {to['waits']}" if to.get("waits") else ""
        return f"{to['state']}{waits} at {to['stage']}"
    return f"→ {to['stage']}" if data["from"].get("stage") != to["stage"] else ""


def _tool(data: dict[str, Any], stage: str) -> str:
    return ""


def _stopped(data: dict[str, Any], stage: str) -> str:
    return f"stopped: {data['error']}"


def _cost(data: dict[str, Any], stage: str) -> str:
    return f"cost {money(data.get('usd'))}"


def _deliverable(data: dict[str, Any], stage: str) -> str:
    return f"✓ {data['name']} accepted and locked ({data['sha256'][:12]})"


def _lesson(data: dict[str, Any], stage: str) -> str:
    return f"lesson candidate: {data['rule']}"


_TOLD = {
    "created": _created,
    "round": _round,
    "gate": _gate,
    "sealed": _sealed,
    "effect": _effect,
    "ci": _ci,
    "deploy": _deploy,
    "person": _person,
    "moved": _moved,
    "stopped": _stopped,
    "deliverable": _deliverable,
    "lesson-candidate": _lesson,
}
