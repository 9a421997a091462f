"""How papers are laid out: the names of files and headings of each layout, and what other names stand for the same."""

from dataclasses import dataclass
from typing import Literal

Layout = Literal["setpoint", "spec-kit", "kiro"]
PAPERS = ("functional_spec", "tech_spec", "plan")
"""Deliverables that are papers, in the order they build on each other."""
PHASE_OF = {"functional_spec": "discovery", "tech_spec": "tech_spec", "plan": "planning"}
"""The phase that hands each of them in."""
BESIDE = ("research.md", "data-model.md")
"""Papers of spec-kit that a design rests on."""


@dataclass(frozen=True)
class Named:
    """A field's heading, and what it is called elsewhere."""

    field: str
    title: str
    known: str = ""
    """Pattern of other headings that mean it."""
    titles: tuple[tuple[Layout, str], ...] = ()
    """Where a layout calls it otherwise."""

    def title_in(self, layout: Layout) -> str:
        """Its heading there."""
        return dict(self.titles).get(layout, self.title)

    @property
    def pattern(self) -> str:
        """What its heading looks like, in any layout."""
        own = "|".join((self.title, *(title for _, title in self.titles)))
        return rf"^(?:\d+\.\s*)?(?:{own}{f'|{self.known}' if self.known else ''})$"


FILES: dict[Layout, dict[str, str]] = {
    "setpoint": {"functional_spec": "spec.md", "tech_spec": "plan.md", "plan": "tasks.md"},
    "spec-kit": {"functional_spec": "spec.md", "tech_spec": "plan.md", "plan": "tasks.md"},
    "kiro": {"functional_spec": "requirements.md", "tech_spec": "design.md", "plan": "tasks.md"},
}
TITLES: dict[Layout, dict[str, str]] = {
    "setpoint": {"functional_spec": "Functional spec: ", "tech_spec": "Tech spec: ", "plan": "Plan: "},
    "spec-kit": {
        "functional_spec": "Feature Specification: ",
        "tech_spec": "Implementation Plan: ",
        "plan": "Tasks: ",
    },
    "kiro": {"functional_spec": "Requirements Document: ", "tech_spec": "Design: ", "plan": "Implementation Plan: "},
}

CRITERIA = Named("criteria", "Requirements", "Acceptance criteria|Functional requirements|Success criteria")
OUT_OF_SCOPE = Named("out_of_scope", "Out of scope", "Non-?goals|Not in scope")
SPEC = (
    Named("summary", "Summary", "Overview|Introduction|Feature summary", (("kiro", "Introduction"),)),
    Named("users", "Users", "User Stories|User Scenarios.*", (("spec-kit", "User Scenarios & Testing"),)),
    Named("current_behaviour", "Current behaviour", "Today|Current (?:behavior|state)|Background|Context"),
    CRITERIA,
    Named("must_stay", "Must stay", "Constraints|Non-functional requirements|Invariants"),
    Named("can_break", "Can break", "Edge cases|Regressions?", (("spec-kit", "Edge Cases"),)),
    OUT_OF_SCOPE,
    Named("open_questions", "Open questions"),
)
DESIGN = (
    Named("approach", "Approach", "Summary|Overview|Architecture", (("spec-kit", "Summary"), ("kiro", "Overview"))),
    Named(
        "components",
        "Components",
        "Architecture|Project structure|Source code.*|Components and interfaces",
        (("spec-kit", "Project Structure"), ("kiro", "Components and Interfaces")),
    ),
    Named("interfaces", "Interfaces", "APIs?|API .*|Contracts|Endpoints"),
    Named("data", "Data", "Data models?|Key entities|Entities|Schema", (("kiro", "Data Models"),)),
    Named("errors", "Errors", "Error handling|Failure cases|Edge cases", (("kiro", "Error Handling"),)),
    Named("choices", "Decisions", "(?:Key )?(?:Design |Technical )?Decisions.*|Alternatives.*"),
    Named("covers", "Covers"),
    Named("risks", "Risks", "Complexity tracking|Risks? .*"),
)
LISTINGS = (
    Named("data_models", "Data models"),
    Named("endpoints", "Endpoints"),
    Named("flows_at_risk", "Flows at risk"),
    Named("migrations", "Migrations"),
    Named("flags", "Flags"),
    Named("permissions", "Permissions"),
    Named("telemetry", "Telemetry"),
    Named("tests", "Tests at the end"),
    Named("rules", "Rules"),
    Named("dependencies", "Dependencies"),
    Named("risks", "Risks"),
)
"""The lists of a plan."""
