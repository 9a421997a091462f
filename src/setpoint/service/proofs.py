"""How well a reviewer proved itself on changes whose defects are known: what was found, what was missed, at what cost.

A proof belongs to a model, to the words it was asked with and to the corpus. Another model or another prompt has none.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from ..errors import NotSignedInError, RefusedError
from ..model.numbers import counted
from ..model.objection import Objection
from ..model.record import Line, Record, digest_of
from ..model.review import REVIEW_CHECKS
from ..model.session import Role
from ..model.settings import Config
from ..pipeline.models import choose_models
from ..pipeline.prompts import prompt
from ..ports import Store
from .doctor import Check
from .seeds import Seed, corpus_mark, seeds
from .tuning import Share

PROOFS = "reviewer"
"""Proofs are kept under this name, for all runs."""


GUESSES = "it objects to honest changes about as often as it finds defects, so its objections tell nothing"


class Sample(Record):
    """What the reviewer said of one change."""

    seed: Line
    check: Line
    planted: bool
    turn: int = 1
    found: bool = False
    """Whether a finding above Low is the planted defect."""
    findings: tuple[Line, ...] = ()
    """Findings above Low."""
    beside: int = 0
    """How many of them are something else."""
    unusable: str = ""
    """Why there was no report that counts; a planted defect is missed then."""
    usd: float | None = 0.0
    seconds: float = 0.0


class Proof(Record):
    """All that one reviewer said of the corpus."""

    model: Line
    prompt: Line
    """SHA-256 of its instructions."""
    corpus: Line
    at: datetime
    samples: tuple[Sample, ...] = ()

    @property
    def recall(self) -> Share:
        """Of the planted defects: how many were found."""
        asked = [sample for sample in self.samples if sample.planted]
        return Share(of=len(asked), got=sum(sample.found for sample in asked))

    @property
    def precision(self) -> Share:
        """Of the findings above Low: how many are a planted defect."""
        hits = sum(len(sample.findings) - sample.beside for sample in self.samples)
        return Share(of=sum(len(sample.findings) for sample in self.samples), got=hits)

    @property
    def alarms(self) -> Share:
        """Of the honest changes: how many were objected to."""
        asked = [sample for sample in self.samples if not sample.planted]
        return Share(of=len(asked), got=sum(bool(sample.findings) for sample in asked))

    @property
    def guesses(self) -> bool:
        """Whether it objects to honest changes about as often as it finds defects: chance would do as well."""
        if not self.recall.of or not self.alarms.of:
            return False
        return self.alarms.value >= self.recall.interval[0]

    @property
    def usd(self) -> float | None:
        """Money spent on it; None when a price is unknown."""
        spent = [sample.usd for sample in self.samples]
        return None if None in spent else sum(usd for usd in spent if usd is not None)

    def by_check(self) -> dict[str, Share]:
        """Recall by review check."""
        found = {}
        for check in REVIEW_CHECKS:
            asked = [sample for sample in self.samples if sample.planted and sample.check == check]
            if asked:
                found[check] = Share(of=len(asked), got=sum(sample.found for sample in asked))
        return found

    def missed(self) -> tuple[Sample, ...]:
        """Planted defects that were not found."""
        return tuple(sample for sample in self.samples if sample.planted and not sample.found)

    def told(self) -> dict[str, object]:
        """The proof as a JSON document, with what follows from it."""
        shares = {name: getattr(self, name).told() for name in ("recall", "precision", "alarms")}
        checks = {check: share.told() for check, share in self.by_check().items()}
        return {**self.model_dump(mode="json"), **shares, "usd": self.usd, "by_check": checks}

    def line(self) -> str:
        """The proof in one line."""
        return f"found {said(self.recall)} planted defects; objected to {said(self.alarms)} honest changes"


def said(share: Share) -> str:
    """A share as a person reads it: `11 of 14 (52-92 %)`."""
    low, high = share.interval
    return f"{share.got} of {share.of} ({100 * low:.0f}-{100 * high:.0f} %)"


def scored(
    seed: Seed, objections: Sequence[Objection], differs: Mapping[str, bool], *, planted: bool, turn: int
) -> Sample:
    """What the objections above Low of one report come to. `differs` says of a probe, by objection, whether it fails on
    the planted change and passes on the honest one: then the defect is found, whatever the words."""
    heavy = [objection for objection in objections if objection.blocks]
    hits = [o for o in heavy if planted and (differs.get(o.fingerprint, False) or _speaks_of(seed, o))]
    findings = tuple(" ".join(objection.what.split())[:400] for objection in heavy)
    return Sample(
        seed=seed.name,
        check=seed.check,
        planted=planted,
        turn=turn,
        found=bool(hits),
        findings=findings,
        beside=len(heavy) - len(hits),
    )


def _speaks_of(seed: Seed, objection: Objection) -> bool:
    path = objection.place.path.removeprefix("./") if objection.place else ""
    words = f"{objection.what} {objection.cause}"
    return path in seed.where and re.search(seed.tells, words, re.IGNORECASE) is not None


# -- what is on record -------------------------------------------------------------------------------------------------


def reviewer_of(config: Config) -> str:
    """The configured reviewer's model. Raises NotSignedInError."""
    return str(choose_models(config, "review", Role.REVIEWER).models[0])


def new_proof(config: Config, at: datetime, words: str = "") -> Proof:
    """An empty proof of the configured reviewer. `words`: SHA-256 of its instructions, where they are a team's own."""
    return Proof(model=reviewer_of(config), prompt=words or prompt("review").sha256, corpus=corpus_mark(), at=at)


def keep(store: Store, proof: Proof) -> None:
    """Put the proof on record; a later one of the same reviewer replaces it."""
    with store.transaction() as tx:
        tx.remember(PROOFS, _mark(proof), proof.model_dump(mode="json"))


def kept(store: Store, proof: Proof) -> Proof | None:
    """What is on record of the same reviewer, asked in the same words about the same corpus."""
    found = store.recall(PROOFS, _mark(proof))
    return Proof.model_validate(found) if found else None


def _mark(proof: Proof) -> str:
    return f"proof:{digest_of([proof.model, proof.prompt, proof.corpus])[:16]}"


def proof_of(store: Store, config: Config, at: datetime, words: str = "") -> Proof | None:
    """What the configured reviewer proved in these words; None when nothing, or when sessions are replayed."""
    if config.agent.kind == "replay":
        return None
    found = kept(store, new_proof(config, at, words))
    return found if found and found.samples else None


def worth(store: Store, config: Config, at: datetime, words: str = "") -> str:
    """What the configured reviewer proved in these words, in one line; empty when nothing."""
    try:
        found = proof_of(store, config, at, words)
    except NotSignedInError:
        return ""
    return found.line() if found else ""


def checked(store: Store, config: Config, at: datetime, words: str = "") -> list[Check]:
    """The doctor's word on the reviewer."""
    if config.agent.kind == "replay":
        return []
    try:
        found = proof_of(store, config, at, words)
    except NotSignedInError:
        return []  # the check of the models says so
    least, fix = config.review.minimum_recall, "`setpoint review prove`"
    if found is None:
        told = "never tried on planted defects" + (f"; [review] demands a recall of {least:.0%}" if least else "")
        return [Check(name="review proof", state="bad" if least else "warn", found=told, fix=fix)]
    if found.recall.value < least or found.guesses or len(found.samples) < 2 * len(seeds()):
        short = f"{found.line()}; {_short(found, least)}"
        return [Check(name="review proof", state="bad" if least else "warn", found=short, fix=fix)]
    return [Check(name="review proof", state="ok", found=found.line())]


def _short(found: Proof, least: float) -> str:
    left = 2 * len(seeds()) - len(found.samples)
    if left > 0:
        return f"{counted(left, 'changes')} not tried yet"
    return GUESSES if found.guesses else f"[review] demands a recall of {least:.0%}"


def require_proved(store: Store, config: Config, at: datetime, words: str = "") -> None:
    """Raises RefusedError when a recall is demanded and the configured reviewer has not shown it in these words."""
    bad = next((check for check in checked(store, config, at, words) if check.state == "bad"), None)
    if bad is not None:
        raise RefusedError(
            f"the reviewer {reviewer_of(config)} has not proved itself: {bad.found}",
            why=f"[review] minimum_recall is {config.review.minimum_recall:g}",
            fix=f"{bad.fix}, choose another model for review, or lower minimum_recall",
        )
