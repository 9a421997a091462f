"""What a person is shown at a decision: enough to say yes or no, and the digest that the answer is bound to."""

from ..pipeline.artifacts import deliverable_text
from ..pipeline.bench import Ground
from ..pipeline.criteria import plan_of, wished
from ..pipeline.delivery import change_subject, plan_subject

DIFF_LINES = 400


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
        return [*text.splitlines(), "", *asked, f"your answer is bound to {plan_subject(ground, name)[:12]}"]
    if stage == "change":
        return await _change(ground)
    if stage == "deploy":
        environment = ground.config.environment[ground.position.environment]
        merged = ground.fact("merged") or {}
        return [f"deploy {str(merged.get('sha', ''))[:12]} to {environment.name}: {' '.join(environment.deploy)}"]
    return []


async def _change(ground: Ground) -> list[str]:
    workspace = await ground.workspace()
    tree = await workspace.tree()
    diff = (await workspace.diff(ground.run.base)).splitlines()
    review = ground.given("review") or {}
    results = [r for _, r in ground.bench.store.results(ground.run.id, tree)]
    lines = [f"{r.gate}: {r.outcome.value}, {r.reason}" for r in results]
    lines += [f"review: {review.get('summary', '')}"]
    lines += [f"  {f['severity']}: {f['path']}: {f['what']}" for f in review.get("findings", [])]
    more = [f"(and {len(diff) - DIFF_LINES} more lines: `setpoint diff`)"] if len(diff) > DIFF_LINES else []
    return [
        *diff[:DIFF_LINES],
        *more,
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
