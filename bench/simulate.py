"""`python -m bench.simulate`: the real controller on loops whose nature is known.

Beside it: fixed numbers of rounds, and one who knows the future. Leaves with 1 when a promise does not hold.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean

from .plants import PUBLISHED, SERIES, plants
from .policies import Trial, controlled, fixed, oracle

FIXED = (3, 5, 10)
SEEDS = 200


@dataclass
class Tally:
    """What one policy came to on one plant, over all seeds. A loop `ends` when patience alone would end it."""

    trials: list[Trial] = field(default_factory=list)
    ends: list[bool] = field(default_factory=list)

    def add(self, trial: Trial, ends: bool) -> None:
        """One more loop."""
        self.trials.append(trial)
        self.ends.append(ends)

    @property
    def wasted(self) -> float:
        """Rounds a loop that led to nothing accepted, beyond the first, which anybody needs to see."""
        return mean(0 if t.accepted else t.rounds - 1 for t in self.trials)

    @property
    def false_stops(self) -> float:
        """Share of the loops that end which were given up."""
        return _share([not t.accepted for t, ends in zip(self.trials, self.ends, strict=True) if ends])

    @property
    def caught(self) -> float:
        """Share of all loops that were accepted."""
        return _share([t.accepted for t in self.trials])

    @property
    def delay(self) -> float | None:
        """Rounds until a loop that does not end was told from one that does; None where all end."""
        found = [t.told or t.rounds for t, ends in zip(self.trials, self.ends, strict=True) if not ends]
        return mean(found) if found else None


def _share(found: Sequence[bool]) -> float:
    return sum(found) / len(found) if found else 0.0


Results = dict[str, dict[str, Tally]]


async def simulate(seeds: int) -> Results:
    """Every plant under every policy; a series is the same whatever the seed."""
    results: Results = {}
    for name, make in plants().items():
        row = results.setdefault(name, {})
        for seed in range(1 if name in SERIES else seeds):
            knows = oracle(make, seed)
            told = {"setpoint": await controlled(make, seed)}
            told |= {f"N = {most}": fixed(make, seed, most) for most in FIXED}
            for policy, trial in {**told, "oracle": knows}.items():
                row.setdefault(policy, Tally()).add(trial, knows.accepted)
    return results


def promises(results: Results) -> dict[str, bool]:
    """What must hold, by name."""
    published = results["published series"]["setpoint"].trials[0]
    reversal = results["reversal 1,2,4,6,8,…"]["setpoint"].trials[0]
    falling = results["5,3,1,0"]["setpoint"].trials[0]
    lost = {name: row["setpoint"].false_stops for name, row in results.items()}
    hopeless = [row for name, row in results.items() if name in ("oscillating", "stuck", "tampering builder")]
    return {
        f"the published series is stopped in its first half ({published.rounds} of {len(PUBLISHED)} rounds)": (
            not published.accepted and published.rounds <= len(PUBLISHED) // 2
        ),
        "its stop names its cause: plateau": published.causes[-1:] != [] and published.causes[-1].startswith("plateau"),
        "a reversal is told by its third round": reversal.told <= 3 and reversal.causes[0].startswith("reversal"),
        "5,3,1,0 is not stopped": falling.accepted and falling.choices == ["correct"] * 3 + ["accept"],
        "of the convergent loops at most 2 in 100 are given up": lost["convergent"] <= 0.02,
        "what never ends is never accepted": all(row["setpoint"].caught == 0 for row in hopeless),
        "it wastes fewer rounds than N = 10 on every plant that never ends": all(
            row["setpoint"].wasted < row["N = 10"].wasted for row in hopeless
        ),
        "it gives up fewer loops that end than N = 5": _false(results, "setpoint") < _false(results, "N = 5"),
        "it wastes fewer rounds than N = 5 and N = 10": _wasted(results, "setpoint")
        < min(_wasted(results, "N = 5"), _wasted(results, "N = 10")),
    }


def _false(results: Results, policy: str) -> float:
    return mean(row[policy].false_stops for row in results.values())


def _wasted(results: Results, policy: str) -> float:
    return mean(row[policy].wasted for row in results.values())


def table(results: Results) -> str:
    """All of it in words and numbers."""
    policies = ("setpoint", *(f"N = {most}" for most in FIXED), "oracle")
    head = f"{'':<26}{'':<8}" + "".join(f"{policy:>32}" for policy in policies)
    told = "accepted  false  wasted  delay"
    lines = [head, f"{'plant':<26}{'ends':<8}" + "".join(f"{told:>32}" for _ in policies)]
    for name, row in results.items():
        ends = _share(row["oracle"].ends)
        lines.append(f"{name:<26}{ends:<8.0%}" + "".join(f"{_cell(row[policy]):>32}" for policy in policies))
    last = [f"{'':>8}{_false(results, p):>7.1%}{_wasted(results, p):>8.2f}{'':>7}" for p in policies]
    return "\n".join([*lines, f"{'mean over plants':<34}" + "".join(f"{cell:>32}" for cell in last)])


def _cell(tally: Tally) -> str:
    delay = "" if tally.delay is None else f"{tally.delay:.1f}"
    return f"{tally.caught:>8.0%}{tally.false_stops:>7.0%}{tally.wasted:>8.2f}{delay:>7}"


def main(arguments: list[str] | None = None) -> int:
    """Simulate, print, and leave with 1 when a promise does not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="loops of each plant")
    given = parser.parse_args(arguments)
    results = asyncio.run(simulate(given.seeds))
    print(table(results))
    print(
        "\naccepted: of all loops · false: given up although patience alone would have ended them (`ends`)\n"
        "wasted: rounds a loop that led to nothing · delay: round in which a loop without end was told to be one\n"
    )
    kept = promises(results)
    for promise, holds in kept.items():
        print(f"{'holds ' if holds else 'BROKEN'}  {promise}")
    return 0 if all(kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
