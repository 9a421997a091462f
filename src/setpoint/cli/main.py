"""The command line's edge: one place where errors become words and exit codes. Nothing heavy is imported here."""

import signal
import sys
from typing import NoReturn

import typer

from .. import __version__
from ..errors import SetpointError
from ..startup import prepare
from . import (
    approvals,
    context,
    costs,
    epics,
    escaping,
    gates,
    halting,
    judgements,
    lessons,
    lists,
    looking,
    manual,
    mcp,
    models,
    people,
    policy,
    reviewing,
    runs,
    sandbox,
    selftest,
    serving,
    start,
    terminals,
    tuning,
    voice,
)
from .out import complain, plain
from .usage import unreadable

app = typer.Typer(
    name="setpoint",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Carry a ticket to a reviewed, proven and released change, as a closed control loop.",
    epilog="Start with `setpoint demo`, or in your repository with `setpoint init`.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"setpoint {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Options of every command."""


for part in (
    start,
    runs,
    epics,
    people,
    lists,
    costs,
    judgements,
    tuning,
    halting,
    escaping,
    mcp,
    looking,
    manual,
    terminals,
    voice,
    serving,
):
    part.register(app)
app.add_typer(gates.app, name="gates", help="The commands that decide. List them, run them, prove that they can fail.")
app.add_typer(approvals.app, name="approvals", help="Whose yes a run rests on. List, verify, and your key.")
app.add_typer(lessons.app, name="lessons", help="What failures teach. Accept it as a rule, or drop it.")
app.add_typer(reviewing.app, name="review", help="What the reviewer is worth. Try it on planted defects.")
app.add_typer(context.app, name="context", help="What a session is given. Part by part, and whose words instruct it.")
app.add_typer(policy.app, name="policy", help="What runs may do here. Show it with who says so, ask about one action.")
app.add_typer(models.app, name="models", help="The configured models. List them, try them.")
app.add_typer(sandbox.app, name="sandbox", help="Where commands of agents and gates run.")
app.add_typer(selftest.app, name="selftest", help="Attacks on setpoint's own promises, tried on real parts.")


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    prepare()
    # Asked to end, a process ends as by Ctrl-C: it stops its commands, lets go of its jobs and says how to go on.
    signal.signal(signal.SIGTERM, _end)
    sys.exit(run(sys.argv[1:]))


def _end(*_: object) -> None:
    # What a script begins in the background ignores Ctrl-C, and would ignore its own end with it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)


def run(arguments: list[str]) -> int:
    """The exit code of one command line."""
    try:
        if wrong := unreadable(arguments):
            raise wrong
        code = app(arguments, prog_name="setpoint", standalone_mode=False)
        return int(code) if isinstance(code, int) else 0
    except SetpointError as error:
        complain(error)
        return error.exit_code
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.TyperException as error:
        from .usage import explained

        said = explained(error)
        if isinstance(said, str):
            plain(said)
        else:
            complain(said)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        plain("setpoint: interrupted; nothing is lost, `setpoint resume` carries on")
        return 130
    except BrokenPipeError:
        return 0
    except Exception as error:  # noqa: BLE001  # the command line's edge: a bug still gets words and a code
        import traceback

        plain(f"setpoint: this is a bug: {type(error).__name__}: {error}")
        plain("".join(traceback.format_exception(error)[-4:]).rstrip())
        return 1
