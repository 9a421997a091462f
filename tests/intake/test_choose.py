"""The route is chosen by the ticket's shape, with the reason, and no model."""

import pytest

from setpoint.model.ticket import Kind
from setpoint.pipeline.choose import choose
from setpoint.pipeline.intake import read_ticket

EPIC = """# Billing

## Invoices
Add an invoice for every order at the end of the month.

## Reminders
Implement mail reminders for invoices that are 14 days late.

## Export
Create a CSV export of all invoices of a year.
"""


@pytest.mark.parametrize(
    ("text", "kind", "because"),
    [
        ("---\nkind: epic\n---\nFix the crash in `a()`", Kind.EPIC, "the ticket says `kind: epic`"),
        ("---\nlabels: [bug]\n---\nAdd a /health endpoint", Kind.HOTFIX, "label `bug`"),
        ("---\nlabels: [Enhancement]\n---\n`a()` crashes on `b`", Kind.FEATURE, "label `Enhancement`"),
        ("Fix crash in `parse()` on empty input", Kind.HOTFIX, "the title asks for a fix"),
        ("# `parse()` cannot read `x`\n\nExpected: it gives `y`.", Kind.HOTFIX, "the title reports a defect: “cannot”"),
        (
            "# Signup\n\nSince 2.1.0 a missing email gives a 500.",
            Kind.HOTFIX,
            "the text reports a defect: “Since 2.1.0”",
        ),
        ("# Signup page\n\n## Steps to reproduce\n- open it\n", Kind.HOTFIX, "it has a section on what goes wrong"),
        ("feat: retry uploads that fail", Kind.FEATURE, "asks for one thing"),
        ("Add an export button. Users cannot export today.", Kind.FEATURE, "asks for one thing"),
        ("When the payment fails, retry three times.", Kind.FEATURE, "asks for one thing"),
        ("Return 404 instead of 500 for unknown order ids.", Kind.FEATURE, "asks for one thing"),
        ("The page must not crash on empty input `x`.", Kind.FEATURE, "asks for one thing"),
        ("Show the text `error: it crashed` in red.", Kind.FEATURE, "asks for one thing"),
        ("# Epic: billing\n\nAdd invoices for all orders.", Kind.EPIC, "the title says epic"),
        (EPIC, Kind.EPIC, "3 features under headings of their own"),
        ("As a user I want A1. As an admin I want B2. As a guest, I would like C3.", Kind.EPIC, "3 user stories"),
    ],
)
def test_the_shape_chooses_the_route_and_says_why(text: str, kind: Kind, because: str) -> None:
    chosen, reason = choose(read_ticket(text))
    assert chosen is kind
    assert because in reason


def test_a_person_overrides_the_shape() -> None:
    ticket = read_ticket("Fix crash in `parse()` on empty input")
    assert choose(ticket, Kind.FEATURE) == (Kind.FEATURE, "asked for by a person")


def test_a_kind_given_with_the_ticket_stands() -> None:
    ticket = read_ticket("Fix crash in `parse()` on empty input", kind=Kind.FEATURE)
    assert choose(ticket) == (Kind.FEATURE, "filed as feature")


def test_sections_of_one_feature_are_no_epic() -> None:
    ticket = read_ticket(
        "# Export\n\n## What are we building\nAdd a CSV export of orders.\n\n## Acceptance criteria\n"
        "- Add a header row to the file\n- Add one row an order\n\n## Tests\n- Add tests for empty orders\n"
    )
    assert ticket.kind is Kind.FEATURE
