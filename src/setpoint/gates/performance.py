"""Slower benchmarks, larger bundles, later pages: measured on both sides in turn, and believed only when it repeats."""

import re
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..model.evidence import GateKind
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.numbers import counted
from ..model.objection import Deviation, Objection, Severity
from ..ports import Room
from .benchmark_report import Sample, read_benchmarks
from .change_set import ChangeSet, as_text
from .commands import REPORT, words
from .coverage_lines import is_source
from .frozen import is_test_path
from .grounds import NO_TOOL, Grounds, Said, could_not_tell, interpreter, nothing, run_as, run_script, verdict
from .measured import minded

SLOWER = 0.10
"""Share by which a benchmark may become slower."""
BUNDLE_BYTES = 10 * 1024
PAGE_MS = 100.0
ROUNDS = 2
CONFIRM = 3
"""More rounds when the first ones raise a suspicion."""
MOST_FILES = 2000
_BENCHMARK = re.compile(r"def\s+test_\w+\([^)]*\bbenchmark\b|\bpytest\.mark\.benchmark\b")
_REPORT = "report.json"
_OUTPUTS = ("dist", "build", "out", "public/build", ".output/public", ".next/static")
_BUILD = """
"$@" || exit 90
sizes='for f; do printf "%s %s\\n" "$(gzip -9nc "$f" | wc -c)" "$f"; done'
for folder in $OUTPUTS; do
  [ -d "$folder" ] && find "$folder" -type f \\( -name '*.js' -o -name '*.mjs' -o -name '*.cjs' -o -name '*.css' \
    -o -name '*.html' -o -name '*.wasm' \\) -exec sh -c "$sizes" sh {} +
done > "$SETPOINT_REPORTS/sizes"
exit 0
"""


@dataclass(frozen=True)
class Pair:
    """What one benchmark took on either side, in the order of the rounds."""

    base: tuple[Sample, ...]
    head: tuple[Sample, ...]

    @property
    def change(self) -> float:
        """Share by which the change is slower; negative when it is quicker."""
        before = statistics.median(sample.median for sample in self.base)
        after = statistics.median(sample.median for sample in self.head)
        return after / before - 1 if before > 0 else 0.0

    @property
    def noise(self) -> float:
        """The widest middle half of any round on the base, in seconds."""
        return max(sample.iqr for sample in self.base)

    def suspicious(self, share: float) -> bool:
        """Slower than allowed, by more than the noise."""
        before = statistics.median(sample.median for sample in self.base)
        return self.change > share and self.change * before > self.noise

    def confirmed(self, share: float) -> bool:
        """Suspicious still, and no round of the change was as quick as any of the base."""
        apart = min(sample.median for sample in self.head) > max(sample.median for sample in self.base)
        return self.suspicious(share) and apart


@dataclass
class _Side:
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    said: Said | None = None


async def check_benchmarks(grounds: Grounds, *, share: float = SLOWER) -> Measured:
    """The benchmarks that the base has, run on both sides in turn with the base's own benchmark files."""
    change = grounds.change
    files = benchmark_files(change)
    gate = next((gate for gate in grounds.tests if words(gate.run).tool == "pytest"), None)
    if gate is None or not files or not any(is_source(path) for path in change.paths):
        return nothing("benchmarks", grounds=grounds, unit="benchmarks")
    started = time.monotonic()
    mine: dict[str, bytes | None] = {path: change.read_base(path) for path in files}
    async with grounds.checkout(change.base, None) as before, grounds.checkout(grounds.head, mine) as after:
        pairs, told = await _measured(gate, before, after, files, {}, ROUNDS)
        slow = sorted(name for name, pair in pairs.items() if pair.suspicious(share))
        if slow:
            pairs, told = await _measured(gate, before, after, slow, pairs, CONFIRM)
    argv = _command(gate, files)
    if not pairs:
        side, rule = ("change", "") if told["base"].samples else ("base", f"benchmarks/{NO_TOOL}")
        return could_not_tell(
            "benchmarks", f"no benchmark was measured on the {side}", grounds=grounds, unit="benchmarks",
            fix="see that they run there (pytest-benchmark, `--benchmark-json`)",
            argv=argv, said=told["head" if side == "change" else "base"].said, rule=rule,
        )  # fmt: skip
    found = [_slower(name, pairs[name], share) for name in slow if pairs[name].confirmed(share)]
    worst = max(pairs, key=lambda name: pairs[name].change)
    reason = (
        f"{counted(len(pairs), 'benchmarks')} on both sides, the largest change {pairs[worst].change:+.1%} ({worst})"
    )
    return verdict(
        "benchmarks", found, grounds=grounds, examined=len(pairs), unit="benchmarks", reason=reason, argv=argv,
        seconds=time.monotonic() - started,
    )  # fmt: skip


def benchmark_files(change: ChangeSet) -> list[str]:
    """Test files of the base that measure something."""
    paths = sorted(path for path in change.base_files if path.endswith(".py") and is_test_path(path))
    paths += sorted(
        path for path in change.base_files if path.endswith(".py") and "bench" in path and path not in paths
    )
    return [path for path in paths[:MOST_FILES] if _BENCHMARK.search(as_text(change.read_base(path)))]


def _command(gate: Gate, targets: Sequence[str]) -> tuple[str, ...]:
    below = "" if gate.where == "." else gate.where.rstrip("/") + "/"
    quiet = ("-q", "-p", "no:cacheprovider", "--benchmark-only", f"--benchmark-json={REPORT}.json")
    return (*interpreter(gate), "-m", "pytest", *quiet, *(target.removeprefix(below) for target in targets))


async def _measured(
    gate: Gate, before: Room, after: Room, targets: Sequence[str], known: Mapping[str, Pair], rounds: int
) -> tuple[dict[str, Pair], dict[str, _Side]]:
    """More rounds, the sides in turn and each first in turn, so that a machine that slows down slows both."""
    told = {"base": _Side(), "head": _Side()}
    for number in range(rounds):
        sides = [("base", before), ("head", after)]
        for side, room in sides if number % 2 == 0 else reversed(sides):
            told[side].said = said = await run_as(gate, room, _command(gate, targets), reports=(_REPORT,))
            for name, sample in read_benchmarks(said.reports.get(_REPORT, b"")).items():
                told[side].samples.setdefault(name, []).append(sample)
    pairs, base, head = dict(known), told["base"].samples, told["head"].samples
    for name in base.keys() & head.keys():
        old = known.get(name, Pair((), ()))
        pairs[name] = Pair((*old.base, *base[name]), (*old.head, *head[name]))
    return pairs, told


def _slower(name: str, pair: Pair, share: float) -> Objection:
    before = statistics.median(sample.median for sample in pair.base)
    after = statistics.median(sample.median for sample in pair.head)
    return minded(
        "performance/slower",
        f"{name} is slower",
        name.partition("::")[0],
        cause="it was slower in every round, by more than the noise; find what costs, or say why it must",
        evidence=f"{before * 1e6:.1f} µs to {after * 1e6:.1f} µs ({pair.change:+.1%}), {share:.0%} are allowed; "
        f"{len(pair.base)} and {counted(len(pair.head), 'rounds')}, noise {pair.noise * 1e6:.1f} µs",
        deviation=Deviation.QUALITY,
        severity=Severity.MEDIUM,
    )


# -- bundles ---------------------------------------------------------------------------------------------------------


async def check_bundle(grounds: Grounds, *, limit: int = BUNDLE_BYTES, outputs: Sequence[str] = _OUTPUTS) -> Measured:
    """What the build gates make, compressed, on both sides."""
    gates = [gate for _, gate in grounds.of(GateKind.BUILD) if _concerns(grounds.change, gate)]
    found: list[Objection] = []
    told: list[str] = []
    for gate in gates:
        sizes = []
        for tree in (grounds.change.base, grounds.head):
            async with grounds.checkout(tree, None) as room:
                told_ = {"OUTPUTS": " ".join(outputs)}
                said = await run_script(gate, room, _BUILD, *gate.run, reports=("sizes",), env=told_)
            if said.done.exit_code != 0:
                break
            sizes.append(_sizes(said))
        if len(sizes) < 2:
            fix = "see that the build runs on both sides; its gate says what is wrong"
            why = "the build does not end well"
            return could_not_tell("bundle", why, grounds=grounds, unit="files", fix=fix, argv=gate.run, said=said)
        before, after = (sum(side.values()) for side in sizes)
        if before and after:
            told.append(f"{before / 1024:.1f} KB to {after / 1024:.1f} KB ({(after - before) / 1024:+.1f} KB)")
            if after - before > limit:
                found.append(_larger(gate, before, after, limit))
    if not told:
        return nothing("bundle", grounds=grounds, unit="files")
    reason = f"compressed, {'; '.join(told)}, {limit / 1024:g} KB more are allowed"
    return verdict("bundle", found, grounds=grounds, examined=len(told), unit="bundles", reason=reason)


def _concerns(change: ChangeSet, gate: Gate) -> bool:
    below = "" if gate.where == "." else gate.where.rstrip("/") + "/"
    named = f"{below}package.json"
    return named in change.base_files and any(
        path.startswith(below) and not is_test_path(path) for path in change.paths
    )


def _sizes(said: Said) -> dict[str, int]:
    lines = said.reports.get("sizes", b"").decode("utf-8", "replace").splitlines()
    return {name: int(size) for size, _, name in (line.strip().partition(" ") for line in lines) if size.isdigit()}


def _larger(gate: Gate, before: int, after: int, limit: int) -> Objection:
    return minded(
        "performance/bundle",
        "the built files grow by more than is allowed",
        "" if gate.where == "." else gate.where,
        cause="see what came in; load it later, or say why everybody must wait for it",
        evidence=f"{before} to {after} bytes compressed, {limit} more are allowed",
        severity=Severity.MEDIUM,
    )


# -- pages -----------------------------------------------------------------------------------------------------------


async def check_page(grounds: Grounds, argv: Sequence[str], *, limit: float = PAGE_MS) -> Measured:
    """What the configured command measures, whose last number is milliseconds, on both sides in turn."""
    if not argv:
        return nothing("page", grounds=grounds, unit="pages")
    gate = Gate(kind=GateKind.OTHER, run=tuple(argv), timeout=300)
    taken: dict[str, list[float]] = {"base": [], "head": []}
    async with grounds.checkout(grounds.change.base, None) as before, grounds.checkout(grounds.head, None) as after:
        for number in range(ROUNDS + CONFIRM):
            for side, room in (("base", before), ("head", after)):
                said = await run_as(gate, room, argv)
                time_ = milliseconds(said.done.stdout) if said.done.exit_code == 0 else None
                if time_ is None:
                    why, fix = (
                        f"the command tells no time on the {side}",
                        "it prints milliseconds last, and exits with 0",
                    )
                    return could_not_tell("page", why, grounds=grounds, unit="pages", fix=fix, argv=argv, said=said)
                taken[side].append(time_)
            if number + 1 >= ROUNDS and _later(taken) <= limit:
                break
    found = []
    if _later(taken) > limit and min(taken["head"]) > max(taken["base"]):
        told = f"{statistics.median(taken['base']):.0f} ms to {statistics.median(taken['head']):.0f} ms"
        cause = "it was later in every round; see what it waits for"
        found = [
            minded(
                "performance/page", "the page comes later than is allowed", "", cause=cause,
                evidence=f"{told}, {limit:g} ms more are allowed", severity=Severity.MEDIUM,
            )
        ]  # fmt: skip
    reason = f"{_later(taken):+.0f} ms, {limit:g} ms more are allowed; {counted(len(taken['head']), 'rounds')}"
    return verdict("page", found, grounds=grounds, examined=1, unit="pages", reason=reason, argv=argv)


def _later(taken: Mapping[str, Sequence[float]]) -> float:
    return statistics.median(taken["head"]) - statistics.median(taken["base"])


def milliseconds(text: str) -> float | None:
    """The last number of an output."""
    found = re.findall(r"\d+(?:\.\d+)?", text)
    return float(found[-1]) if found else None
