"""The first lines of a run: what a person must know before it."""

from collections.abc import Sequence

from ..model.session import Role
from ..model.settings import Config
from ..pipeline.models import choose_models


def header(config: Config, missing: Sequence[str] = (), sign_ins: Sequence[str] = ()) -> list[str]:
    """What a person must know before a run: containment, independence, replay, autonomy. `missing`: layers of the
    sandbox that this machine lacks; `sign_ins`: what is told of agents' own that it works with."""
    level = config.sandbox.level
    lines = [
        f"sandbox {level}: commands run on this host, unconfined"
        if level == "none"
        else f"sandbox {level}" + (f", without {', '.join(missing)}" if missing else "")
    ]
    if config.agent.kind == "replay":
        lines.append("the model's turns are replayed from a recording; all else is real")
    else:
        reviewer = choose_models(config, "review", Role.REVIEWER)
        lines.append(f"reviewer {reviewer.models[0]}, independence {reviewer.independence}")
    lines += sign_ins
    if config.sensitive.because:
        lines.append(f"sensitive ({config.sensitive.because}): only {', '.join(sorted(config.providers)) or 'nobody'}")
    for name, gate in config.gates.items():
        if gate.network:
            lines.append(f"gate {name} may reach {', '.join(gate.network)}")
    if config.autonomy == "full":
        lines.append("autonomy full: nobody is asked")
    return lines
