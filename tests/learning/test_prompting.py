"""Prompts per ticket: what counts as one, what came of tickets by their number, and when a person is warned."""

import pytest
from journals import Journal

from setpoint.model.run import State
from setpoint.model.settings import Prompting
from setpoint.service.prompting import Came, Prompts, came, expected, opposite, prompts_of, rows, warning
from setpoint.testing.stores import sample_run

CURVE = Prompting()


def came_out(prompts: int, clean: int, of: int) -> list[Came]:
    return [Came(prompts=prompts, clean=n < clean) for n in range(of)]


def test_words_about_code_are_ad_hoc_and_words_about_documents_and_answers_are_not() -> None:
    journal = Journal()
    for said, stage, words in (
        ("granted", "plan", ""), ("sent-back", "plan", "smaller"), ("answered", "planning", "the second"),
        ("sent-back", "change", "just rename it"), ("retried", "implementation", "use a set"),
        ("retried", "implementation", ""), ("given", "review", "I changed the text"), ("given", "review", ""),
        ("resumed", "review", "budget $5"),
    ):  # fmt: skip
        journal.person(said, stage, words)
    assert prompts_of(journal.events) == Prompts(adhoc=3, on_documents=1, answers=1)
    assert prompts_of(journal.events).number == 4


@pytest.mark.parametrize(
    ("number", "figure"),
    [(1, 95), (2, 80), (3, 60), (4, 40), (5, 25), (6, 15), (7, 10), (8, 7), (9, 5), (10, 5), (30, 5)],
)
def test_the_default_curve_is_the_published_one(number: int, figure: float) -> None:
    assert expected(number, [], CURVE) == (figure, False)


def test_own_figures_take_the_curves_place_once_there_are_enough() -> None:
    nine, ten = came_out(2, 3, 9), came_out(2, 3, 10)
    assert expected(2, nine, CURVE) == (80, False)
    assert expected(2, ten, CURVE) == (30.0, True)
    assert expected(3, ten, CURVE) == (60, False)


@pytest.mark.parametrize(("adhoc", "warned"), [(0, False), (1, False), (2, True), (9, True), (50, True)])
def test_a_person_is_warned_once_the_curve_is_crossed(adhoc: int, warned: bool) -> None:
    told = warning(Prompts(adhoc=adhoc), [], CURVE, better="retry")
    assert bool(told) is warned
    assert not warned or f"{adhoc + 1} prompts for one ticket" in told
    assert not warned or "by the default curve" in told
    assert not warned or told.endswith("where it belongs: `retry`")


def test_a_warning_says_whose_figure_it_is_and_can_be_switched_off() -> None:
    bad = came_out(2, 1, 10)
    assert "of this repository's tickets" in warning(Prompts(adhoc=1), bad, CURVE, better="retry")
    assert warning(Prompts(adhoc=9), [], Prompting(warn_below=0), better="retry") == ""
    assert warning(Prompts(), came_out(1, 0, 20), CURVE, better="retry") == "", "nobody prompted: nothing to mind"


def test_tickets_are_compared_by_prompts_and_the_direction_is_told_only_with_enough_of_them() -> None:
    finished = [*came_out(1, 9, 10), *came_out(4, 1, 5)]
    assert [(row.prompts, row.tickets, row.clean, row.own) for row in rows(finished, CURVE)] == [
        (1, 10, 9, True), (4, 5, 1, False),
    ]  # fmt: skip
    assert opposite(finished) is True
    assert opposite([*came_out(1, 2, 10), *came_out(4, 5, 5)]) is False
    assert opposite(finished[:9]) is None
    assert opposite(came_out(1, 5, 20)) is None, "all took as many prompts"


@pytest.mark.parametrize(
    ("state", "cycle", "late", "clean"),
    [(State.DONE, 1, 0, True), (State.DONE, 2, 0, False), (State.DONE, 1, 1, False), (State.DECLINED, 1, 0, False)],
)
def test_a_ticket_came_out_well_when_it_was_done_at_once_without_late_defects(
    state: State, cycle: int, late: int, clean: bool
) -> None:
    run = sample_run()
    position = run.position.model_copy(update={"state": state, "cycle": cycle})
    what = came(run.model_copy(update={"position": position}), Prompts(adhoc=1), late)
    assert what == Came(prompts=2, clean=clean)
    assert came(run, Prompts(), 0) is None, "it is under way"
