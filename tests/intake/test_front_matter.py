"""Front matter is YAML with a closed set of keys; what does not fit names its line and the nearest key."""

import pytest

from setpoint.errors import TicketError
from setpoint.model.ticket import Kind
from setpoint.pipeline.intake import missing, read_ticket, require_concrete

FULL = """---
id: SHOP-12
kind: hotfix
title: Orders without lines
labels: bug, shop
must_stay: [The order API, Response times]
building: an answer for orders without lines
users: the mobile app
can_break:
  - invoices
  - the nightly export
criteria:
  - Orders without lines answer 422.
  - FR-004: The message names the order.
  - {id: NFR-001, text: It answers in under 100 ms.}
parent: SHOP-1
needs: SHOP-11
boundaries:
  paths: [src/orders/**, tests/**]
  dependencies: no
  max_files: 5
phases_by_person: [tech spec]
---
See the log.
"""


def test_front_matter_says_it_all() -> None:
    ticket = read_ticket(FULL, name="x.md")
    require_concrete(ticket)
    assert (ticket.id, ticket.kind, ticket.title) == ("SHOP-12", Kind.HOTFIX, "Orders without lines")
    assert ticket.labels == ("bug", "shop")
    assert ticket.must_stay == ("The order API", "Response times")
    assert ticket.can_break == "invoices; the nightly export"
    assert [c.id for c in ticket.criteria] == ["FR-001", "FR-004", "NFR-001"]
    assert (ticket.parent, ticket.needs) == ("SHOP-1", ("SHOP-11",))
    assert ticket.boundaries.paths == ("src/orders/**", "tests/**")
    assert (ticket.boundaries.dependencies, ticket.boundaries.max_files) == (False, 5)
    assert ticket.boundaries.frozen == ("dependencies",)
    assert ticket.phases_by_person == ("tech_spec",)
    assert ticket.text.startswith("---\nid: SHOP-12")
    assert missing(ticket) == ()


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("titel: x", r"line 2: unknown key `titel`; did you mean `title`\?"),
        ("kind: feature\n\nmuststay: x", r"line 4: unknown key `muststay`; did you mean `must_stay`\?"),
        ("zzz: x", "unknown key `zzz`; known: id, kind"),
        ("title: x\ntitle: y", "line 3: `title` stands twice"),
        ("title: [a", "line 3: the front matter is not YAML"),
        ("title: a\n  b: c", "line 3: the front matter is not YAML"),
        ("- a\n- b", "not a list of `key: value`"),
        ("kind: hotfux", r"unknown kind `hotfux`; did you mean `hotfix`\?"),
        ("title: {a: b}", "`title` in the front matter must be text"),
        ("labels: [{a: b}]", "`labels` in the front matter must be text"),
        ("boundaries: {path: [a]}", r"unknown boundary `path`; did you mean `paths`\?"),
        ("boundaries: {max_files: many}", "boundaries.max_files"),
        ("boundaries: yes", "`boundaries` must be"),
        ("phases_by_person: [reveiw]", r"unknown phase `reveiw`; did you mean `review`\?"),
        ("criteria: [{id: X-1, text: y}]", "`X-1` is no criterion id"),
        ("criteria: [{FR-001: a}, {FR-001: b}]", "FR-001 stands twice"),
        ("criteria: [{id: FR-001, txt: y}]", "an `id` and a `text`"),
        ("a: &a [*a]", "recursive"),
        ("title: " + "[" * 5000, "not YAML"),
        ("? [a]\n: b", "not YAML|unknown key"),
        (f"labels: [{'x' * 501}]", "does not fit"),
    ],
)
def test_front_matter_that_does_not_fit_is_refused_with_its_place(front: str, said: str) -> None:
    with pytest.raises(TicketError, match=said) as refusal:
        read_ticket(f"---\n{front}\n---\nReturn 404 for unknown order ids.\n")
    assert refusal.value.fix
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize("front", ["", "# only a comment", "title:"])
def test_empty_front_matter_is_as_good_as_none(front: str) -> None:
    ticket = read_ticket(f"---\n{front}\n---\nReturn 404 for unknown order ids.\n")
    assert ticket.title == "Return 404 for unknown order ids"


def test_a_rule_that_is_never_closed_is_no_front_matter() -> None:
    assert read_ticket("---\nReturn 404 for unknown order ids.").title == "Return 404 for unknown order ids"


@pytest.mark.parametrize(
    ("text", "name", "identity"),
    [
        ("---\nid: JIRA-7\n---\nReturn 404 for unknown ids", "a/b.md", "JIRA-7"),
        ("---\nid: ../../etc/passwd\n---\nReturn 404 for unknown ids", "", "etc-passwd"),
        ("Return 404 for unknown ids", "tickets/orders 404.md", "orders-404"),
        ("Return 404 for unknown ids.", "", "return-404-for-unknown-ids"),
        ("---\nid: '...'\n---\nReturn 404 for unknown ids", "", "ticket"),
        ("---\nid: a..b\n---\nReturn 404 for unknown ids", "", "a-b"),
    ],
)
def test_the_id_is_short_and_fit_for_a_branch(text: str, name: str, identity: str) -> None:
    assert read_ticket(text, name=name).id == identity


def test_dates_and_numbers_stay_the_words_they_are() -> None:
    ticket = read_ticket("---\nid: 007\ntitle: 2026-13-45\nparent: 1e999\n---\nReturn 404 for unknown ids.")
    assert (ticket.id, ticket.title, ticket.parent) == ("007", "2026-13-45", "1e999")
