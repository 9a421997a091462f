"""Slower, larger, later: measured on both sides in turn, and believed only when it repeats."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from setpoint.gates.benchmark_report import Sample, read_benchmarks
from setpoint.gates.commands import reporting
from setpoint.gates.measured import vacuous
from setpoint.gates.performance import Pair, check_benchmarks, check_bundle, check_page, milliseconds
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.gate import Gate
from setpoint.model.judgement import Measured
from setpoint.testing.gate_grounds import QUIET, grounds_of

RUN, REPORT = reporting(["pytest", "-q"])
TESTS = Gate.model_validate({"kind": GateKind.TESTS, "run": RUN, "report": REPORT})
PLUGIN = {**QUIET, "PYTEST_ADDOPTS": "-p pytest_benchmark.plugin"}
QUICK = "def total(count):\n    return count\n"
SLOW = "def total(count):\n    return sum(range(count))\n"
BENCHMARK = (
    "from shop import total\n\n\ndef test_total(benchmark):\n"
    "    benchmark.pedantic(total, args=(%d,), rounds=20, iterations=5)\n"
)
BASE = {"shop.py": QUICK, "tests/test_speed.py": BENCHMARK % 50_000, "pytest.ini": "[pytest]\npythonpath = .\n"}


async def measured(tmp_path: Path, change: Mapping[str, str]) -> Measured:
    return await check_benchmarks(grounds_of(tmp_path, BASE, {**BASE, **change}, {"tests": TESTS}, env=PLUGIN))


@pytest.mark.slow
async def test_a_regression_that_repeats_is_minded_with_its_figures(tmp_path: Path) -> None:
    told = await measured(tmp_path, {"shop.py": SLOW})
    (objection,) = told.objections
    assert objection.rule == "performance/slower"
    assert "5 and 5 rounds" in objection.evidence
    assert not told.holds


@pytest.mark.slow
async def test_a_lighter_benchmark_does_not_hide_a_slower_function(tmp_path: Path) -> None:
    told = await measured(tmp_path, {"shop.py": SLOW, "tests/test_speed.py": BENCHMARK % 1})
    assert not told.holds


@pytest.mark.slow
async def test_benchmarks_that_do_not_run_are_a_refusal(tmp_path: Path) -> None:
    assert (await measured(tmp_path, {"shop.py": "raise SystemExit(1)\n"})).result.outcome is Outcome.REFUSED


async def test_benchmarks_that_the_base_cannot_run_either_accuse_nobody(tmp_path: Path) -> None:
    grounds = grounds_of(tmp_path, BASE, {**BASE, "shop.py": SLOW}, {"tests": TESTS}, env=QUIET)
    told = await check_benchmarks(grounds)
    assert [objection.rule for objection in told.objections] == ["benchmarks/no-tool"]
    assert "on the base" in told.result.reason


async def test_without_benchmarks_or_source_there_is_nothing_to_measure(tmp_path: Path) -> None:
    assert vacuous(await measured(tmp_path, {"README.md": "x"}))


def pair(base: tuple[float, ...], head: tuple[float, ...], iqr: float = 0.01) -> Pair:
    return Pair(tuple(Sample(value, iqr) for value in base), tuple(Sample(value, iqr) for value in head))


@pytest.mark.parametrize(
    ("told", "suspicious", "confirmed"),
    [
        (pair((1.0, 1.0), (1.5, 1.5)), True, True),
        (pair((1.0, 1.0), (1.05, 1.05)), False, False),
        (pair((1.0, 1.0), (1.5, 1.5), iqr=0.8), False, False),
        (pair((1.0, 1.0, 1.6), (1.5, 1.5, 1.5)), True, False),
        (pair((1.0, 1.0), (0.5, 0.5)), False, False),
    ],
    ids=["slower", "a little", "lost in noise", "not every time", "quicker"],
)
def test_only_what_stands_out_of_the_noise_every_time_is_confirmed(
    told: Pair, suspicious: bool, confirmed: bool
) -> None:
    assert (told.suspicious(0.1), told.confirmed(0.1)) == (suspicious, confirmed)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"benchmarks": [{}]}', b"\xff"])
def test_what_is_no_report_holds_no_benchmark(content: bytes) -> None:
    assert read_benchmarks(content) == {}


MAKE = Gate(kind=GateKind.BUILD, run=("node", "build.mjs"))
BUILD = """import fs from 'node:fs';
import crypto from 'node:crypto';
fs.mkdirSync('dist', { recursive: true });
const size = Number(fs.readFileSync('src/size.txt', 'utf8'));
let text = '';
for (let at = 0; text.length < size; at++) text += crypto.createHash('sha256').update(String(at)).digest('hex');
fs.writeFileSync('dist/app.js', text.slice(0, size));
"""
SITE = {"package.json": json.dumps({"name": "site"}), "build.mjs": BUILD, "src/size.txt": "30000"}


@pytest.mark.parametrize(
    ("size", "holds", "shown"), [("30100", True, "+0.1 KB"), ("90000", False, "KB (+3"), ("1000", True, "KB (-1")]
)
async def test_a_bundle_may_grow_by_ten_kilobytes(tmp_path: Path, size: str, holds: bool, shown: str) -> None:
    told = await check_bundle(grounds_of(tmp_path, SITE, {**SITE, "src/size.txt": size}, {"build": MAKE}))
    assert told.holds is holds
    assert shown in told.result.reason
    assert {entry.rule for entry in told.objections} == (set() if holds else {"performance/bundle"})


async def test_a_build_that_fails_is_a_refusal_and_one_that_makes_nothing_nothing(tmp_path: Path) -> None:
    broken = grounds_of(tmp_path / "a", SITE, {**SITE, "src/size.txt": "x", "build.mjs": "boom("}, {"build": MAKE})
    assert (await check_bundle(broken)).result.outcome is Outcome.REFUSED
    empty = {**SITE, "build.mjs": ""}
    assert vacuous(
        await check_bundle(grounds_of(tmp_path / "b", empty, {**empty, "src/size.txt": "1"}, {"build": MAKE}))
    )


@pytest.mark.parametrize(("after", "holds"), [("320", False), ("250", True), ("100", True)])
async def test_a_page_may_come_a_hundred_milliseconds_later(tmp_path: Path, after: str, holds: bool) -> None:
    grounds = grounds_of(tmp_path, {"time.txt": "took 200"}, {"time.txt": f"took {after}"})
    told = await check_page(grounds, ("cat", "time.txt"))
    assert told.holds is holds
    assert {entry.rule for entry in told.objections} == (set() if holds else {"performance/page"})


async def test_a_command_without_a_number_is_a_refusal(tmp_path: Path) -> None:
    grounds = grounds_of(tmp_path, {"time.txt": "1"}, {"time.txt": "soon"})
    assert (await check_page(grounds, ("cat", "time.txt"))).result.outcome is Outcome.REFUSED
    assert vacuous(await check_page(grounds, ()))
    assert milliseconds("load 3 times: 12.5 ms") == 12.5
