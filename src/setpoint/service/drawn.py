"""A Mermaid picture as lines for a terminal; its source, where it cannot be drawn well there."""

from ..pipeline.diagrams import problems, source_of

WIDEST = 140
"""Columns; a wider picture tells less than its source."""
MOST_STATEMENTS = 60
"""A larger picture takes seconds and fits no screen."""
_FAULTS = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, AssertionError)
"""What the drawing library may stumble with over a picture that Mermaid itself would take."""


def drawn(diagram: str) -> list[str]:
    """The picture in lines, or its source with a word why; nothing for no picture."""
    source = source_of(diagram)
    if not source:
        return []
    lines = [] if problems(source) or len(source.splitlines()) > MOST_STATEMENTS else _lines(source)
    if lines and max(map(len, lines)) <= WIDEST:
        return lines
    return ["(Mermaid source: the picture does not fit a terminal)", *source.splitlines()]


def _lines(source: str) -> list[str]:
    from termaid import render  # only when something is drawn

    try:
        art = render(source, gap=3, padding_x=2, padding_y=0)
    except _FAULTS:
        return []
    lines = [line.rstrip() for line in art.splitlines()]
    return [line for line in lines if line] and lines
