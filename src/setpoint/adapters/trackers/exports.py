"""Issues of trackers, as their own tools and exports give them, as tickets: GitHub, GitLab, Linear and Jira; JSON, CSV
and Jira's XML.

What others said below an issue is left out: whoever may comment does not say what is to be done. Nothing of an issue's
text is read as settings of the ticket.
"""

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

from pydantic import Field

from ...errors import TicketError
from ...inputs import LARGEST
from ...model.record import Record

_BLOCKS = frozenset(("p", "div", "br", "li", "ul", "ol", "h1", "h2", "h3", "h4", "tr", "pre", "table", "blockquote"))


class Issue(Record):
    """One issue of any tracker."""

    key: str
    title: str = Field(min_length=1)
    body: str = ""
    labels: tuple[str, ...] = ()
    url: str = ""

    def ticket(self) -> str:
        """The issue as a ticket's Markdown; its front matter stands first, so that none of the body's counts."""
        told: dict[str, Any] = {"id": self.key, "title": " ".join(self.title.split())[:200]}
        told |= {"labels": list(self.labels)} if self.labels else {}
        front = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in told.items())
        source = f"\n\n> From {self.url}" if self.url else ""
        return f"---\n{front}\n---\n\n# {told['title']}\n\n{self.body.strip()}{source}\n"


def issues_in(content: str, called: str) -> tuple[Issue, ...]:
    """The issues that `content` holds; none where it is no export that is known. Raises TicketError for one that is
    broken."""
    start = content.lstrip()[:1]
    if start in ("{", "["):
        return _json(content, called)
    if start == "<" and "<rss" in content[:4000]:
        return tuple(_jira_xml(content, called))
    first = content.split("\n", 1)[0]
    if "," in first and {"title", "summary"} & {name.casefold() for name in _names(first)}:
        return tuple(_csv(content, called))
    return ()


def chosen(issues: Sequence[Issue], key: str, called: str) -> Issue:
    """The issue called `key`, or the only one. Raises TicketError otherwise."""
    found = [issue for issue in issues if not key or issue.key.casefold() in (key.casefold(), f"issue-{key}")]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{issue.key} ({issue.title[:40]})" for issue in issues[:12])
    what = f"{called} holds {len(issues)} issues" if not key else f"{called} holds no issue {key}"
    raise TicketError(what, why=f"it has {listed}", fix="name one: `FILE#KEY`")


# -- JSON --------------------------------------------------------------------------------------------------------------


def _json(content: str, called: str) -> tuple[Issue, ...]:
    try:
        told = json.loads(content)
    except (json.JSONDecodeError, RecursionError) as error:
        at = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise TicketError(f"{called}{at}: this is not JSON", why=str(error), fix="export the issue again") from error
    found = [_issue(each) for each in _listed(told)]
    if not found or None in found:
        known = "`gh issue view N --json number,title,body,labels,url`, GitLab's and Jira's REST answers, Linear's"
        raise TicketError(f"{called} is no issue that is known", why="no tracker gives JSON like this", fix=known)
    return tuple(issue for issue in found if issue is not None)


def _listed(told: Any) -> Sequence[Any]:
    """The issues of an answer: one, a list, or what an API wraps them in."""
    for key in ("data", "issues", "issue", "nodes"):
        if isinstance(told, dict) and isinstance(told.get(key), dict | list) and "fields" not in told:
            told = told[key]
    return told if isinstance(told, list) else [told]


def _issue(told: Any) -> Issue | None:
    if not isinstance(told, dict):
        return None
    read = next((_READS[mark] for mark in _READS if mark in told), None)
    return read(told) if read else None


def _jira(told: Mapping[str, Any]) -> Issue | None:
    fields = told["fields"]
    if not isinstance(fields, dict) or not fields.get("summary"):
        return None
    kind = fields.get("issuetype")
    kind = str(kind.get("name") or "") if isinstance(kind, dict) else ""
    body = fields.get("description")
    text = "".join(_adf(body)) if isinstance(body, dict) else str(body or "")
    return _made(str(told.get("key", "issue")), fields["summary"], text, [kind, *_names_of(fields)], "")


def _adf(node: Any) -> Iterator[str]:
    """Words of a document in Atlassian's own format."""
    if not isinstance(node, dict):
        return
    kind = node.get("type", "")
    lead = {"listItem": "- ", "heading": "## "}.get(kind, "")
    yield lead + str(node.get("text", "")) + ("\n" if kind == "hardBreak" else "")
    for inner in _many(node.get("content")):
        yield from _adf(inner)
    yield {"paragraph": "\n\n", "heading": "\n\n", "codeBlock": "\n\n"}.get(kind, "")


def _linear(told: Mapping[str, Any]) -> Issue | None:
    return _made(told["identifier"], told.get("title"), told.get("description"), _names_of(told), told.get("url"))


def _gitlab(told: Mapping[str, Any]) -> Issue | None:
    return _made(
        f"issue-{told['iid']}", told.get("title"), told.get("description"), _names_of(told), told.get("web_url")
    )


def _github(told: Mapping[str, Any]) -> Issue | None:
    url = told.get("html_url") or told.get("url")
    return _made(f"issue-{told['number']}", told.get("title"), told.get("body"), _names_of(told), url)


_READS: dict[str, Callable[[Mapping[str, Any]], Issue | None]] = {
    "fields": _jira,
    "identifier": _linear,
    "iid": _gitlab,
    "number": _github,
}
"""Trackers, by the field that only their issues have."""


def _names_of(told: Mapping[str, Any]) -> list[str]:
    labels = told.get("labels")
    labels = labels.get("nodes") if isinstance(labels, dict) else labels
    return [str(label.get("name") or "") if isinstance(label, dict) else str(label) for label in _many(labels)]


def _many(told: Any) -> Sequence[Any]:
    """A list, or nothing: trackers write null and whatever else where they have none."""
    return told if isinstance(told, list) else ()


def _made(key: str, title: Any, body: Any, labels: Sequence[str], url: Any) -> Issue | None:
    if not str(title or "").strip():
        return None
    plain = tuple(dict.fromkeys(" ".join(_sound(label).split()) for label in labels if label and label.strip()))
    text = _sound(str(body or "")).replace("\r\n", "\n")
    return Issue(
        key=_sound(str(key)), title=_sound(str(title)).strip(), body=text, labels=plain, url=_sound(str(url or ""))
    )


def _sound(text: str) -> str:
    """`text` without what UTF-8 or a database cannot hold: JSON may name half a letter."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


# -- CSV and XML -------------------------------------------------------------------------------------------------------


def _names(row: str) -> list[str]:
    return next(csv.reader([row]), [])


def _csv(content: str, called: str) -> Iterator[Issue]:
    """Linear's and Jira's exports: a column may stand more than once, as Jira's labels do."""
    csv.field_size_limit(max(LARGEST, csv.field_size_limit()))
    try:
        first, *rows = csv.reader(io.StringIO(content))
    except csv.Error as error:
        raise TicketError(f"{called}: this is not CSV", why=str(error), fix="export the issues again") from error
    names = [name.strip().casefold() for name in first]
    for number, row in enumerate(rows, start=2):
        told: dict[str, list[str]] = {}
        for name, value in zip(names, row, strict=False):
            if value.strip():
                told.setdefault(name, []).append(value)

        def one(*columns: str, among: Mapping[str, list[str]] = told) -> str:
            return next((among[column][0] for column in columns if column in among), "")

        labels = [part for value in told.get("labels", ()) for part in value.split(",")]
        labels = [one("issue type", "type"), *labels]
        issue = _made(
            one("issue key", "id") or f"row-{number}", one("summary", "title"), one("description"), labels, ""
        )
        if issue is not None:
            yield issue
        elif any(row):
            raise TicketError(f"{called}, row {number}: the issue has no title", fix="export it again")


def _jira_xml(content: str, called: str) -> Iterator[Issue]:
    for item in _between(content, "<item>", "</item>"):
        key, title, link = (_tag(item, name) for name in ("key", "summary", "link"))
        labels = [_tag(item, "type"), *map(html.unescape, _between(item, "<label>", "</label>"))]
        issue = _made(key or "issue", title, words_of(_tag(item, "description")), labels, link)
        if issue is None:
            raise TicketError(f"{called}: issue {key or '?'} has no summary", fix="export it again")
        yield issue


def _tag(item: str, name: str) -> str:
    opens = re.search(rf"<{name}(?:\s[^<>]*)?>", item)
    told, closes, _ = item[opens.end() :].partition(f"</{name}>") if opens else ("", "", "")
    return html.unescape(told.removeprefix("<![CDATA[").removesuffix("]]>").strip()) if closes else ""


def _between(text: str, opens: str, closes: str) -> Iterator[str]:
    """What stands between the two, each time. One look at each character: an export may be long, and broken."""
    for piece in text.split(opens)[1:]:
        told, closed, _ = piece.partition(closes)
        if closed:
            yield told


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.parts.append("\n- " if tag == "li" else "\n" if tag in _BLOCKS else "")

    def handle_endtag(self, tag: str) -> None:
        self.parts.append("\n" if tag in _BLOCKS else "")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def words_of(markup: str) -> str:
    """The words of an HTML text, its paragraphs and list entries on lines of their own."""
    reader = _Words()
    reader.feed(markup.replace("<![", "&lt;!["))  # the library takes an unknown section for a bug of its own
    reader.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.parts)).strip()
