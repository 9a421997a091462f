"""What cannot be checked here, who can look, and the loops of roles."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from setpoint.errors import ConfigError
from setpoint.gates.worth import Worth
from setpoint.model.boundary import Boundaries
from setpoint.model.feedback import FeedbackGap
from setpoint.model.settings import Config
from setpoint.model.ticket import Kind, Ticket
from setpoint.policy.decide import Policy
from setpoint.policy.rules import Rules
from setpoint.service.estimate import plan_view
from setpoint.service.feedback import as_markdown, feedback_gaps, first_page, fitting, gap_lines, matrix, narrowed_to

TESTS = {"kind": "tests", "run": ["pytest"], "report": "junit"}
AUDIT = {"kind": "security", "run": ["npm", "audit"], "network": ["registry.npmjs.org"]}
PLACE: dict[str, Any] = {"deploy": ["d"], "smoke": ["s"], "rollback": ["r"]}
PHONE = {"name": "the page on a phone", "level": "qa", "minutes": 15, "access": "a device farm"}
LOAD = {"name": "the nightly load", "level": "dev", "minutes": 20, "labels": ["Data"]}


def config(**told: Any) -> Config:
    """A configuration as it is written; a browser that is not there."""
    return Config.model_validate({"sandbox": {"env": {"SETPOINT_BROWSER": "no-such-browser"}}, **told})


def ticket(*labels: str) -> Ticket:
    """A ticket with labels."""
    return Ticket(id="t", title="t", kind=Kind.FEATURE, text="t", labels=labels)


def test_what_cannot_be_checked_here_is_listed_with_its_level_and_its_cost(tmp_path: Path) -> None:
    settings = config(feedback=[PHONE, LOAD], environment=[{"name": "staging", **PLACE}, {"name": "live", **PLACE}])
    lines = gap_lines(feedback_gaps(settings, ticket("data"), tmp_path))
    assert lines == [
        "not checked here: the nightly load (dev): a person, 20 min",
        "not checked here: the page on a phone (qa): a person, 15 min; an agent would get it by a device farm",
        "not checked here: smoke in staging (qa): setpoint, after the merge",
        "not checked here: smoke in live (prod): setpoint, after the merge",
        "by hand, in all: 35 min of a person",
    ]
    others = [gap.what for gap in feedback_gaps(settings, ticket("ui"), tmp_path)]
    assert others == ["the page on a phone", "smoke in staging", "smoke in live"]
    assert "nobody has measured how long" in FeedbackGap(what="x", level="local", by="person").told()


def test_pages_that_no_browser_opens_are_a_persons_work(tmp_path: Path) -> None:
    for place in ("node_modules/a/index.html", ".cache/a.html", "docs/guide.html"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).touch()
    assert first_page(tmp_path) == ""
    assert feedback_gaps(config(), ticket(), tmp_path) == ()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/orders.html").touch()
    (gap,) = feedback_gaps(config(), ticket(), tmp_path)
    assert (gap.what, gap.by) == ("how pages look (shop/orders.html)", "person")
    assert feedback_gaps(config(sandbox={"env": {"SETPOINT_BROWSER": "sh"}}), ticket(), tmp_path) == ()


def test_packages_that_no_gate_looks_up_among_known_vulnerabilities_are_said(tmp_path: Path) -> None:
    assert feedback_gaps(config(gates={"tests": TESTS}), ticket(), tmp_path) == ()
    (tmp_path / "package-lock.json").touch()
    (gap,) = feedback_gaps(config(gates={"tests": TESTS}), ticket(), tmp_path)
    assert gap.what == "known vulnerabilities of packages (package-lock.json)"
    (row,) = [row for row in matrix(config(gates={"tests": TESTS}), {}, tmp_path, {}) if "vulnerab" in row.of]
    assert (row.by, row.agent) == ("nobody", False)
    decided = config(gates={"tests": TESTS}, checks={"unaudited": "no way out of the plant"})
    (gap,) = feedback_gaps(decided, ticket(), tmp_path)
    assert gap.what.endswith("left out because: no way out of the plant")
    audited = config(gates={"tests": TESTS, "audit": AUDIT})
    assert feedback_gaps(audited, ticket(), tmp_path) == ()
    assert all("vulnerab" not in row.of for row in matrix(audited, {}, tmp_path, {}))


def test_no_role_leaves_the_audit_out(tmp_path: Path) -> None:
    profile = {"ui": {"labels": ["ui"], "gates": ["tests"]}}
    gates = {"tests": TESTS, "lint": {"kind": "lint", "run": ["ruff", "check", "."]}, "audit": AUDIT}
    assert list(narrowed_to(config(gates=gates, profile=profile), ticket("ui")).gates) == ["tests", "audit"]


@pytest.mark.parametrize("reason", [" ", "two\nlines", "x" * 301])
def test_a_reason_is_one_line_that_says_something(reason: str) -> None:
    with pytest.raises(ValidationError, match="unaudited"):
        config(checks={"unaudited": reason})


def test_the_plan_says_them_before_a_run(tmp_path: Path) -> None:
    settings = config(feedback=[PHONE], gates={"tests": TESTS})
    held = Policy(boundaries=Boundaries(), rules=Rules())
    view = plan_view(settings, ticket(), Kind.FEATURE, "asked", held=held, store=None, repository=str(tmp_path))
    assert [gap.what for gap in view.feedback_gaps] == ["the page on a phone"]
    (tmp_path / "uv.lock").touch()
    view = plan_view(settings, ticket(), Kind.FEATURE, "asked", held=held, store=None, repository=str(tmp_path))
    assert any(warning.startswith("a run does not start: nothing looks the packages") for warning in view.warnings)


def test_a_ticket_with_a_profiles_label_has_that_profiles_loop(tmp_path: Path) -> None:
    settings = config(
        gates={"tests": TESTS, "dbt": {"kind": "other", "run": ["dbt", "test"]}},
        feedback=[PHONE, LOAD],
        profile={"data": {"labels": ["data"], "gates": ["dbt"], "feedback": [LOAD["name"]]}},
    )
    assert narrowed_to(settings, ticket("ui")) == settings
    narrowed = narrowed_to(settings, ticket("DATA"))
    assert list(narrowed.gates) == ["dbt"]
    assert [one.name for one in narrowed.feedback] == [LOAD["name"]]
    assert narrowed_to(narrowed, ticket("DATA")) == narrowed


@pytest.mark.parametrize(
    ("profile", "words"),
    [({"gates": ["dbt"]}, "names the gate `dbt`"), ({"feedback": ["phone"]}, "names the feedback `phone`")],
)
def test_a_profile_that_names_what_is_not_there_is_refused(profile: dict[str, Any], words: str) -> None:
    settings = config(gates={"tests": TESTS}, profile={"data": {"labels": ["data"], **profile}})
    with pytest.raises(ConfigError, match=words):
        fitting(settings, ())


def test_the_matrix_says_who_can_look_how_long_it_takes_and_what_nobody_looks_at(tmp_path: Path) -> None:
    (tmp_path / "index.html").touch()
    settings = config(
        gates={"tests": TESTS, "audit": {"kind": "security", "run": ["audit"], "network": ["advisories.example"]}},
        feedback=[PHONE],
        environment=[{"name": "uat", **PLACE}],
        stack={"app": {"run": ["serve"], "port": 1}},
    )
    known = {"tests": Worth(trees=3, said_no=1, alone=1, seconds=2.5)}
    found = {look.what: look for look in matrix(settings, known, tmp_path, {"uat": 90.0})}
    tests, audit = found["gate tests"], found["gate audit"]
    assert (tests.of, tests.level, tests.agent, tests.took()) == ("units", "local", True, "2.5 s")
    assert (audit.level, audit.by) == ("dev", "setpoint, let to advisories.example")
    assert (found["index.html"].agent, found["index.html"].access) == (False, "a browser: `apt install chromium`")
    assert (found["smoke in uat"].level, found["smoke in uat"].took()) == ("qa", "90.0 s")
    assert (found["the page on a phone"].took(), found["the page on a phone"].agent) == ("15 min", False)
    assert found["the application runs"].agent
    nobody = {look.of for look in matrix(settings, known, tmp_path, {}) if look.by == "nobody"}
    assert nobody == {"parts together", "end to end", "readability", "types"}
    levels = [look.level for look in found.values()]
    assert levels == sorted(levels, key=["local", "dev", "qa", "prod"].index)
    table = as_markdown(list(found.values())).splitlines()
    assert len(table) == len(found) + 2
    assert all(line.count(" | ") == 6 for line in table[2:] if line.endswith(" |"))
