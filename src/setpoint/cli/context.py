"""`setpoint context`: what a session is given, part by part, and whose words instruct it."""

from typing import TYPE_CHECKING

import typer

from .out import data, document, paint, plain, visible
from .runs import in_house, read_ticket

if TYPE_CHECKING:
    from ..app import House
    from ..service.contexts import ContextView

app = typer.Typer(no_args_is_help=True)
PHASE = typer.Option(..., "--phase", "-p", help="discovery, planning, tests, implementation, review, ...")
ABOUT = typer.Argument("", help="A run, or a ticket: a file, `-`, its words. Empty: the repository's part alone.")
TEXT = typer.Option(False, "--text", help="Print the parts themselves, too.")
JSON = typer.Option(False, "--json", help="One JSON document.")
NAME = typer.Argument("", help="A phase, `rework`, or validate_DELIVERABLE; empty: their names.")


@app.command("show")
def show(phase: str = PHASE, about: str = ABOUT, text: bool = TEXT, as_json: bool = JSON) -> None:
    """The first request of a phase's session, part by part with its tokens. As it was sent, or would be. No model."""

    async def use(house: "House") -> int:
        words, name = ("", "") if house.known(about) else await read_ticket(house, about) if about else ("", "")
        view = await house.context(phase, run=about if not words else "", text=words, name=name)
        if as_json:
            document(view)
        else:
            _print(view, text)
        return 0

    in_house(use)


def _print(view: "ContextView", text: bool) -> None:
    told = f"run {view.run}, as it was sent" if view.sent else "as it would be sent now"
    to = f" to {view.model}" if view.model else ""
    data(f"{paint(view.phase, 'bold')}  about {view.tokens:,} tokens{to}; {told}")
    if view.sensitive:
        data(f"  sensitive ({visible(view.sensitive)}): models in the house alone")
    wide = min(max((len(part.part) for part in view.parts), default=0), 40)
    for part in view.parts:
        data(f"  {part.tokens:>7,}  {visible(part.part)[:40]:<{wide}}  {paint(visible(part.source), 'dim')}")
        if part.cut:
            data(f"  {'':>7}  {paint('cut', 'yellow')}: {visible(part.cut)}")
        if text:
            data("\n".join(f"           {line}" for line in visible(part.text).split("\n")))
    for path in view.not_shown:
        data(f"  named only: {visible(path)}")
    for note in view.not_followed:
        plain(paint(f"! {visible(note)}", "yellow"))


@app.command("prompt")
def prompt(name: str = NAME) -> None:
    """Print packaged instructions. A file of that name in the folder `[context] prompts` stands in their place."""
    from ..errors import UsageError
    from ..pipeline.prompts import names
    from ..pipeline.prompts import prompt as packaged

    if not name:
        data("\n".join(names()))
        return
    if name not in names():
        raise UsageError(f"there are no instructions called `{name}`", fix=f"one of: {', '.join(names())}")
    found = packaged(name)
    data(f"<!-- prompt: {found.name} v{found.version} -->\n{found.text}")
