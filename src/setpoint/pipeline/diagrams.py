"""Pictures in Mermaid: whether they can be drawn.

Checked are the kinds plans use, statement by statement, as Mermaid's own grammar reads them; a kind that is not known
here is refused, for nobody could say whether a reader will see a picture or an error.
"""

import re
from collections.abc import Iterator, Sequence

MOST_LINES = 150
MOST_PROBLEMS = 5
LONGEST = 400
"""Characters of one statement."""

_FENCE = re.compile(r"^```[ \t]*(?:mermaid)?[ \t]*\n(.*?)\n?```[ \t]*$", re.DOTALL)
_ENTITY = re.compile(r"#\w+;")
_BETWEEN = re.compile(r""";(?=(?:[^"]*"[^"]*")*[^"]*$)""")
"""What parts two statements of a line: not what stands in quotes."""
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def source_of(diagram: str) -> str:
    """Mermaid source without the fence that some wrap it in; empty for no picture."""
    text = diagram.replace("\r\n", "\n").strip()
    if text == "none":
        return ""
    fenced = _FENCE.match(text)
    return (fenced.group(1) if fenced else text).replace("```", "").strip()


def block(diagram: str) -> str:
    """The picture as Markdown shows it; empty where there is none."""
    source = source_of(diagram)
    return f"```mermaid\n{source}\n```" if source else ""


def problems(source: str) -> list[str]:
    """What is wrong with Mermaid source, by line; empty when it can be drawn."""
    lines = _statements(source)
    if not lines:
        return ["it is empty"]
    number, head = lines[0]
    found = next((kind for kind in _KINDS if kind.head.fullmatch(head)), None)
    if found is None:
        known = "flowchart, sequenceDiagram, stateDiagram-v2, classDiagram or erDiagram"
        return [f"line {number}: `{head[:60]}` begins no diagram; begin with {known}"]
    if len(lines) > MOST_LINES:
        return [f"{len(lines)} statements; more than {MOST_LINES} nobody reads"]
    longest = max(lines, key=lambda line: len(line[1]))
    if len(longest[1]) > LONGEST:
        return [f"line {longest[0]}: a statement of more than {LONGEST} characters nobody reads"]
    wrong = list(_wrong(found, lines[1:]))
    if not wrong and not any(found.joins(text) for _, text in lines[1:]):
        wrong.append("nothing in it is connected to anything")
    return wrong[:MOST_PROBLEMS]


def _statements(source: str) -> list[tuple[int, str]]:
    text = _FRONT.sub(lambda front: "\n" * front.group().count("\n"), source)
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        plain = _ENTITY.sub("", re.sub(r"%%.*", "", line))
        found += [(number, part.strip()) for part in _BETWEEN.split(plain) if part.strip()]
    return found


class _Kind:
    """One kind of diagram: how it begins, what opens and closes in it, and what a statement is."""

    def __init__(self, head: str, joins: str, others: str, opens: str, closes: str, inside: str = "") -> None:
        self.head = re.compile(head)
        self.joining = re.compile(joins)
        self.others = re.compile(others)
        self.opens = re.compile(opens)
        self.closes = re.compile(closes)
        self.inside = re.compile(inside) if inside else None
        """What opens a block whose lines are free text."""

    def joins(self, text: str) -> bool:
        """Whether a statement connects two things."""
        return self.joining.fullmatch(text) is not None


def _wrong(kind: _Kind, lines: Sequence[tuple[int, str]]) -> Iterator[str]:
    blocks: list[tuple[int, bool]] = []
    for number, text in lines:
        if kind.closes.fullmatch(text):
            if not blocks:
                yield f"line {number}: `{text}` closes nothing"
            else:
                blocks.pop()
        elif blocks and blocks[-1][1]:
            continue
        elif kind.opens.fullmatch(text):
            blocks.append((number, bool(kind.inside and kind.inside.fullmatch(text))))
        elif not kind.others.fullmatch(text) and not kind.joins(text):
            yield f"line {number}: `{text[:80]}` is no statement of this diagram{_hint(text)}"
    yield from (f"line {number}: what begins here is not closed" for number, _ in blocks)


def _hint(text: str) -> str:
    inner = re.search(r"[\[({]([^\"\[\](){}]*[\[({][^\"]*)[\])}]", text)
    return "; put text with brackets into quotes" if inner else ""


# -- the kinds ---------------------------------------------------------------------------------------------------------

_ID = r"(?!end\b)\w+(?:[.-]\w+)*"
_QUOTED = r'"[^"]*"'
_TEXT = rf"(?:{_QUOTED}|[^\"\[\](){{}}|]+)"
_SHAPE = (
    rf"(?:\[\[{_TEXT}\]\]|\[\({_TEXT}\)\]|\[/{_TEXT}[/\\]\]|\[\\{_TEXT}[/\\]\]|\[{_TEXT}\]|\(\(\({_TEXT}\)\)\)"
    rf"|\(\({_TEXT}\)\)|\(\[{_TEXT}\]\)|\({_TEXT}\)|\{{\{{{_TEXT}\}}\}}|\{{{_TEXT}\}}|>{_TEXT}\])"
)
_NODE = rf"{_ID}(?:{_SHAPE})?(?::::\w+)?"
_NODES = rf"{_NODE}(?:\s*&\s*{_NODE})*"
_ARROW = r"(?:[<ox]?(?:-{2,}[->ox]|={2,}[=>ox]|-\.+-[>ox]?)|~~~)"
_SAID = r"(?:--\s+[^-|>\n]+?\s*-{2,}[->ox]|==\s+[^=|>\n]+?\s*={2,}[=>ox]|-\.\s+[^.|>\n]+?\s*\.+-[>ox]?)"
_LINK = rf"\s*(?:{_ARROW}|{_SAID})(?:\s*\|{_TEXT}\|)?\s*"
_STYLE = r"(?:classDef|class|style|linkStyle|click|direction|accTitle|accDescr|title)\b.*"
_NAME = r"(?:[\w.]+(?:[ -][\w.]+)*|\"[^\"]+\")"
_WHO = r"[\w.]+(?:[ -][\w.]+)*"
_STATE = r"(?:\[\*\]|\w+)"

_KINDS: tuple[_Kind, ...] = (
    _Kind(
        head=r"(?:graph|flowchart)(?:\s+(?:TB|TD|BT|RL|LR))?",
        joins=rf"{_NODES}(?:{_LINK}{_NODES})+",
        others=rf"{_STYLE}|{_NODES}",
        opens=rf"subgraph(?:\s+(?:{_ID}\s*(?:\[{_TEXT}\])?|{_QUOTED}|[\w ]+))?",
        closes="end",
    ),
    _Kind(
        head=r"sequenceDiagram",
        joins=rf"{_WHO}\s*(?:<<)?--?(?:>>|>|x|\))\s*[+-]?\s*{_WHO}\s*:.*",
        others=rf"(?:create\s+)?(?:participant|actor)\s+{_WHO}(?:\s+as\s+.+)?|destroy\s+{_WHO}|autonumber.*"
        rf"|(?:de)?activate\s+{_WHO}|[Nn]ote\s+(?:left of|right of|over)\s+{_WHO}(?:\s*,\s*{_WHO})?\s*:.+"
        r"|(?:else|and|option)\b.*|(?:title|accTitle|accDescr)\b.*|links?\s+.+",
        opens=r"(?:loop|alt|opt|par|critical|break|rect|box)\b.*",
        closes="end",
    ),
    _Kind(
        head=r"stateDiagram(?:-v2)?",
        joins=rf"{_STATE}\s*-->\s*{_STATE}(?:\s*:.+)?",
        others=rf"{_STYLE}|state\s+(?:{_QUOTED}\s+as\s+)?\w+(?:\s*<<\w+>>)?|\w+\s*:.+|\w+|--"
        r"|note\s+(?:left|right) of\s+\w+\s*:.+",
        opens=rf"state\s+(?:{_QUOTED}\s+as\s+)?\w+\s*\{{|note\s+(?:left|right) of\s+\w+",
        closes=r"\}|end note",
        inside=r"note\s+.*",
    ),
    _Kind(
        head=r"classDiagram(?:-v2)?",
        joins=rf"[\w~.`]+\s*(?:{_QUOTED}\s*)?(?:<\||[*o<])?(?:--|\.\.)(?:\|>|[*o>])?\s*(?:{_QUOTED}\s*)?[\w~.`]+(?:\s*:.+)?",
        others=rf"class\s+[\w~.`]+(?:\[{_TEXT}\])?(?::::\w+)?|[\w~.`]+\s*:.+|<<\w+>>\s*\w+|note\b.*|{_STYLE}",
        opens=rf"(?:class\s+[\w~.`]+(?:\[{_TEXT}\])?|namespace\s+[\w.]+)\s*\{{",
        closes=r"\}",
        inside=r"class\s.*",
    ),
    _Kind(
        head=r"erDiagram",
        joins=rf"{_NAME}\s*(?:\|o|\|\||\}}o|\}}\|)(?:--|\.\.)(?:o\||\|\||o\{{|\|\{{)\s*{_NAME}\s*:\s*(?:{_QUOTED}|[\w-]+)",
        others=rf"{_NAME}(?:\[{_TEXT}\])?|{_STYLE}",
        opens=rf"{_NAME}(?:\[{_TEXT}\])?\s*\{{",
        closes=r"\}",
        inside=r".*\{",
    ),
)
