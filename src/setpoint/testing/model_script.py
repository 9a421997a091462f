"""A recording as the script of a model over HTTP, so that whole runs can be driven through real requests.

Nothing in a request names its session. The server tells sessions apart by their system text and first message, and
gives each new one the first entry of the recording, in file order, that hands in by the same submit tool and has not
begun yet. So entries must stand in the order their sessions begin, and one run is served at a time.
"""

from pathlib import Path

from ..adapters.agents.recording import Entry, Place, Recording, load
from ..errors import RecordingError
from .model_formats import Call, Step
from .model_server import Seen

DELIVERABLES = {
    "discovery": "functional_spec",
    "planning": "plan",
    "implementation": "change",
}


def from_recording(recording: Path | Recording) -> "RecordedScript":
    """The script of a recording."""
    return RecordedScript(load(recording) if isinstance(recording, Path) else recording)


class RecordedScript:
    """Finds the entry and the step a request asks for."""

    def __init__(self, recording: Recording) -> None:
        self._entries = {entry.place: entry for entry in recording.sessions}
        self._begun: dict[tuple[str, str, str], Place] = {}

    def __call__(self, seen: Seen) -> Step:
        """The recorded step. Raises RecordingError when there is none: the request is refused, the run stops."""
        key = (seen.submit, seen.system, seen.first)
        if key not in self._begun:
            self._begun[key] = self._next(seen.submit)
        entry = self._entries.get((*self._begun[key][:-1], seen.turns))
        if entry is None or seen.replies_in_turn >= len(entry.steps):
            raise RecordingError(f"nothing recorded for {seen.submit}, turn {seen.turns}, step {seen.replies_in_turn}")
        step = entry.steps[seen.replies_in_turn]
        return Step(
            text=step.message,
            calls=tuple(Call(call.function_name, call.arguments, call.tool_call_id) for call in step.tool_calls),
            input_tokens=step.metrics.prompt_tokens,
            output_tokens=step.metrics.completion_tokens,
            cached_tokens=step.metrics.cached_tokens,
        )

    def _next(self, submit: str) -> Place:
        taken = set(self._begun.values())
        for place, entry in self._entries.items():
            if entry.turn == 1 and place not in taken and self._submits(entry) == submit:
                return place
        raise RecordingError(f"no recorded session is left that hands in by {submit}")

    def _submits(self, entry: Entry) -> str:
        """By which tool the entry's session hands in; it may first ask, so its later turns say it too."""
        own = [other for other in self._entries.values() if other.place[:-1] == entry.place[:-1]]
        names = [other.steps[-1].tool_calls[-1].function_name for other in own]
        closing = [name for name in names if name.startswith("submit_")]
        if closing:
            return closing[0]
        role = entry.role.value
        found = {"validator": "verdict", "reviewer": "review"}.get(role, DELIVERABLES.get(entry.phase, entry.phase))
        return f"submit_{found}"
