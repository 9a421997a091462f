"""The model of the benchmark: answers at once from a script, in a process of its own.

Speaks one JSON document a line with its parent: it is told `{"do": "times"}` and gives, for each session that asked
since, when its requests arrived.
"""

import sys

from setpoint.testing.model_formats import Call, Step
from setpoint.testing.model_server import ScriptedModel, Seen

from .process import serve
from .task import STEPS

REPLIES = tuple(Step(calls=(Call(step.tool, step.arguments),)) for step in STEPS)


def reply(seen: Seen) -> Step:
    """The next step of the session that asks."""
    return REPLIES[min(seen.replies, len(REPLIES) - 1)]


def main() -> int:
    """Serve until the parent closes the pipe."""
    with ScriptedModel(reply) as model:

        def act(asked: dict[str, object]) -> dict[str, object]:
            if asked["do"] == "where":
                return {"url": model.root}
            seen, model.requests = model.requests, []
            times: dict[str, list[float]] = {}
            for request in seen:
                times.setdefault(request.first, []).append(request.at)
            sizes = [len(request.raw) for request in seen]
            return {"times": times, "bytes": sizes}

        serve(act)
    return 0


if __name__ == "__main__":
    sys.exit(main())
