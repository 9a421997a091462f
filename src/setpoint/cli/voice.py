"""A ticket from words, typed or spoken: new, and talk for the key or pedal that starts and ends the listening."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .manual import edited
from .out import asked, asks, data, paint, plain, visible
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House


OUT = typer.Option(None, "--out", help="The ticket's file; otherwise named by its words.")


def new(
    words: str = typer.Argument("", help="The ticket's words; none with --voice."),
    voice: bool = typer.Option(False, "--voice", help="Take them from the configured speech-to-text command."),
    push_to_talk: bool = typer.Option(False, "--push-to-talk", help="Listen between `setpoint talk start` and `stop`."),
    out: Path | None = OUT,
) -> None:
    """Write a ticket file from words. On a terminal what was heard is shown first, to be taken, edited or dropped."""

    async def use(house: "House") -> int:
        from ..errors import UsageError
        from ..service.dictation import file_name
        from .manual import write_new

        if bool(words.strip()) == voice or (push_to_talk and not voice):
            raise UsageError("either words or --voice", fix="`setpoint new '…'`, or `setpoint new --voice`")
        text = words.strip() or _heard(house, push_to_talk)
        if voice and asks():
            text = await _confirmed(text)
        if not text:
            plain("nothing was written")
            return 130
        file = out or Path(file_name(text))
        write_new(file, f"{text}\n")
        _tell_gaps(house, text, file)
        return 0

    in_house(use)


def _heard(house: "House", push_to_talk: bool) -> str:
    import os
    import sys

    from ..redacting import secret_names
    from ..service.dictation import START, dictated, listening, said

    settings, held = house.config.voice, secret_names(house.config)
    environ = {name: value for name, value in os.environ.items() if name not in held}
    if push_to_talk:
        house.state.mkdir(exist_ok=True)
        with listening(house.state / "talk") as pipe:
            plain("press and hold: `setpoint talk start`, then `setpoint talk stop`")
            while said(pipe) != START:
                pass
            return dictated(settings.command, environ, settings.seconds, pipe)
    ends = sys.stdin.buffer if asks() else None
    plain("speak" + ("; Enter ends it" if ends else ""))
    return dictated(settings.command, environ, settings.seconds, ends)


async def _confirmed(text: str) -> str:
    """What the person makes of what was heard; empty when they drop it."""
    while True:
        plain(visible(text))
        answer = await asked(paint("take it? [y = yes, e = edit, n = no] ", "bold"))
        if answer.casefold() in ("y", "yes", ""):
            return text
        if answer.casefold() in ("n", "no"):
            return ""
        text = edited(text) if answer.casefold() == "e" else answer


def _tell_gaps(house: "House", text: str, file: Path) -> None:
    """Say what intake would refuse or ask, while the words are fresh."""
    from ..errors import TicketError

    try:
        gaps = house.gaps(text, name=file.stem, kind=None)
    except TicketError as error:
        plain(paint(f"! {visible(error.what)}", "yellow"))
        plain(f"next: mend {file}, then `setpoint run {file}`")
        return
    for gap in gaps:
        plain(f"it does not say {gap.what}")
    data(str(file))
    plain(f"next: `setpoint run {file}`")


def talk(word: str = typer.Argument(..., help="start or stop.")) -> None:
    """Start and end listening, by key or pedal. For `setpoint new --push-to-talk`."""

    async def use(house: "House") -> int:
        from ..service.dictation import tell

        tell(house.state / "talk", word)
        return 0

    in_house(use)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(new)
    app.command()(talk)
