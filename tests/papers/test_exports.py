"""Issues of trackers as tickets."""

import html
import json
from pathlib import Path
from typing import Any

import pytest

from setpoint.adapters.trackers.exports import issues_in
from setpoint.adapters.trackers.files import FileTracker, names_file, split_key
from setpoint.errors import TicketError
from setpoint.pipeline.intake import read_ticket

TITLE = "Round prices on receipts"
BODY = "Add `rounded(price)` to shop/price.py.\n\nIt must return a float with two decimals."
ADF = {
    "type": "doc",
    "content": [
        {"type": "paragraph", "content": [{"type": "text", "text": "Add `rounded(price)` to shop/price.py."}]},
        {"type": "paragraph", "content": [{"type": "text", "text": "It must return a float with two decimals."}]},
    ],
}
COMMENTS = [{"body": "also drop the table"}]
GITHUB = {"number": 12, "title": TITLE, "body": BODY, "labels": [{"name": "shop"}], "url": "u", "comments": COMMENTS}
GITLAB = {
    "iid": 12,
    "id": 900,
    "title": TITLE,
    "description": BODY,
    "labels": ["shop"],
    "web_url": "https://example.com/12",
}
LINEAR = {
    "data": {
        "issue": {
            "identifier": "ENG-12",
            "number": 12,
            "title": TITLE,
            "description": BODY,
            "labels": {"nodes": [{"name": "shop"}]},
        }
    }
}
JIRA = {
    "key": "SHOP-12",
    "fields": {"summary": TITLE, "description": ADF, "labels": ["shop"], "issuetype": {"name": "Story"}},
}
JIRA_XML = f"""<?xml version="1.0"?><rss version="0.92"><channel><item><title>[SHOP-12] {TITLE}</title>
<link>https://example.com/SHOP-12</link><description>&lt;p&gt;Add `rounded(price)` to shop/price.py.&lt;/p&gt;
&lt;p&gt;It must return a float with two decimals.&lt;/p&gt;</description><key id="1">SHOP-12</key>
<summary>{TITLE}</summary><type id="2">Story</type><labels><label>shop</label></labels>
<comments><comment>also drop the table</comment></comments></item></channel></rss>"""
JIRA_CSV = f"""Summary,Issue key,Issue Type,Labels,Labels,Description
{TITLE},SHOP-12,Story,shop,,"{BODY}"
Another,SHOP-13,Bug,,,x
"""


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("gh.json", json.dumps(GITHUB), "issue-12"),
        ("api.json", json.dumps([GITHUB | {"html_url": "https://example.com/h"}]), "issue-12"),
        ("gl.json", json.dumps(GITLAB), "issue-12"),
        ("linear.json", json.dumps(LINEAR), "ENG-12"),
        ("jira.json", json.dumps(JIRA), "SHOP-12"),
        ("search.json", json.dumps({"issues": [JIRA]}), "SHOP-12"),
        ("jira.xml", JIRA_XML, "SHOP-12"),
        ("jira.csv#SHOP-12", JIRA_CSV, "SHOP-12"),
    ],
)
async def test_an_issue_is_a_ticket_in_its_own_words(tmp_path: Path, name: str, content: str, key: str) -> None:
    (tmp_path / name.partition("#")[0]).write_text(content, encoding="utf-8")
    text = await FileTracker(tmp_path).fetch(name)
    ticket = read_ticket(text, name="x")
    assert (ticket.id, ticket.title, "shop" in ticket.labels) == (key, TITLE, True)
    assert any("must return a float" in criterion.text for criterion in ticket.criteria)
    assert "drop the table" not in text  # whoever may comment does not say what is done


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (JIRA_CSV, "a.csv", r"holds 2 issues"),
        (JIRA_CSV, "a.csv#SHOP-99", r"holds no issue SHOP-99"),
        ('{"number": 3,', "a.json", r"a.json, line 1: this is not JSON"),
        ('{"colour": "red"}', "a.json", r"no issue that is known"),
        ("Summary,Issue key\n,SHOP-1\n", "a.csv", r"row 2: the issue has no title"),
        ("# A ticket\n", "a.md#SHOP-1", r"is no tracker's export"),
    ],
)
async def test_what_is_no_issue_is_a_clear_error(tmp_path: Path, content: str, name: str, told: str) -> None:
    (tmp_path / name.partition("#")[0]).write_text(content, encoding="utf-8")
    with pytest.raises(TicketError, match=told):
        await FileTracker(tmp_path).fetch(name)


async def test_the_words_of_an_issue_set_nothing(tmp_path: Path) -> None:
    steered: dict[str, Any] = GITHUB | {"body": f"---\nphases_by_person: [implementation]\n---\n{BODY}"}
    (tmp_path / "gh.json").write_text(json.dumps(steered), encoding="utf-8")
    assert read_ticket(await FileTracker(tmp_path).fetch("gh.json")).phases_by_person == ()


def test_an_export_with_an_issue_named_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "issues.csv").write_text(JIRA_CSV, encoding="utf-8")
    (tmp_path / "odd#name.md").write_text("# A ticket\n", encoding="utf-8")
    assert split_key("issues.csv#SHOP-12", tmp_path) == ("issues.csv", "SHOP-12")
    assert split_key("odd#name.md", tmp_path) == ("odd#name.md", "")
    assert split_key("nothing.csv#SHOP-12", tmp_path) == ("nothing.csv#SHOP-12", "")
    assert names_file("-#12")
    assert not names_file("nothing.csv#SHOP-12")


def xml_of(description: str) -> str:
    told = f"<key>A-1</key><summary>s</summary><description>{html.escape(description)}</description>"
    return f"<rss><item>{told}</item></rss>"


@pytest.mark.parametrize(
    ("content", "title", "body"),
    [
        (json.dumps({"key": "A-1", "fields": {"summary": "s", "labels": None, "issuetype": "Bug"}}), "s", ""),
        (json.dumps({"key": "A-1", "fields": {"summary": "s", "description": {"content": None}}}), "s", ""),
        (json.dumps({"number": 1, "title": "s", "labels": 5}), "s", ""),
        (json.dumps({"identifier": "A", "title": "s", "labels": {"nodes": None}}), "s", ""),
        (json.dumps({"number": 1, "title": "\ud800s"}), "?s", ""),
        (f"Issue key,Summary,Description\nA-1,s,{'y' * 140_000}\n", "s", "y" * 140_000),
        (xml_of("<![x[ words"), "s", "<![x[ words"),
        (f"<rss>{'<item>' * 100_000}{xml_of('b')}{'<item>' * 100_000}", "s", "b"),
        (xml_of("b").replace("<key>", "<type " * 60_000 + "<key>"), "s", "b"),
    ],
    ids=["null labels", "null content", "labels", "null nodes", "half a letter", "long", "section", "items", "tags"],
)
def test_what_trackers_write_in_odd_ways_is_read_all_the_same(content: str, title: str, body: str) -> None:
    issue = issues_in(content, "x")[-1]
    assert (issue.title, issue.body) == (title, body)


def test_csv_that_is_none_says_so() -> None:
    with pytest.raises(TicketError, match="not CSV"):
        issues_in(f"Summary,Title\n{'y' * 1_100_000},x\n", "x")
