"""Why a loop does not go on as it is: each reason by its own rule, with the objections concerned. Pure.

All rules look at rounds alone. `docs/control-law.md` has the symbols, the numbers and why these.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..model.numbers import counted
from ..model.run import Round
from ..model.settings import Loop

GROWS_FROM = 20
"""Changed lines of a first round below which growth says nothing."""


@dataclass(frozen=True)
class Stop:
    """A reason, and the ids of the objections it is about, the ones that matter most first."""

    cause: str
    about: tuple[str, ...] = ()


@dataclass(frozen=True)
class Swap:
    """A closed objection is back."""

    back: str
    gone: tuple[str, ...]
    """What was closed as it came back and had come up when it went: the other side."""

    @property
    def sides(self) -> tuple[str, ...]:
        """Both sides, the open one first."""
        return (self.back, *self.gone)


def worst(round_: Round) -> tuple[str, ...]:
    """Open objections above Low, heaviest first; among equals those that came back, then those that stayed."""

    def rank(mark: str) -> tuple[float, int, str]:
        kept = 0 if mark in round_.reopened else 1 if mark in round_.repeated else 2
        return -round_.weights[mark], kept, mark

    return tuple(sorted((mark for mark, heavy in round_.weights.items() if heavy > 0), key=rank))


def new_low(rounds: Sequence[Round]) -> bool:
    """Whether the last round brought the error below all rounds before it."""
    return len(rounds) >= 2 and rounds[-1].error < min(round_.error for round_ in rounds[:-1])


def fell_lately(rounds: Sequence[Round]) -> bool:
    """Whether one of the last two rounds brought the error to a new low."""
    return new_low(rounds) or new_low(rounds[:-1])


def since_stronger(rounds: Sequence[Round]) -> int | None:
    """Rounds since a stronger model was called; None when none was."""
    called = [number for number, round_ in enumerate(rounds[:-1], start=1) if round_.choice == "escalate"]
    return len(rounds) - called[-1] if called else None


def swaps(rounds: Sequence[Round]) -> Iterator[tuple[int, Swap]]:
    """Each return of a closed objection, with the number of its round."""
    for number, round_ in enumerate(rounds, start=1):
        for back in round_.reopened:
            left = max((n for n, r in enumerate(rounds[: number - 1], start=1) if back in r.closed), default=number)
            came = {mark for r in rounds[left - 1 : number - 1] for mark in (*r.opened, *r.reopened)}
            yield number, Swap(back, tuple(sorted(came & set(round_.closed))))


def oscillates(rounds: Sequence[Round], limits: Loop) -> Stop | None:
    """The same objection came back too often, or the same two changed places."""
    if new_low(rounds):
        return None
    times: Counter[frozenset[str]] = Counter()
    last: dict[frozenset[str], Swap] = {}
    for _, swap in swaps(rounds):
        for sides in (frozenset((swap.back,)), *(frozenset((swap.back, gone)) for gone in swap.gone)):
            times[sides] += 1
            last[sides] = swap
    often = sorted((sides for sides in times if times[sides] >= limits.reopened), key=lambda s: (-len(s), sorted(s)))
    now = [sides for sides in often if last[sides].back in rounds[-1].reopened]
    if not now:
        return None
    swap, count = last[now[0]], times[now[0]]
    if len(now[0]) == 2:
        return Stop(f"oscillation: mending one brings back the other, {counted(count, 'times')}", swap.sides)
    return Stop(f"oscillation: a closed objection came back {counted(count, 'times')}", swap.sides)


def repeats(rounds: Sequence[Round]) -> Stop | None:
    """The very same work was judged before."""
    now = rounds[-1]
    for earlier in rounds[:-1]:
        if now.diff and earlier.diff == now.diff and earlier.blocking:
            cause = f"repeated diff: the same work was handed in and rejected before, in round {earlier.attempt}"
            return Stop(cause, worst(now))
    return None


def grows(rounds: Sequence[Round], limits: Loop) -> Stop | None:
    """The change grew far beyond its first form."""
    first = next((round_.lines for round_ in rounds if round_.lines), 0)
    now = rounds[-1].lines
    if first >= GROWS_FROM and now > limits.growth * first:
        return Stop(f"growth: the change grew from {first} to {counted(now, 'lines')}", worst(rounds[-1]))
    return None


def burns(rounds: Sequence[Round], cap: float | None) -> Stop | None:
    """What is left to do does not fit the money left, at the burn so far and the fastest pace seen."""
    spent = [round_.usd for round_ in rounds if round_.usd is not None]
    if cap is None or len(rounds) < 2 or len(spent) < len(rounds):
        return None
    burn = (spent[-1] - spent[0]) / (len(spent) - 1)
    left = max(cap - spent[-1], 0.0)
    pace = max(before.error - after.error for before, after in pairwise(rounds))
    needed = math.ceil(rounds[-1].error / pace) if pace > 0 and len(rounds) > 2 else 1
    if burn <= 0 or needed * burn <= left:
        return None
    told = f"budget: {counted(needed, 'more rounds')} at ${burn:.2f} do not fit the ${left:.2f} left"
    return Stop(told, worst(rounds[-1]))


def plateaus(rounds: Sequence[Round], limits: Loop) -> Stop | None:
    """The best error is no better than some rounds ago."""
    fresh = since_stronger(rounds)
    window = limits.plateau if fresh is None else min(fresh, limits.plateau)
    if len(rounds) <= window or (fresh is not None and fresh < limits.stronger):
        return None
    best = min(round_.error for round_ in rounds[:-window])
    lately = min(round_.error for round_ in rounds[-window:])
    if lately < best:
        return None
    stayed = [mark for mark in worst(rounds[-1]) if mark in rounds[-1].repeated]
    return Stop(
        f"plateau: no better error in {counted(window, 'rounds')} ({lately:g} against {best:g})",
        tuple(stayed) or worst(rounds[-1]),
    )


def reverses(rounds: Sequence[Round]) -> Stop | None:
    """The error rose twice running."""
    fresh = since_stronger(rounds)
    if len(rounds) < 3 or (fresh is not None and fresh < 2):
        return None
    errors = [round_.error for round_ in rounds]
    if errors[-1] > errors[-2] > errors[-3]:
        new = [mark for mark in worst(rounds[-1]) if mark not in rounds[-3].weights]
        cause = f"reversal: the error rose twice, {errors[-3]:g} → {errors[-2]:g} → {errors[-1]:g}"
        return Stop(cause, tuple(new) or worst(rounds[-1]))
    return None


def fails_again(rounds: Sequence[Round], limits: Loop) -> Stop | None:
    """A command that was to be mended keeps printing the very same, and nothing else gets better."""
    count = limits.same_failure
    fresh = since_stronger(rounds)
    if len(rounds) < count or fell_lately(rounds) or (fresh is not None and fresh < count):
        return None
    last = rounds[-count:]
    same = [mark for mark, said in rounds[-1].failing.items() if all(r.failing.get(mark) == said for r in last)]
    asked = [mark for mark in same if all(not r.given or mark in r.given for r in last[:-1])]
    if not asked:
        return None
    return Stop(
        f"repeated failure: the same command failed with the same output {counted(count, 'rounds')} running",
        tuple(asked),
    )


def disagrees(rounds: Sequence[Round], limits: Loop) -> Stop | None:
    """Only opinions are left, answered more than once: no command can decide between reviewer and builder."""
    now = worst(rounds[-1])
    last = rounds[-(limits.opinions + 1) :]
    if len(last) <= limits.opinions or not now or set(now) - set(rounds[-1].opinions):
        return None
    if not all(mark in round_.weights for mark in now for round_ in last):
        return None
    return Stop(
        f"disagreement: answered {counted(limits.opinions, 'times')}, still objected to, and no command shows it", now
    )


def changed_places(rounds: Sequence[Round]) -> Swap | None:
    """What came back in this round as something else was mended, with that other side; None when nothing did."""
    now = [swap for number, swap in swaps(rounds) if number == len(rounds) and swap.gone]
    open_ = worst(rounds[-1])
    return next((swap for swap in now if swap.back in open_), None)


def spreads(rounds: Sequence[Round], limits: Loop) -> tuple[str, ...]:
    """The worst few of many, where mending opens more than it closes; empty when it does not."""
    if len(rounds) < 2 or rounds[-1].blocking < limits.narrow_from:
        return ()
    now, before = rounds[-1], rounds[-2]
    found = worst(now)[: limits.narrow_to]
    return found if now.opened and now.error >= before.error and len(found) < now.blocking else ()
