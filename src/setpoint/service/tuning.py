"""`setpoint tune`: what recorded runs say about limits and models, phase by phase, and the change they speak for.

Closed forms only: Wilson's interval for a share, and one change point for the attempt from which trying again stopped
paying. Too little data is said, never guessed over.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..errors import NotSignedInError
from ..model.numbers import counted
from ..model.record import Record
from ..model.run import Round
from ..model.session import Role
from ..model.settings import Config
from ..pipeline.models import PHASE_SIZE, SIZES, choose_models
from ..ports import Store

ENOUGH = 20
"""Loops of a phase, or of a model in it, below which nothing is proposed."""
Z = 1.96
"""Of a 95 % interval."""
SURE = 3.32
"""Least gain in log-likelihood of a knee over one chance for all attempts: 99 % at one degree of freedom."""
WORSE = 0.10
"""How much less than the present model's share a smaller one must at least reach to be proposed."""


class Share(Record):
    """A share with its 95 % interval (Wilson)."""

    of: int
    got: int

    @property
    def value(self) -> float:
        """The share itself; 0 of nothing."""
        return self.got / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Between what it may well be."""
        if not self.of:
            return 0.0, 1.0
        squared, p = Z * Z / self.of, self.value
        middle, half = p + squared / 2, Z * math.sqrt(p * (1 - p) / self.of + squared / (4 * self.of))
        return max(0.0, (middle - half) / (1 + squared)), min(1.0, (middle + half) / (1 + squared))

    def told(self) -> dict[str, object]:
        """The share with what follows from it."""
        return {"of": self.of, "got": self.got, "value": self.value, "interval": list(self.interval)}


class PhaseFit(Record):
    """What the loops of one phase came to."""

    phase: str
    loops: int
    attempts: tuple[Share, ...]
    """Of the loops that came to attempt 1, 2, …: how many were accepted there."""
    models: dict[str, Share]
    """Of the loops a model began, by size class or name: how many it brought to acceptance."""
    limit: int
    """The limit in force."""
    model: str
    """The model in force, as a size class where it is one."""
    propose_limit: int | None = None
    propose_model: str | None = None
    because: tuple[str, ...] = ()

    def told(self) -> dict[str, object]:
        """The fit as a JSON document, each share with its interval."""
        curve = [share.told() for share in self.attempts]
        models = {name: share.told() for name, share in self.models.items()}
        return {**self.model_dump(mode="json"), "attempts": curve, "models": models}


def fits(store: Store, config: Config) -> tuple[PhaseFit, ...]:
    """Every phase that has loops on record, in order of first appearance."""
    phases: dict[str, list[list[Round]]] = {}
    for loop in loops(store):
        phases.setdefault(phase_of(loop[0].stage), []).append(loop)
    return tuple(_fit(phase, found, config) for phase, found in phases.items())


def loops(store: Store) -> Iterator[list[Round]]:
    """The rounds of each loop of all runs; a person's word that lets a loop start over begins a new one."""
    for run in store.runs():
        for cycle in range(1, run.position.cycle + 1):
            under_way: dict[str, list[Round]] = {}
            for round_, _ in store.rounds(run.id, cycle):
                loop = under_way.get(round_.stage)
                if loop is None or round_.attempt <= loop[-1].attempt:
                    if loop:
                        yield loop
                    under_way[round_.stage] = [round_]
                else:
                    loop.append(round_)
            yield from under_way.values()


def phase_of(stage: str) -> str:
    """The phase a loop belongs to: `implementation:T001~review2` is implementation."""
    return stage.partition(":")[0].partition("#")[0]


def _accepted(loop: Sequence[Round]) -> bool:
    return loop[-1].blocking == 0


def by_attempt(found: Sequence[Sequence[Round]]) -> tuple[Share, ...]:
    """For each attempt: the loops that came to it, and those accepted there."""
    longest = max(map(len, found), default=0)
    return tuple(
        Share(
            of=sum(1 for loop in found if len(loop) >= number),
            got=sum(1 for loop in found if len(loop) == number and _accepted(loop)),
        )
        for number in range(1, longest + 1)
    )


def knee(attempts: Sequence[Share]) -> int | None:
    """The attempt after which the chance of success fell for good, where the data are sure of one."""
    alike = _likelihood(attempts)
    splits = [
        (_likelihood(attempts[:at]) + _likelihood(attempts[at:]), at)
        for at in range(1, len(attempts))
        if _pooled(attempts[:at]).value > 2 * _pooled(attempts[at:]).value
    ]
    best, at = max(splits, default=(0.0, 0), key=lambda split: (split[0], -split[1]))
    return at if splits and best - alike >= SURE else None


def _pooled(shares: Iterable[Share]) -> Share:
    listed = list(shares)
    return Share(of=sum(share.of for share in listed), got=sum(share.got for share in listed))


def _likelihood(shares: Sequence[Share]) -> float:
    """Log-likelihood of these shares under one common chance."""
    pooled = _pooled(shares)
    if pooled.got in (0, pooled.of):
        return 0.0
    return pooled.got * math.log(pooled.value) + (pooled.of - pooled.got) * math.log(1 - pooled.value)


def _fit(phase: str, found: Sequence[Sequence[Round]], config: Config) -> PhaseFit:
    attempts, models = by_attempt(found), _by_model(found, config)
    now = PhaseFit(
        phase=phase,
        loops=len(found),
        attempts=attempts,
        models=models,
        limit=config.settings(phase).attempts,
        model=_in_force(phase, config),
    )
    if len(found) < ENOUGH:
        return now.model_copy(update={"because": (f"no data: {counted(len(found), 'loops')}, {ENOUGH} are the least",)})
    limit, why = _limit(now)
    model, which = _model(now)
    told = {"propose_limit": limit, "propose_model": model, "because": (why, which)}
    return now.model_copy(update=told)


def _limit(fit: PhaseFit) -> tuple[int | None, str]:
    at = knee(fit.attempts)
    if at is None:
        return None, "attempts: no knee that the data are sure of"
    before, after = _pooled(fit.attempts[:at]), _pooled(fit.attempts[at:])
    later = f"later {after.value:.0%}, at most {after.interval[1]:.0%}"
    told = f"attempts: up to {at}, {before.value:.0%} succeed each; {later}"
    return (None, f"{told}; the limit is there already") if at == fit.limit else (at, told)


def _by_model(found: Sequence[Sequence[Round]], config: Config) -> dict[str, Share]:
    """By the model that began; a loop that was escalated was not won by it."""
    names = _classes(config)
    counted: dict[str, list[bool]] = {}
    for loop in found:
        if loop[0].model:
            won = _accepted(loop) and all(round_.model == loop[0].model for round_ in loop)
            counted.setdefault(names.get(loop[0].model, loop[0].model), []).append(won)
    return {name: Share(of=len(each), got=sum(each)) for name, each in sorted(counted.items())}


def _classes(config: Config) -> Mapping[str, str]:
    """The smallest size class each configured model is first choice of."""
    known = {str(size): models[0] for size, models in config.models.items() if models}
    return {known[size]: size for size in reversed(SIZES) if size in known}


def _in_force(phase: str, config: Config) -> str:
    role = Role.REVIEWER if phase == "review" else Role.PRODUCER
    try:
        name = str(choose_models(config, phase, role).models[0])
    except NotSignedInError:
        return config.settings(phase).model or PHASE_SIZE.get(phase, "medium")
    return _classes(config).get(name, name)


def _model(fit: PhaseFit) -> tuple[str | None, str]:
    """A smaller class that does about as well, else a larger one that does better beyond doubt."""
    known: dict[str, Share] = {
        size: fit.models[size] for size in SIZES if size in fit.models and fit.models[size].of >= ENOUGH
    }
    now = known.get(fit.model)
    if fit.phase == "review" or now is None or len(known) < 2:
        return None, "model: not enough loops of two size classes to compare"
    here = SIZES.index(fit.model)
    for size in SIZES[:here]:
        if size in known and known[size].interval[0] >= now.value - WORSE:
            low, _ = known[size].interval
            return size, f"model: {size} wins at least {low:.0%} of its loops, {fit.model} {now.value:.0%}"
    for size in SIZES[here + 1 :]:
        if size in known and known[size].interval[0] > now.interval[1]:
            return (
                size,
                f"model: {size} wins {known[size].value:.0%} of its loops, {fit.model} {now.value:.0%}: beyond doubt",
            )
    return None, f"model: {fit.model} stays, no other class is shown to be better or as good and smaller"


def patched(text: str, found: Sequence[PhaseFit]) -> str:
    """`setpoint.toml` with the proposed changes, all else as it stands."""
    import tomlkit

    document = tomlkit.parse(text)
    for fit in found:
        changes = {"attempts": fit.propose_limit, "model": fit.propose_model}
        if not any(changes.values()):
            continue
        phases = document.setdefault("phase", tomlkit.table(is_super_table=True))
        table = phases.setdefault(fit.phase, tomlkit.table())
        for key, value in changes.items():
            if value is not None:
                table[key] = value
    return tomlkit.dumps(document)
