"""How a run converges, as a picture: the error of each round, and what opened, closed and came back."""

from collections.abc import Mapping, Sequence
from html import escape

from .views import RoundView, RunView

BARS = "▁▂▃▄▅▆▇█"
_WIDE, _HIGH, _LEFT, _TOP, _ROW = 46, 120, 60, 64, 190
_COLOURS = {"opened": "#d9822b", "reopened": "#c23030", "closed": "#0f9960"}


def loops_of(rounds: Sequence[RoundView]) -> dict[tuple[int, str], list[RoundView]]:
    """The rounds by cycle and loop, in order."""
    found: dict[tuple[int, str], list[RoundView]] = {}
    for round_ in rounds:
        found.setdefault((round_.cycle, round_.loop), []).append(round_)
    return found


def bars(errors: Sequence[float]) -> str:
    """A column for each round, as high as its error; a dot where there is none left."""
    most = max(errors, default=0.0)
    return "".join("·" if not e else BARS[round(e / most * (len(BARS) - 1))] for e in errors)


def svg(view: RunView) -> str:
    """The picture of a run: a row a loop, the error as a line, opened, came back and closed as columns below it."""
    loops = loops_of(view.rounds)
    wide = max(520, _LEFT + _WIDE * max((len(each) for each in loops.values()), default=0) + 40)
    high = _TOP + _ROW * max(len(loops), 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
        'font-family="ui-monospace, monospace" font-size="12">',
        f'<rect width="{wide}" height="{high}" fill="#ffffff"/>',
        _text(16, 24, f"{view.id}  {view.ticket}: {view.title}", weight="bold"),
        _text(16, 44, f"{view.state} at {view.stage}: {view.note}"[:120], fill="#5c7080"),
    ]
    parts += [_row(loop, rounds, _TOP + number * _ROW) for number, (loop, rounds) in enumerate(loops.items())]
    if not loops:
        parts.append(_text(16, _TOP + 20, "no round yet"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(loop: tuple[int, str], rounds: Sequence[RoundView], top: int) -> str:
    most = max((round_.error for round_ in rounds), default=0.0) or 1.0
    base = top + 24 + _HIGH
    columns = [_LEFT + number * _WIDE for number in range(len(rounds))]
    points = [
        (x + _WIDE / 2, base - round_.error / most * (_HIGH - 20)) for x, round_ in zip(columns, rounds, strict=True)
    ]
    parts = [_text(16, top + 12, f"{loop[0]}.{loop[1]}", weight="bold")]
    parts.append(f'<line x1="{_LEFT}" y1="{base}" x2="{_LEFT + _WIDE * len(rounds)}" y2="{base}" stroke="#bfccd6"/>')
    for left, round_ in zip(columns, rounds, strict=True):
        parts += _columns(left, base, {"opened": round_.opened, "reopened": round_.reopened, "closed": round_.closed})
        parts.append(_text(left + _WIDE / 2 - 4, base + 14, str(round_.attempt), fill="#5c7080"))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline points="{path}" fill="none" stroke="#137cbd" stroke-width="2"/>')
    for (x, y), round_ in zip(points, rounds, strict=True):
        told = f"round {round_.attempt}: error {round_.error:g}, {round_.opened} opened, {round_.closed} closed, "
        told += f"{round_.reopened} came back, {round_.repeated} stayed, {round_.lines} lines; {round_.choice}"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#137cbd"><title>{escape(told)}</title></circle>')
        parts.append(_text(x + 6, y - 6, f"{round_.error:g}"))
    parts += _legend(base + 30, rounds[-1].choice)
    return "\n".join(parts)


def _legend(y: float, ended: str) -> list[str]:
    words = {"opened": "opened", "reopened": "came back", "closed": "closed"}
    named = enumerate(_COLOURS.items())
    parts = [_text(_LEFT + 90 * n, y, f"■ {words[name]}", fill=colour) for n, (name, colour) in named]
    return [*parts, _text(_LEFT + 280, y, f"→ {ended}", fill="#5c7080")] if ended else parts


def _columns(x: float, base: float, counts: Mapping[str, int]) -> list[str]:
    """Three thin columns above the base, four pixels a piece, at most fifteen pieces high."""
    left = x + _WIDE / 2 - 8
    return [
        f'<rect x="{left + 6 * n}" y="{base - 4 * min(count, 15)}" width="5" height="{4 * min(count, 15)}" '
        f'fill="{_COLOURS[name]}" opacity="0.7"/>'
        for n, (name, count) in enumerate(counts.items())
        if count
    ]


def _text(x: float, y: float, text: str, *, fill: str = "#182026", weight: str = "normal") -> str:
    printable = "".join(c if c.isprintable() else "·" for c in text)
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-weight="{weight}">{escape(printable)}</text>'
