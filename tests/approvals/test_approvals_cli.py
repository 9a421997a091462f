"""Approving, inspecting and verifying as people do it: on a terminal, off one, and with a file alone."""

import json
import sys
from contextlib import closing
from pathlib import Path

from approving import Place, Run, environment

from setpoint.adapters.store import SqlStore
from setpoint.forging.stage import RUN
from setpoint.model.approval import Approval
from setpoint.testing import terminals


def typed(root: Path, *words: str, answers: str) -> tuple[int, str]:
    """Exit code and all that was shown to a person at a terminal who typed `answers`."""
    return terminals.typed([sys.executable, "-m", "setpoint.cli", *words], root, environment(root), answers)


def given(root: Path) -> list[Approval]:
    with closing(SqlStore(f"sqlite:///{root}/.setpoint/setpoint.db")) as store:
        return list(store.approvals(RUN, 1))


def test_on_a_terminal_each_of_the_four_is_asked_for_with_its_help(place: Place) -> None:
    root = place("waiting")
    code, said = typed(root, "approve", RUN, "--detach", answers="y\nread it twice\ny\nnone that I see\n")
    assert code == 0, said
    for words in ("1 of 4, requirement: read the ticket once more", "2 of 4, diff", "3 of 4, tests", "4 of 4, debt"):
        assert words in said
    (approval,) = given(root)
    assert approval.inspection == {
        "requirement": "it holds", "diff": "read it twice", "tests": "it holds", "debt": "none that I see",
    }  # fmt: skip


def test_who_stops_on_the_way_has_not_approved(place: Place) -> None:
    root = place("waiting")
    code, said = typed(root, "approve", RUN, "--detach", answers="y\nn\n")
    assert (code, "3 of 4" in said) == (2, False)
    assert "not inspected to the end" in said
    assert given(root) == []


def test_off_a_terminal_the_four_are_said_by_flags_or_it_is_refused(place: Place, setpoint: Run) -> None:
    root = place("waiting")
    for words in ((), ("--checked", "diff,tests"), ("--checked", "difff")):
        done = setpoint(root, "approve", RUN, "--detach", *words)
        assert (done.code, given(root)) == (2, [])
        assert "--checked requirement,diff,tests,debt" in done.err
    done = setpoint(root, "approve", RUN, "--detach", "--all-checked", "read and tried")
    assert done.code == 0, done.err
    (approval,) = given(root)
    assert set(approval.inspection.values()) == {"read and tried"}


def test_a_run_and_a_file_are_verified_and_an_edit_is_named(place: Place, setpoint: Run, tmp_path: Path) -> None:
    root = place("merging")
    listed = setpoint(root, "approvals", "list", RUN)
    assert "granted change by Ada; not used" in listed.out
    done = setpoint(root, "approvals", "verify", RUN, "--json")
    assert (done.code, json.loads(done.out)["exit_code"]) == (0, 0), done.err
    exported = setpoint(root, "export", RUN, "--format", "approvals").out
    file = tmp_path / "bundle.json"
    file.write_text(exported)
    public = setpoint(root, "approvals", "key").out.strip()
    away = setpoint(root, "approvals", "verify", "--bundle", str(file), "--key", f"Ada={public}", folder=tmp_path)
    assert away.code == 0, away.err
    file.write_text(exported.replace('"because": "it holds"', '"because": "it does"'))
    edited = setpoint(root, "approvals", "verify", "--bundle", str(file), folder=tmp_path)
    assert (edited.code, "signature: it is not what was signed" in edited.out) == (30, True)


def test_a_key_that_others_can_read_signs_nothing_and_the_way_out_is_said(place: Place, setpoint: Run) -> None:
    root = place("waiting")
    private = root.parent / "person" / "setpoint" / "approvals" / "approval.key"
    private.chmod(0o644)
    try:
        done = setpoint(root, "approve", RUN, "--detach", "--all-checked", "read")
    finally:
        private.chmod(0o600)
    assert (done.code, given(root)) == (2, [])
    assert f"chmod 600 {private}" in done.err
