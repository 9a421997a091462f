"""Whose yes counts in a run: as the base branch says it, at this moment."""

from datetime import datetime

from ..model.record import Record
from ..model.settings import Config
from ..policy.approvals import Voices
from ..policy.digest import policy_digest
from .bench import Ground
from .policies import rules_of

_STANDS = frozenset(("change", "publish", "ci", "merge"))
"""Steps at which the change stands on the base's last commit: each of them looks whether the base has moved, first."""


async def trusted(ground: Ground) -> Config:
    """The configuration of the base branch; the run's own where the base has none. Nothing of the ticket's branch is
    looked at, and at the merge nothing of what it brings."""
    run, workspaces = ground.run, ground.bench.workspaces
    commit = run.base if ground.position.stage in _STANDS else await workspaces.fetch(run.base_branch)
    for name in ("setpoint.toml", "pyproject.toml"):
        text = await workspaces.show(commit, name)
        if text is not None and (name == "setpoint.toml" or b"[tool.setpoint" in text):
            return ground.bench.parse(text.decode("utf-8", "replace"), name)
    return ground.config


class _Asked(Record):
    """Who is asked before what."""

    autonomy: str
    deploys: tuple[str, ...]
    days: float
    inspection: tuple[str, ...]
    each_point: bool
    four_eyes: str


def asked_by(ground: Ground, config: Config) -> str:
    """Digest of the policy the run stands under, and of what `config`, the base branch's, says on who is asked."""
    settings = config.approvals
    asked = _Asked(
        autonomy=config.autonomy,
        deploys=tuple(environment.name for environment in config.environment if environment.approval),
        days=settings.days,
        inspection=settings.inspection,
        each_point=settings.each_point,
        four_eyes=settings.four_eyes,
    )
    return policy_digest(rules_of(ground), config.boundaries, asked)


def voices_of(ground: Ground, config: Config, about: str = "", *, answering: bool = False) -> Voices:
    """Whose yes to `about` counts under `config`. Where approvers are named, the key of this place is looked at only by
    who is `answering` with it. Raises KeyFileError."""
    withdrawn = ground.fact(f"withdrawn:{about}") or {}
    eyes = config.approvals.four_eyes != "none"
    return Voices(
        own=ground.bench.signer.own() if answering or not config.approvals.approvers else "",
        names=config.approvers,
        settings=config.approvals,
        agents=_agents(ground),
        involved=_involved(ground) if eyes else (),
        withdrawn=int(withdrawn.get("serial", 0)),
    )


def _agents(ground: Ground) -> tuple[str, ...]:
    """Models and agents that may be at work in the run, by every name."""
    config, reviewed = ground.config, ground.fact("reviewed") or {}
    found = [name for names in config.models.values() for name in names]
    found += [name for phase in config.phase.values() for name in (phase.model, phase.validator) if "/" in name]
    found += [*reviewed.get("models", ()), *ground.bench.agents]
    found += [r.model for r, _ in ground.bench.store.rounds(ground.run.id, ground.position.cycle) if r.model]
    plain = [str(name).casefold() for name in found]
    return tuple(sorted({*plain, *(name.partition("/")[2] for name in plain if "/" in name)}))


def _involved(ground: Ground) -> tuple[str, ...]:
    by_hand = {str(e.data["by"]) for e in ground.bench.store.events(ground.run.id, limit=100_000) if e.kind == "manual"}
    return tuple(sorted({ground.run.author or ground.run.owner, *by_hand}))


def moment(ground: Ground) -> datetime:
    """Now; never before the run's last move, whatever the machine's clock says."""
    return max(ground.bench.now(), ground.run.updated)
