"""What a person is shown at a decision: enough to say yes or no, and the digest that the answer is bound to."""

from pathlib import Path

from ..model.numbers import counted
from ..model.plan import Plan
from ..model.spec import FunctionalSpec
from ..pipeline.approvals import change_subject, task_subject
from ..pipeline.artifacts import deliverable_text
from ..pipeline.bench import Ground
from ..pipeline.criteria import plan_of, wished
from ..pipeline.grants import plan_mark
from ..pipeline.intake import askable
from .drawn import drawn
from .feedback import feedback_gaps, gap_lines

DIFF_LINES = 400


MANY_TASKS = 10
MANY_LINES = 600
"""From here on a plan is called large: what one person still reads well in a sitting."""


def large(plan: Plan) -> list[str]:
    """A word of warning on a plan that is too large to be judged well as one change."""
    tasks, lines = len(plan.tasks), plan.estimate.lines
    if tasks <= MANY_TASKS and lines <= MANY_LINES:
        return []
    size = f"{counted(tasks, 'tasks')}, about {counted(lines, 'lines')}"
    return [
        f"a large plan: {size}; up to {MANY_TASKS} and {MANY_LINES} are judged well",
        "smaller ones: reject it with what comes first and what later, or run the ticket with `--route epic`",
    ]


def found_out(ground: Ground) -> list[str]:
    """What the ticket did not say and discovery answered in its stead: to be confirmed with the plan."""
    spec = FunctionalSpec.model_validate(given) if (given := ground.given("functional_spec")) else None
    if spec is None:
        return []
    answers = {"users": spec.users, "can_break": spec.can_break, "must_stay": spec.must_stay}
    lines: list[str] = []
    for gap in askable(ground.run.ticket):
        lines.append(f"the ticket did not say {gap.what.partition(':')[0]}; discovery found, and your yes confirms:")
        found = answers[gap.field]
        lines += [f"  {answer}" for answer in ((found,) if isinstance(found, str) else found)]
    return [*lines, ""] if lines else []


async def shown(ground: Ground) -> list[str]:
    """The lines."""
    stage = ground.position.stage
    if stage in ("plan", "children"):
        name = "split" if stage == "children" else "plan"
        text = deliverable_text(name, ground.given(name) or {})
        plan = plan_of(ground) if name == "plan" else None
        asked = [
            f"your yes also allows: {a.kind.value} {a.subject}: {a.detail}"
            for a in (wished(ground, plan) if plan else ())
        ]
        unseen = gap_lines(feedback_gaps(ground.config, ground.run.ticket, Path(ground.run.repository)))
        warned = [*found_out(ground), *(large(plan) if plan else []), *unseen]
        bound = f"your answer is bound to {plan_mark(ground, name)[:12]}"
        picture = drawn(plan.diagram) if plan else []
        return [*text.splitlines(), "", *picture, *asked, *warned, bound]
    if stage == "implementation":
        return await _task(ground)
    if stage == "change":
        return await _change(ground)
    if stage == "deploy":
        environment = ground.config.environment[ground.position.environment]
        merged = ground.fact("merged") or {}
        return [f"deploy {str(merged.get('sha', ''))[:12]} to {environment.name}: {' '.join(environment.deploy)}"]
    return []


async def _task(ground: Ground) -> list[str]:
    """The task that was done last: what it said, its checks, and the change as it is now."""
    workspace = await ground.workspace()
    tree = await workspace.tree()
    plan, number = plan_of(ground), ground.position.task
    titles = [task.title for task in plan.tasks] if plan else []
    before = f"task {number} of {len(titles)} is done: {titles[number - 1]}" if titles else ""
    after = f"your yes begins task {number + 1}: {titles[number]}" if titles else ""
    return [
        *_diff(await workspace.diff(ground.run.base)),
        "",
        before,
        *_results(ground, tree),
        after,
        f"your answer is bound to tree {tree[:12]}, {task_subject(ground, tree)[:12]}",
    ]


def _diff(text: str) -> list[str]:
    lines = text.splitlines()
    left = counted(len(lines) - DIFF_LINES, "more lines")
    more = [f"(and {left}: `setpoint diff`)"] if len(lines) > DIFF_LINES else []
    return [*lines[:DIFF_LINES], *more]


def _results(ground: Ground, tree: str) -> list[str]:
    return [
        line
        for _, r in ground.bench.store.results(ground.run.id, tree)
        for line in (
            f"{r.gate}: {r.outcome.value}, {r.reason}",
            *(f"  what the browser showed: `setpoint gates picture {name} page.png`" for name in r.pictures),
        )
    ]


async def _change(ground: Ground) -> list[str]:
    workspace = await ground.workspace()
    tree = await workspace.tree()
    review = ground.given("review") or {}
    lines = _results(ground, tree)
    lines += [f"review: {review.get('summary', '')}"]
    lines += [f"  {f['severity']}: {f['path']}: {f['what']}" for f in review.get("findings", [])]
    return [
        *_diff(await workspace.diff(ground.run.base)),
        "",
        *_joined(ground),
        *lines,
        f"your answer is bound to tree {tree[:12]}, {change_subject(ground, tree)[:12]}",
    ]


def _joined(ground: Ground) -> list[str]:
    """What the base brought since the change was last judged."""
    joined = ground.fact("joined")
    if not joined or joined["theirs"] != ground.run.base:
        return []
    same = "the same, line for line" if joined["same_patch"] else "not the same as before"
    onto = f"{ground.run.base_branch} moved from {joined['before'][:12]} to {joined['theirs'][:12]} and was merged in"
    return [f"{onto}; the change itself is {same}"]
