"""Who decides when a loop ends: setpoint's own controller, a fixed number of rounds, or one who knows the future."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from setpoint.loop.attempt import Handed, Verdict, attempt
from setpoint.loop.controller import Choice
from setpoint.model.objection import Objection
from setpoint.model.run import Round
from setpoint.model.settings import Loop, PhaseSettings

from .plants import Make, Plant, fault_of

HORIZON = 20
"""Rounds within which patience alone must bring a loop to its end for it to count as one that ends."""


@dataclass
class Trial:
    """One loop carried to the end by one policy."""

    rounds: int = 0
    accepted: bool = False
    right: bool = False
    """Whether nothing was wrong any more when it was accepted."""
    told: int = 0
    """The first round in which it was not simply corrected; 0: never."""
    causes: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)


class PlantWork:
    """A plant as a phase: what the real attempt asks for."""

    def __init__(self, plant: Plant, attempts: int) -> None:
        self.stage = "plant"
        self.attempts = attempts
        self._plant = plant

    async def produce(self) -> Handed:
        """Hand in the work as it is."""
        return Handed(content={}, diff=self._plant.work, usd=0.0)

    async def check(self, handed: Handed) -> Sequence[Objection]:
        """The commands' word."""
        return self._plant.gates()

    async def judge(self, handed: Handed) -> Sequence[Objection]:
        """The reviewer's."""
        return self._plant.reviewer()


async def controlled(make: Make, seed: int, limits: Loop | None = None, attempts: int = 0) -> Trial:
    """The loop under the real controller, with its defaults."""
    plant, trial = make(seed), Trial()
    history: list[tuple[Round, tuple[Objection, ...]]] = []
    work = PlantWork(plant, attempts or PhaseSettings().attempts)
    while True:
        verdict = await attempt(work, history, limits or Loop())
        assert isinstance(verdict, Verdict)
        history.append((verdict.round, verdict.objections))
        choice = verdict.decision.choice
        trial.rounds += 1
        trial.choices.append(choice.value)
        if choice is Choice.ACCEPT:
            trial.accepted, trial.right = True, not plant.there and not plant.nature.tampers
            return trial
        if choice is not Choice.CORRECT:
            trial.told = trial.told or trial.rounds
            trial.causes.append(verdict.decision.cause)
        if choice in (Choice.HAND_OVER, Choice.PLAN_FAULT):
            return trial
        plant.level += choice is Choice.ESCALATE
        given = verdict.decision.given
        plant.correct([fault_of(o) for o in verdict.objections if not given or o.fingerprint in given])


def fixed(make: Make, seed: int, most: int) -> Trial:
    """The loop under a mere number of rounds: corrected until nothing above Low is left, or the number is reached."""
    plant, trial = make(seed), Trial()
    while trial.rounds < most:
        found = plant.gates() or plant.reviewer()
        trial.rounds += 1
        if not any(objection.blocks for objection in found):
            trial.accepted, trial.right = True, not plant.there and not plant.nature.tampers
            return trial
        plant.correct([fault_of(objection) for objection in found])
    return trial


def oracle(make: Make, seed: int) -> Trial:
    """What one would do who knows how it ends: wait for a loop that ends by itself, call a person at once for one that
    does not."""
    patient = fixed(make, seed, HORIZON)
    return patient if patient.accepted else Trial(rounds=1)
