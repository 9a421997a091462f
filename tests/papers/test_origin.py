"""Folders of papers: which phases they stand for, and where the run begins."""

from pathlib import Path

import pytest
from test_papers import KIRO, KIRO_DESIGN, PLAN, SPEC_KIT

from setpoint.errors import TicketError, UsageError
from setpoint.model.run import State, Waits
from setpoint.model.settings import Config
from setpoint.model.ticket import Kind
from setpoint.pipeline.papers.write import write
from setpoint.service.origin import begins, folder_of, from_folder, opened, require_fitting

DESIGN = KIRO_DESIGN.replace("# Design Document", "# Implementation Plan: x")


def papers(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


def test_a_run_begins_at_the_first_phase_without_a_paper(tmp_path: Path) -> None:
    folder = papers(tmp_path / "specs" / "007-round", spec=SPEC_KIT, plan=DESIGN)
    text, origin = from_folder(folder)
    ticket, kind, because = opened(text, name=folder.name, kind=None, requires=(), origin=origin)
    assert (ticket.id, ticket.title, kind, len(ticket.criteria)) == ("007-round", "Round prices", Kind.FEATURE, 4)
    assert "functional_spec, tech_spec" in because
    position, job = begins(kind, origin, unasked=False)
    assert (position.stage, job) == ("planning", True)
    assert [taken.source for taken in origin.papers] == [str(folder / "spec.md"), str(folder / "plan.md")]


def test_with_all_three_a_person_is_asked_before_anything_else(tmp_path: Path) -> None:
    _, tasks = write("plan", PLAN.model_dump(mode="json"), "Round prices", "kiro")
    folder = papers(tmp_path / ".kiro" / "specs" / "round", requirements=KIRO, design=KIRO_DESIGN, tasks=tasks)
    _, origin = from_folder(folder)
    position, job = begins(Kind.FEATURE, origin, unasked=False)
    assert (position.stage, position.state, position.waits, job) == ("plan", State.WAITING, Waits.DECISION, False)
    free, goes_on = begins(Kind.FEATURE, origin, unasked=True)
    assert (free.stage, goes_on) == ("tests", True)
    with pytest.raises(UsageError, match="route hotfix begins with diagnosis"):
        begins(Kind.HOTFIX, origin, unasked=False)


def test_a_paper_that_is_left_to_a_session_is_told_as_what_was_written_before(tmp_path: Path) -> None:
    folder = papers(tmp_path / "specs" / "007-round", spec=SPEC_KIT, plan=DESIGN, tasks="- [ ] T001 Make it\n")
    with pytest.raises(TicketError, match=r"tasks.md:1: a list of tasks"):
        from_folder(folder)
    text, origin = from_folder(folder, "planning")
    assert begins(Kind.FEATURE, origin, unasked=False)[0].stage == "planning"
    assert "> - [ ] T001 Make it" in text
    text, origin = from_folder(folder, "discovery")
    assert not origin.papers
    assert "## Background: plan.md" in text
    with pytest.raises(UsageError, match="no paper stands for `review`"):
        from_folder(folder, "review")


def test_a_paper_that_does_not_fit_the_one_before_it_is_refused_before_a_run_starts(tmp_path: Path) -> None:
    folder = papers(tmp_path / "specs" / "007-round", spec=SPEC_KIT, plan=f"{DESIGN}\n## Covers\n\nFR-001, FR-009\n")
    text, origin = from_folder(folder)
    ticket, *_ = opened(text, name="x", kind=None, requires=(), origin=origin)
    with pytest.raises(TicketError, match=r"plan\.md:\d+: covers: FR-009 is not a criterion") as refused:
        require_fitting(ticket, origin, Config(), ("shop/price.py",))
    assert "covers: FR-002 is not covered" in refused.value.what


def test_a_folder_without_a_spec_is_no_ticket(tmp_path: Path) -> None:
    with pytest.raises(TicketError, match="is no folder of papers"):
        from_folder(papers(tmp_path / "specs" / "007", plan=DESIGN))
    assert folder_of("Add a function") is None
    assert folder_of("-") is None
    assert folder_of(str(tmp_path)) == tmp_path


def test_a_paper_that_is_a_link_out_of_its_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("password = hunter2\n")
    folder = papers(tmp_path / "specs" / "007-round", spec=SPEC_KIT)
    (folder / "tasks.md").symlink_to("../../credentials")
    with pytest.raises(TicketError, match=r"tasks.md leads out of its folder"):
        from_folder(folder)
