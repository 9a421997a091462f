"""Fixtures shared by all tests."""

import os
import sys
from collections import Counter

import pytest

from setpoint.testing.databases import database_url as database_url
from setpoint.testing.databases import postgres_server as postgres_server
from setpoint.testing.databases import ready_database as ready_database
from setpoint.testing.databases import ready_url as ready_url
from setpoint.testing.databases import sqlite_url as sqlite_url


@pytest.fixture
def anyio_backend() -> str:
    """We run on asyncio only, as DBOS does."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def own_configuration(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Answers are signed with a key of these tests, the same one in all their processes, and never with your own; nor
    is an agent of yours found signed in."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ["XDG_CONFIG_HOME"] = str(shared / "configuration")
    os.environ.pop("CLAUDE_CODE_OAUTH_TOKEN", None)
    os.environ["CLAUDE_CONFIG_DIR"] = os.environ["CODEX_HOME"] = str(shared / "signed-out")


collect_ignore = [] if any("real_agents" in word for word in sys.argv) else ["real_agents"]
"""Real agents are installed by `make agents` first, and driven by `make test-agents`."""
SAMPLED = {
    "test_a_run_killed_in_every_part_ends_the_same": 14,
    "test_a_run_killed_while_gates_answer_ends_the_same": 6,
    "test_a_run_killed_in_the_middle": 6,
    "test_a_run_killed_on_postgresql_ends_the_same": 2,
    "test_a_merge_of_the_moved_base_is_made_once": 2,
    "test_no_deploy_smoke_or_rollback_is_repeated": 4,
    "test_a_run_stops_when_the_disk_is_full": 2,
    "test_an_interrupted_foreground_leaves_with_130": 2,
    "test_a_persons_word_on_a_ci_fix_is_heard": 2,
    "test_a_persons_word_at_the_limit_of_ci_fixes": 2,
    "test_one_key_is_enough": 2,
    "test_a_run_killed_while_it_recovers": 4,
    "test_a_fault_costs_no_work_and_no_attempt": 6,
    "test_a_connection_lost_at_any_request_is_made_good": 5,
    "test_a_worthless_test_is_refused_with_its_reason": 5,
    "test_what_a_reviewer_writes": 5,
    "test_what_a_validator_writes": 3,
    "test_a_reviewer_that_says_looks_good": 6,
    "test_only_new_tests_that_hold_what_was_open_are_taken": 3,
    "test_whatever_a_builder_does": 5,
    "test_every_request_keeps_99_percent": 2,
    "test_a_deleted_worktree_is_made_again": 2,
    "test_what_cannot_be_done_says": 4,
    "test_the_whole_judgement_tells": 8,
    "test_a_workspace_handed_back_at_an_open_question": 2,
    "test_a_loop_that_goes_nowhere_is_handed_over": 3,
    "test_a_person_ends_it": 2,
    "test_each_criterion_leads_to_lines": 2,
    "test_a_session_is_told_at_once_and_must_clear_it": 2,
    "test_a_sealed_test_changed_through_the_shell": 3,
    "test_the_way_back_of_a_critical_release": 2,
    "test_a_reviewer_of_known_worth": 2,
}
"""Tests that play a whole run for each of many cases: of these `make test` takes one in so many, `make every` all."""
LEFT_OUT = {
    "test_the_whole_story_plays",
    "test_a_worked_example_is_carried_to_production",
    "test_a_case_is_solved_and_judged_by_the_packages_own_later_tests",
    "test_going_back_to_the_tests_takes_what_was_built_off_the_branch",
    "test_what_is_taken_and_given_between_two_tasks_still_waits_for_its_yes",
    "test_tasks_follow_one_another_without_a_word_by_default",
    "test_work_by_hand_at_the_decision_is_judged_anew",
    "test_a_conflict_with_marks_left_goes_back_once_more",
    "test_a_conflict_taken_by_a_person_is_committed_with_both_parents",
    "test_what_a_linter_finds_on_the_moved_base_is_not_the_changes",
    "test_a_no_to_an_environment_ends_the_run_there",
}
"""Tests whose ground another one covers in a whole run, and runs of minutes: `make every` takes them."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, and tell as deselected, what is sampled."""
    if os.environ.get("SETPOINT_EVERY_POINT"):
        return
    seen: Counter[str] = Counter()
    left = []
    for item in items:
        name, bracket, _ = item.name.partition("[")
        step = next((SAMPLED[each] for each in SAMPLED if name.startswith(each)), 1) if bracket else 1
        if seen[name] % step or name in LEFT_OUT:
            left.append(item)
        seen[name] += 1
    items[:] = [item for item in items if item not in set(left)]
    config.hook.pytest_deselected(items=left)
