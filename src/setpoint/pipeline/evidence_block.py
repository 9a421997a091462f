"""The pull request's text: what changed, and what its greens rest on."""

from collections.abc import Collection, Sequence

from ..gates.auditors import NOT_AUDITED
from ..model.approval import Approval
from ..model.change import Change
from ..model.change_record import ChangeRecord
from ..model.numbers import counted
from ..model.run import Round
from .bench import Ground
from .criteria import criteria_of, opened_by_person, plan_of
from .diagrams import block
from .judging import policy_mark, sealed_claims, second_suite
from .own_runs import handed_in_unrun
from .trust import unasked

TEXT_CAP = 18_000


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(_cell(c) for c in row) + " |" for row in rows)])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:200]


def pull_request_text(ground: Ground, tree: str, approval: Approval | None, record: ChangeRecord | None = None) -> str:
    """Summary first, the evidence block folded below it, and with the merge the change record."""
    change = ground.given("change")
    summary = Change.model_validate(change).summary if change else ground.run.ticket.title
    block = "\n\n".join(
        [
            f"Ticket `{ground.run.ticket.id}`, run `{ground.run.id}`, tree `{tree}`",
            *([_stages(record)] if record else []),
            _risk(ground),
            _criteria(ground),
            _gates(ground, tree),
            _rounds(ground),
            *_unrun(ground),
            _cost(ground),
            _approved(ground, approval),
        ]
    )
    picture = _picture(ground)
    return f"{summary[:8000]}\n\n{picture}<details><summary>Evidence</summary>\n\n{block[:TEXT_CAP]}\n\n</details>\n"


def _approved(ground: Ground, approval: Approval | None) -> str:
    if approval is None:
        return f"Nobody was asked: {unasked(ground, 'merge')}."
    found = [f"- {_cell(point)}: {_cell(words)}" for point, words in approval.inspection.items()]
    head = f"Approved by {_cell(approval.by)}, bound to this tree, signed with `{approval.key}`."
    return "\n".join([head, *(["", "Inspected:", *found] if found else [])])


def _stages(record: ChangeRecord) -> str:
    rows = [
        (p.stage, p.what, ", ".join(p.by), f"{p.at:%Y-%m-%d %H:%M} UTC" if p.at else "", p.sha256[:12], p.tree[:12])
        for p in record.stages
    ]
    head = ("stage", "passed by", "who", "when", "digest", "tree")
    return f"Change record of tree `{record.tree}`, policy `{record.policy[:12]}`\n\n{_table(head, rows)}"


def _picture(ground: Ground) -> str:
    """The plan's picture, where the forge draws it."""
    plan = ground.given("plan")
    shown = block(plan["diagram"]) if plan else ""
    return f"{shown}\n\n" if shown else ""


def _risk(ground: Ground) -> str:
    """What could go wrong, as the plan saw it, what a person opened for it, and the policy all of it stood under."""
    plan = plan_of(ground)
    said = (
        f"Risk: {plan.estimate.risk}, as the plan estimates it." if plan else "Risk: not estimated, there is no plan."
    )
    risks = [f"- {_cell(risk)}" for risk in (plan.risks if plan and plan.risks != "none" else ())]
    opened = dict.fromkeys(f"{action.kind} {action.subject}" for action in opened_by_person(ground))
    asked = f"Opened by a person: {_cell(', '.join(opened))}." if opened else "Nothing was opened beyond the policy."
    return "\n".join([said, *risks[:10], "", f"{asked} Policy `{policy_mark(ground)[:12]}`."])


def _criteria(ground: Ground) -> str:
    claims, second = sealed_claims(ground), {claim.id for claim in second_suite(ground).claims}
    rows = [
        (
            c.id,
            c.source.value,
            c.text,
            ", ".join(_test(claim.id, second) for claim in claims if c.id in claim.proves) or "no automatic test",
        )
        for c in criteria_of(ground)
    ]
    return _table(("criterion", "from", "what", "proved by (red on the base, green here)"), rows)


def _test(name: str, second: Collection[str]) -> str:
    return f"`{name}` (second suite)" if name in second else f"`{name}`"


def _gates(ground: Ground, tree: str) -> str:
    results = {r.gate: r for _, r in ground.bench.store.results(ground.run.id, tree)}
    rows = [(r.gate, r.outcome.value, f"{r.evidence.examined} {r.evidence.unit}", r.reason) for r in results.values()]
    table, unaudited = _table(("gate", "outcome", "examined", "reason"), rows), ground.config.checks.unaudited
    return f"{table}\n\n{NOT_AUDITED.capitalize()}: {_cell(unaudited)}" if unaudited else table


def _rounds(ground: Ground) -> str:
    rounds: list[Round] = [r for r, _ in ground.bench.store.rounds(ground.run.id, ground.position.cycle)]
    rows = [(r.stage, str(r.attempt), f"{r.error:g}", str(len(r.opened)), str(len(r.closed))) for r in rounds]
    return _table(("loop", "round", "error", "opened", "closed"), rows)


def _unrun(ground: Ground) -> Sequence[str]:
    """The hand-ins that the engine's gates alone speak for."""
    found = handed_in_unrun(ground)
    told = "\n".join(f"- {_cell(line)}" for line in found[:10])
    return [f"Handed in without a run of its own after its last edit:\n{told}"] if found else []


def _cost(ground: Ground) -> str:
    cost = ground.bench.store.run(ground.run.id).cost
    money = "unknown (a model without a listed price)" if cost.usd is None else f"${cost.usd:.4f} at list prices"
    reviewed = ground.fact("reviewed") or {}
    by = ", ".join(reviewed.get("models", [])[:1])
    return (
        f"Cost: {money}; {counted(cost.requests, 'requests')}, "
        f"{counted(cost.input_tokens, 'tokens')} in, {cost.output_tokens} out. "
        f"Reviewed by {by or 'nobody'} (independence: {reviewed.get('independence', 'none')})."
    )
