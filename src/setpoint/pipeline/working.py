"""A session that changes files: within the run's policy, and with one question for all it needs a person for."""

from dataclasses import replace

from ..model.session import Asked
from ..policy.decide import Policy
from ..policy.guard import GuardedWorkspace
from ..ports import Workspace
from .bench import Ground
from .desk import Handing, Sitting, sit, turns_of
from .requests import about_hand_in, policy_for, question_for, refusal_turn, sorted_out


async def build(ground: Ground, sitting: Sitting, workspace: Workspace, policy: Policy) -> Handing | Asked:
    """As `sit`, for a session that writes: in `workspace`, under `policy`. What it asks to be allowed becomes one
    question to a person; what nobody can allow is told it at once."""
    room = GuardedWorkspace(
        workspace, policy.boundaries, rules=policy.rules, granted=policy.granted, writes=True,
        outputs=ground.bench.store.blob,
    )  # fmt: skip
    sitting = replace(sitting, writes=True, boundaries=policy.boundaries)
    while True:
        reply = await sit(ground, sitting, room)
        if isinstance(reply, Handing):
            return about_hand_in(ground, sitting.session, reply.record) or reply
        if not reply.requests:
            return reply
        batch = sorted_out(policy_for(ground), reply.requests)
        if batch.open:
            why = "\n".join(line for line in (reply.why, *batch.told) if line)
            return question_for(batch.open, reply.question, why)
        told = {f"requests:{len(turns_of(ground, sitting.session))}": refusal_turn(batch)}
        sitting = replace(sitting, turns={**sitting.turns, **told})
