"""What is wrong with a command line, and which help says how it goes."""

from typing import Any

from ..errors import UsageError


def explained(error: Any) -> UsageError | str:
    """The parser's complaint as ours; where there was none (a group named without its command), the help itself."""
    context = error.ctx if hasattr(error, "ctx") else None
    path = context.command_path if context else "setpoint"
    if type(error).__name__ == "NoArgsIsHelpError":
        return str(error)
    what = error.format_message() if hasattr(error, "format_message") else str(error)
    return UsageError(what.rstrip("."), fix=f"`{path} --help` says how it goes")


def unreadable(arguments: list[str]) -> UsageError | None:
    """Arguments that are not text: nothing can be looked up or written down by them."""
    for argument in arguments:
        if not argument.isascii() and any("\ud800" <= letter <= "\udfff" for letter in argument):
            return UsageError(
                f"the argument {argument!a} is not UTF-8 text",
                fix="give it in UTF-8; a file can be given as `- < FILE`",
            )
    return None
