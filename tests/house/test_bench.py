"""The benchmark measures what it says it measures. How long anything takes is not asserted here."""

import json
from pathlib import Path

import pytest

from bench import context, levels, trees
from bench.figure import Figure, document, machine, table
from bench.process import Process
from bench.task import STEPS, lay_out


def test_a_figure_knows_whether_its_aim_is_met() -> None:
    assert Figure("a", 2.0, "ms", floor=1.0, most_ratio=2).holds
    assert not Figure("a", 2.1, "ms", floor=1.0, most_ratio=2).holds
    assert not Figure("a", 2.0, "ms", floor=1.0, most=1).holds
    assert Figure("a", 2.0, "ms").holds is None


def test_a_missed_aim_is_called_missed_on_a_slow_machine_too() -> None:
    missed = Figure("cold", 1.2, "s", most=1)
    assert missed.verdict(1.0) == "MISSED"
    assert missed.verdict(2.0) == "MISSED here; 0.60 s at the aim's speed"
    assert Figure("cold", 2.2, "s", most=1).verdict(2.0) == "MISSED"
    assert Figure("tokens", 1600.0, "tokens", most=1500).verdict(2.0) == "MISSED"
    assert Figure("warm", 4.0, "ms", floor=1.0, most_ratio=3).verdict(2.0) == "MISSED"
    assert Figure("warm", 2.0, "ms", floor=1.0, most_ratio=3).verdict(2.0) == "holds"


def test_the_table_and_the_document_hold_every_figure() -> None:
    figures = [Figure("warm", 2.0, "ms", floor=1.0, most=1), Figure("cold", 250.0, "ms")]
    assert [line.split("|")[1].strip() for line in table(figures, 1.0).splitlines()[2:]] == ["warm", "cold"]
    told = json.loads(document(figures, machine(1.0)))
    assert [(row["what"], row["ratio"], row["holds"]) for row in told["figures"]] == [
        ("warm", 2.0, False),
        ("cold", None, None),
    ]


def test_the_size_of_first_requests_is_told() -> None:
    sizes = list(context.figures())
    assert all(figure.unit == "tokens" and figure.value > 0 for figure in sizes)


@pytest.mark.slow
def test_both_sides_do_the_same_task_with_the_same_requests(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    lay_out(repository)
    with Process("bench.model") as model:
        url = model.ask("where")["url"]
        with (
            Process("bench.bare", "serve", str(repository), url) as bare,
            Process("bench.carried", "serve", str(repository), url) as carried,
        ):
            tasks = [*bare.ask("tasks", count=1)["tasks"], *carried.ask("tasks", count=2)["tasks"]]
            times = model.ask("times")["times"]
    assert [task["done"] for task in tasks] == [True] * 3
    assert [len(times[task["first"]]) for task in tasks] == [len(STEPS)] * 3
    assert [len(task["tools"]) for task in tasks] == [len(STEPS) - 1] * 3


@pytest.mark.slow
def test_levels_are_measured_beside_a_bare_subprocess(tmp_path: Path) -> None:
    found = list(levels.figures(tmp_path, rounds=2, levels=("bubblewrap", "none")))
    assert {figure.what.partition(":")[0] for figure in found} == {"bubblewrap", "none"}
    assert all(figure.value > 0 for figure in found if "file operations" not in figure.what)
    assert [figure.most for figure in found[:3]] == list(levels.AIMS["bubblewrap"])


@pytest.mark.slow
def test_worktrees_commands_and_gates_are_measured(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    lay_out(repository)
    assert len(list(trees.figures(repository, rounds=1))) == 4
