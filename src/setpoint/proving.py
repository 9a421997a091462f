"""`setpoint review prove`: the configured reviewer on changes whose defects are known.

Each change stands in a repository of its own, made for it, without the other version of the same change. The reviewer
is the one of runs: the same words, the same tools, the same sandbox, the same refusal of an empty report.
"""

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .adapters.repository import UserRepository
from .app import House
from .errors import NotSignedInError, ParkedError, RefusedError, SetpointError, TransientError, UsageError
from .model.change import Change
from .model.numbers import counted
from .model.objection import Objection
from .model.record import Record
from .model.session import Asked as AskedPerson
from .model.settings import Config, Worktree
from .model.ticket import Kind
from .service.proofs import Proof, Sample, keep, kept, new_proof, reviewer_of, scored
from .service.seeds import Seed, seeds

if TYPE_CHECKING:
    from .model.run import Run
    from .pipeline.bench import Ground
    from .pipeline.review import ReviewWork
    from .ports import Workspace

TOKENS = (48_000, 4_000)
"""Input and output of one review of a small change: a starting value for the estimate."""
LOW, WORST = 0.4, 2.5
Tell = Callable[[str], None]


class Wanted(Record):
    """What is to be tried."""

    check: str = ""
    """Part of a review check's name; empty: all."""
    repeat: int = 1
    """How often each change is reviewed."""
    again: bool = False
    """Whether what is on record is left aside."""
    budget: float
    """Most dollars."""
    unpriced: bool = False
    """Whether a model without a known price may work, which no budget holds."""


class Outline(Record):
    """What a proof would do, and cost."""

    model: str
    independence: str
    changes: int
    known: int
    """Reviews that are on record already."""
    estimate_usd: tuple[float, float, float] | None
    """Low, expected, worst; None when nobody lists the model's price."""
    budget_usd: float


@dataclass(frozen=True)
class _Try:
    seed: Seed
    planted: bool
    turn: int

    def is_of(self, sample: Sample) -> bool:
        """Whether `sample` is this one's answer."""
        return (sample.seed, sample.planted, sample.turn) == (self.seed.name, self.planted, self.turn)


class Words(Record):
    """A team's own instructions for the reviewer, as they lie in the base; empty: the packaged ones are asked with."""

    place: str = ""
    text: str = ""
    sha256: str = ""


PACKAGED = Words()


async def words_of(house: House) -> Words:
    """With what words the reviewer of a run that begins now would be asked. Raises ConfigError, RepositoryError."""
    from .pipeline.prompts import prompt
    from .pipeline.team_prompts import place_of, words_at

    bench = house.bench(house.config)
    _, base = await house.repository.base(house.config.project.base)
    found, place = await words_at(bench, base, prompt("review")), place_of(house.config, "review")
    content = await bench.workspaces.show(base, place)
    return PACKAGED if content is None else Words(place=place, text=content.decode(), sha256=found.sha256)


def outline(house: House, wanted: Wanted, words: Words = PACKAGED) -> Outline:
    """What `prove` would do; no model is called. Raises UsageError for a check nobody has, and without a reviewer."""
    from .model.session import Role
    from .pipeline.models import choose_models

    _require_model(house.config)
    known = _known(house, wanted, words)
    tries = list(_tries(wanted))
    left = [each for each in tries if not any(each.is_of(sample) for sample in known.samples)]
    chosen = choose_models(house.config, "review", Role.REVIEWER)
    return Outline(
        model=str(chosen.models[0]),
        independence=chosen.independence,
        changes=len(tries),
        known=len(tries) - len(left),
        estimate_usd=_estimate(house.config, len(left)),
        budget_usd=wanted.budget,
    )


async def prove(house: House, wanted: Wanted, tell: Tell) -> Proof:
    """Let the reviewer look at each change that is not on record yet. Each answer is kept as it comes: what is stopped
    goes on where it was. Raises ParkedError when the money is used up, UsageError when it cannot suffice."""
    words = await words_of(house)
    plan = outline(house, wanted, words)
    _require_money(plan, wanted)
    proof = _known(house, wanted, words)
    spent = 0.0
    for each in _tries(wanted):
        if any(each.is_of(sample) for sample in proof.samples):
            continue
        if spent >= wanted.budget:
            raise ParkedError(
                f"the budget of this proof is used up: ${spent:.2f} of ${wanted.budget:.2f}",
                why=f"{counted(len(proof.samples), 'reviews')} of {plan.changes} are on record",
                fix="`setpoint review prove --budget N` goes on with what is left",
            )
        sample = await _sampled(house.config, each, wanted.budget - spent, words)
        spent += sample.usd or 0.0
        proof = proof.model_copy(update={"at": datetime.now(UTC), "samples": (*proof.samples, sample)})
        keep(house.store, proof)
        tell(_line(sample, len(proof.samples)))
    return proof


def _require_model(config: Config) -> None:
    if config.agent.kind == "replay":
        raise UsageError(
            "there is no reviewer to prove: sessions are replayed from a recording",
            fix='write kind = "native" under [agent], and a provider',
        )


def _require_money(plan: Outline, wanted: Wanted) -> None:
    if plan.estimate_usd is None and not wanted.unpriced and plan.known < plan.changes:
        raise UsageError(
            f"nobody lists the price of {plan.model}",
            why="a budget cannot hold what it cannot count",
            fix="--unpriced lets it work all the same",
        )
    if plan.estimate_usd is not None and plan.estimate_usd[1] > wanted.budget:
        raise UsageError(
            f"{counted(plan.changes - plan.known, 'reviews')} are expected to cost ${plan.estimate_usd[1]:.2f}, the "
            f"budget is ${wanted.budget:.2f}",
            fix=f"--budget {plan.estimate_usd[2]:.0f}, or fewer of them: --check security",
        )


def _known(house: House, wanted: Wanted, words: Words) -> Proof:
    fresh = new_proof(house.config, datetime.now(UTC), words.sha256)
    return fresh if wanted.again else kept(house.store, fresh) or fresh


def _tries(wanted: Wanted) -> Iterator[_Try]:
    chosen = [seed for seed in seeds() if wanted.check.casefold() in seed.check.casefold()]
    if not chosen:
        known = ", ".join(sorted({seed.check for seed in seeds()}))
        raise UsageError(f"no planted defect is of check `{wanted.check}`", fix=f"one of: {known}")
    for turn in range(1, wanted.repeat + 1):
        for seed in chosen:
            yield _Try(seed, True, turn)
            yield _Try(seed, False, turn)


def _estimate(config: Config, reviews: int) -> tuple[float, float, float] | None:
    from .pipeline.models import ref
    from .prices import cost
    from .service.forecast import own_price

    model = ref(reviewer_of(config))
    each = cost(model, input_tokens=TOKENS[0], output_tokens=TOKENS[1], own=own_price(config, model))
    if each is None:
        return None
    return reviews * each * LOW, reviews * each, reviews * each * WORST


def _line(sample: Sample, number: int) -> str:
    kind = "planted" if sample.planted else "honest"
    if sample.unusable:
        came = f"no report that counts: {sample.unusable}"
    elif sample.planted:
        came = "found" if sample.found else "missed"
    else:
        came = "left alone" if not sample.findings else f"objected to: {sample.findings[0][:100]}"
    price = "" if sample.usd is None else f", ${sample.usd:.2f}"
    return f"{number:>3}  {sample.seed:<16} {kind:<8} {came}  ({sample.seconds:.0f} s{price})"


# -- one change --------------------------------------------------------------------------------------------------------


async def _sampled(config: Config, each: _Try, usd: float, words: Words) -> Sample:
    """What the reviewer says of one change. An outage, a limit or a missing credential is raised; a session that gives
    no report is an answer: it missed what is there."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="setpoint-prove-") as place:
        folder = Path(place) / "repository"
        own = {words.place: words.text} if words.place else {}
        await asyncio.to_thread(_lay_out, folder, {**each.seed.base, **own})
        house = House(await UserRepository.around(folder), _alone(config, usd))
        try:
            sample, spent = await _reviewed(house, each)
        finally:
            await house.close()
    return sample.model_copy(update={"usd": spent, "seconds": round(time.monotonic() - started, 1)})


def _alone(config: Config, usd: float) -> Config:
    """The configuration without what belongs to the repository, and without fallbacks: a proof is one model's."""
    from .model.session import Role
    from .pipeline.models import SIZES, choose_models

    builder = str(choose_models(config, "implementation", Role.PRODUCER).models[0])
    review = config.settings("review").model_copy(update={"prompt": "", "model": reviewer_of(config)})
    own = Config()
    return config.model_copy(
        update={
            "project": own.project,
            "gates": own.gates,
            "models": dict.fromkeys(SIZES, (builder,)),
            "phase": {"review": review},
            "budget": config.budget.model_copy(update={"ticket_usd": usd, "unpriced": True}),  # it was asked before
            "worktree": Worktree(),
            "boundaries": own.boundaries,
            "forge": own.forge,
            "environment": own.environment,
            "database_url": "",
        }
    )


def _lay_out(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir()
    _write(folder, files)
    for words in (
        ("init", "-q", "--template=", "-b", "main"),
        ("add", "-A"),
        ("-c", "user.name=setpoint", "-c", "user.email=setpoint@example.invalid", "commit", "-q", "-m", "Before"),
    ):
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RefusedError("a repository for the proof could not be made", why=done.stderr.strip()[:300])


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


async def _reviewed(house: House, each: _Try) -> tuple[Sample, float | None]:
    from .pipeline.review import ReviewWork

    run = await _run(house, each.seed)
    ground = house.ground(run)
    workspace = await ground.workspace()
    for path, text in each.seed.change(planted=each.planted).items():
        workspace.write(path, text.encode())
    tree = await workspace.tree()
    async with workspace.checkout(tree) as room:
        work = ReviewWork(ground, workspace, room, tree)
        try:
            found, why = await _objections(work)
        except (TransientError, ParkedError, NotSignedInError):
            raise
        except SetpointError as error:
            found, why = (), f"{error.what}; {error.why}" if error.why else error.what
    differs = await _differing(ground, workspace, each, found) if each.planted else {}
    sample = scored(each.seed, found, differs, planted=each.planted, turn=each.turn)
    usd = house.store.run(run.id).cost.usd
    return sample.model_copy(update={"unusable": " ".join(why.split())[:300]}), usd


async def _objections(work: "ReviewWork") -> tuple[Sequence[Objection], str]:
    handed = await work.produce()
    if isinstance(handed, AskedPerson):
        return (), f"it asked: {handed.question}"
    await work.check(handed)
    return tuple(await work.judge(handed)), ""


async def _differing(
    ground: "Ground", workspace: "Workspace", each: _Try, found: Sequence[Objection]
) -> dict[str, bool]:
    """Of the findings that a probe shows: whether the same probe passes on the honest change."""
    from .pipeline.probes import Probes

    overlay: dict[str, bytes | None] = {p: text.encode() for p, text in each.seed.change(planted=False).items()}
    honest = await ground.bench.trees.laid(await workspace.tree(), overlay)
    probes = Probes(workspace.checkout)
    return {o.fingerprint: await probes.passes(o, honest) for o in found if o.shown and o.probe}


async def _run(house: House, seed: Seed) -> "Run":
    """A run that stands at its review, as if everything before it had happened."""
    from .model.run import Position, Run
    from .service.starting import read

    branch, base = await house.repository.base("")
    text = f"# {seed.title}\n\n{seed.ticket}"
    ticket, _, _ = read(text, name=seed.name, kind=Kind.HOTFIX)
    now = datetime.now(UTC)
    run = Run(
        id="prove",
        ticket=ticket,
        repository=str(house.root),
        base_branch=branch,
        base=base,
        branch="setpoint/prove",
        route_because="a planted change is reviewed",
        position=Position(route=Kind.HOTFIX, stage="review"),
        owner="setpoint",
        created=now,
        updated=now,
    )
    with house.store.transaction() as tx:
        tx.create(run)
        tx.deliver(run.id, run.position.cycle, "change", Change(summary=seed.summary).model_dump(mode="json"))
    return house.store.run(run.id)
