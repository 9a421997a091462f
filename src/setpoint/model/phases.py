"""The phases by name."""

PHASES = (
    "discovery",
    "tech_spec",
    "planning",
    "split",
    "diagnosis",
    "tests",
    "implementation",
    "edge_tests",
    "review",
    "ci_fix",
)
"""Phases that an agent works in, or a person in its stead."""
