"""The last word before an effect: what the guards of forge and deployer ask, at that moment."""

from collections.abc import Callable

from ..model.run import Run, State
from ..model.settings import Config
from ..policy.action import Action, ActionKind
from ..policy.decide import Allow, Decision, Deny
from ..ports import Store
from .policies import rules_on_record
from .trust import asks_deploy, let_go


def permit_of(store: Store, config: Config) -> Callable[[Action], Decision]:
    """Only a run that stands at that very step may have the effect, once a person's yes was used up for it."""

    def permit(action: Action) -> Decision:
        for run in store.runs(active=True):
            if run.position.stage != action.kind.value or run.position.state is not State.RUNNING:
                continue
            if action.kind is ActionKind.MERGE and run.branch == action.subject:
                return _used(store, run, f"merge:{action.detail}", free=_unasked(store, config, run))
            merged = store.recall(run.id, f"merged:{run.position.cycle}")
            if action.kind is ActionKind.DEPLOY and merged and merged["sha"] == action.detail:
                wanted = next((e for e in config.environment if e.name == action.subject), None)
                free = wanted is None or not asks_deploy(store, run, rules_on_record(store, run.id), wanted)
                return _used(store, run, f"deploy:{action.subject}:{action.detail}", free=free)
        return Deny(reason="no run stands at this step", fix="`setpoint list` shows where runs stand")

    return permit


def _unasked(store: Store, config: Config, run: Run) -> bool:
    return config.autonomy == "full" and let_go(store, run, rules_on_record(store, run.id), "merge") is not None


def _used(store: Store, run: Run, effect: str, *, free: bool) -> Decision:
    if free:
        return Allow(reason=f"run {run.id} stands at this step, and nobody is asked")
    if any(use.effect == effect for use in store.uses(run.id)):
        return Allow(reason="a person's yes was used for exactly this")
    return Deny(reason="no person's yes was used for this", fix=f"`setpoint approve {run.id}`")
