"""Whether a person is asked at a step: what `autonomy` wishes, held to the level the repository trusts the step with.

Levels stand in the policy of the base. An `auto-after-N-clean` is earned by the last N runs that came through the step,
and lost by the next one that did not; it is looked at when the step is decided and again before its effect.
"""

from ..model.approval import Answer
from ..model.release import Environment
from ..model.run import Run, State
from ..policy.rules import Rules, clean_runs
from ..ports import Store
from .bench import Ground
from .policies import rules_of

STEP_AFTER = {"planning": "plan", "split": "children", "review": "merge"}
"""The step whose decision follows a phase."""
LOOKED_AT = 500
"""Most runs of a repository that a level is earned by."""


def unasked(ground: Ground, step: str) -> str:
    """Why nobody is asked at the decision `step`; empty where a person is."""
    if ground.config.autonomy != "full":
        return ""
    free = let_go(ground.bench.store, ground.run, rules_of(ground), step)
    return f"autonomy is `full`{free}" if free is not None else ""


def asks_task(ground: Ground) -> bool:
    """Whether a person says yes between two tasks."""
    if ground.config.autonomy == "each-task":
        return True
    return let_go(ground.bench.store, ground.run, rules_of(ground), "task") is None


def asks_deploy(store: Store, run: Run, rules: Rules, environment: Environment) -> bool:
    """Whether a person says yes before a release goes to `environment`."""
    return environment.approval or let_go(store, run, rules, f"deploy:{environment.name}") is None


def let_go(store: Store, run: Run, rules: Rules, step: str) -> str | None:
    """What the step earned its freedom with, to be added to a reason; None while a person is to be asked."""
    level = dict(rules.trust).get(step, "auto")
    if level == "ask":
        return None
    wanted = clean_runs(level)
    found = clean_in_a_row(store, run, step, wanted) if wanted else 0
    if found < wanted:
        return None
    return f", and {step} has {found} clean runs behind it ({level})" if wanted else ""


def clean_in_a_row(store: Store, but: Run, step: str, most: int) -> int:
    """How many of the latest runs of this repository came through `step` clean, up to the first that did not."""
    others = [run for run in store.runs() if run.repository == but.repository and run.id != but.id]
    count = 0
    for run in sorted(others, key=lambda run: run.updated, reverse=True)[:LOOKED_AT]:
        clean = came_through(store, run, step)
        if clean is False or count >= most:
            break
        count += clean is True
    return count


def came_through(store: Store, run: Run, step: str) -> bool | None:
    """Whether the run came through the step with nothing taken back; None when it never got past it."""
    if run.position.cycle > 1:
        return False
    about = {"merge": "change", "task": "task:"}.get(step, step)
    answers = [a.answer for a in store.approvals(run.id, 1) if a.about == about or a.about.startswith(f"{about}:")]
    if any(answer is not Answer.GRANTED for answer in answers) or (step == "plan" and run.position.epoch > 1):
        return False
    if run.position.state is not State.DONE:
        return None
    kind, _, place = step.partition(":")
    if kind != "deploy":
        return True
    released = store.recall(run.id, f"released:1:{place}")
    return bool(released["ok"]) if released else None
